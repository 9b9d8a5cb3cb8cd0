# SPDX-License-Identifier: Apache-2.0
"""What a caller may still ask for, in the headers of the draft `RateLimit header fields for HTTP`: limits that are there, and no others.

And what time it is, where that is not the time of everybody.
"""

import functools
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from api.admission import Shares
from api.keys import CALLER, CEILING, CLOCK, SHARES
from desmos_fast.base.clock import ahead, at
from desmos_fast.base.types import TenantId

HOUR_S: Final = 3600
DAY_S: Final = 86_400
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Say what limits a request of this kind has: how many writes of a centre this process does at once, and look-ups of an account.

    `r` counts what others hold now; a write that finds none waits a second before it is 503.
    """
    caller = request.get(CALLER)
    if caller is None:
        return
    clock = request.app[CLOCK]
    if ahead(clock, caller.tenant):
        response.headers["X-Test-Clock"] = at(clock, caller.tenant).isoformat(timespec="seconds").replace("+00:00", "Z")
    if request.method not in _READS:
        response.headers.update(writes(request.app[SHARES], caller.tenant))
        return
    ceiling = request.get(CEILING)
    if ceiling is not None:
        response.headers["RateLimit-Policy"] = _look_ups(ceiling.hour, ceiling.day)


def writes(shares: Shares, tenant: TenantId) -> Mapping[str, str]:
    """Return the headers that say how many writes a centre may have under way, and how many more there is room for."""
    return _writes(shares.slots, shares.left(tenant))


def writes_left(shares: Shares, tenant: TenantId) -> str:
    """Return the same as the lines of a head."""
    return _lines(shares.slots, shares.left(tenant))


@functools.cache
def _lines(slots: int, left: int) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in _writes(slots, left).items()])


@functools.cache
def _writes(slots: int, left: int) -> Mapping[str, str]:
    return {"RateLimit-Policy": f'"writes";q={slots};qu="concurrent-requests"', "RateLimit": f'"writes";r={left}'}


@functools.lru_cache(maxsize=256)
def _look_ups(hour: int, day: int) -> str:
    return f'"look-ups-hour";q={hour};w={HOUR_S}, "look-ups-day";q={day};w={DAY_S}'
