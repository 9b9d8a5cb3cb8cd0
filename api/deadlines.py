# SPDX-License-Identifier: Apache-2.0
"""How long each route may take, counted from the moment its body is there: most alike, the hot one less, the long ones more."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from aiohttp import web

from api.keys import DEADLINES
from desmos_fast.base.deadline import Deadline

HOT: Final = frozenset({"/v1/invoices"})
# Many rows, or whole files.
LONG: Final = frozenset({
    "/v1/invoices:batch", "/v1/invoices:stream", "/v1/lots:build", "/v1/lots:preview", "/v1/lots/{id}:rebuild", "/v1/returns",
    "/v1/returns/dead/{id}:retry", "/v1/bank-statements", "/v1/reconciliations", "/v1/files/{id}/content", "/v1/matching/settings",
    "/v1/follow-up/settings", "/v1/accounting/exports", "/v1/accounting/exports/{id}/file", "/v1/accounting/draft",
    "/v1/audits/tp/{quarter}", "/v1/webhooks/{id}:replay", "/v1/test/clock",
})  # fmt: skip
# How long these take is up to whoever puts a card in or listens, and says nothing of the service.
WAITING: Final = frozenset({"/v1/readers/events", "/v1/readers/{id}:read", "/v1/agents/{id}/doctor"})
# A stream has a deadline for each of its blocks.
OWN: Final = WAITING | {"/v1/invoices:stream"}


def limit_of(app: web.Application, route: str) -> float:
    """Return how many seconds a route may take."""
    limits = app[DEADLINES]
    if route in HOT:
        return limits.hot_s
    return limits.long_s if route in LONG else limits.ordinary_s


def of(request: web.Request, route: str) -> AbstractAsyncContextManager[Deadline | None]:
    """Return the deadline of a request; what it waits for its caller's body is no part of it, and has limits of its own."""
    return nullcontext() if route in OWN else Deadline(limit_of(request.app, route))
