# SPDX-License-Identifier: Apache-2.0
"""Pages of lists, the newest first: filters that several lists share, and opaque cursors."""

import base64
import binascii
import re
from collections.abc import Collection
from typing import Final
from uuid import UUID

from aiohttp import web

from api.body import day, number
from api.problems import BadCursor, BadParameter
from desmos_fast.lots.listing.model import PAGE, Wanted

_PLACE: Final = re.compile(r"([0-9]{2})(?:/([0-9]{3})(?:/([0-9]{4}))?)?")
# regime, caisse and centre are one number of nine digits.
_DIGITS: Final = 9
_LENGTH: Final = 16


def write_cursor(last: UUID) -> str:
    """Return the cursor of what follows a row."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def read_cursor(request: web.Request) -> UUID | None:
    """Return the row after which a page begins, None for the first one. Raises BadCursor."""
    given = request.query.get("cursor")
    if given is None:
        return None
    try:
        place = base64.b64decode(given + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        place = b""
    if len(place) != _LENGTH or write_cursor(UUID(bytes=place)) != given:
        raise BadCursor("a cursor is taken as it was given, from `next`")
    return UUID(bytes=place)


def wanted(request: web.Request, states: Collection[str]) -> Wanted:
    """Return what the query of a list asks for. Raises BadParameter, BadCursor."""
    state = request.query.get("state")
    if state is not None and state not in states:
        raise BadParameter(f"state is one of {', '.join(states)}")
    low, high = destination(request)
    return Wanted(
        state=state,
        since=day(request, "from"),
        until=day(request, "to"),
        low=low,
        high=high,
        before=read_cursor(request),
        limit=number(request, "limit", PAGE, PAGE),
    )


def destination(request: web.Request) -> tuple[int | None, int | None]:
    """Return the lowest and highest destination that `destination` names: a regime, a regime/caisse, or one regime/caisse/centre."""
    given = request.query.get("destination")
    if given is None:
        return None, None
    found = _PLACE.fullmatch(given)
    if found is None or not given.isascii():
        raise BadParameter("destination is regime, regime/caisse or regime/caisse/centre, digits 2/3/4")
    digits = "".join(filter(None, found.groups()))
    return int(digits.ljust(_DIGITS, "0")), int(digits.ljust(_DIGITS, "9"))
