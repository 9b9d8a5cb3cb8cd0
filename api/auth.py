# SPDX-License-Identifier: Apache-2.0
"""Who is calling, by one API key in `Authorization: Bearer`; what that key may do; and the trail of what it saw."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from api.body import UNMATCHED
from api.keys import CALLER, CLOCK, ITEMS, KEYS, POOL, REQUEST_ID, TRAIL
from api.logs import mask_text
from api.problems import Unauthorized
from desmos_fast.identity import rights
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.model import Caller
from desmos_fast.identity.rights import Rule

_ANSWER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(Sequence[msgspec.Raw])


async def authenticate(request: web.Request) -> Caller:
    """Return the caller of a request. Raises Unauthorized, UnknownKey or DatabaseDown."""
    given = request.headers.getall("Authorization", [])
    if len(given) != 1:
        raise Unauthorized("one Authorization header is needed: `Bearer dsf_…`")
    scheme, _, secret = given[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("the scheme of Authorization is Bearer")
    return await request.app[KEYS].authenticate(request.app[POOL], secret.strip())


def allow(request: web.Request, route: str) -> Rule | None:
    """Return the rule of a route that the caller may ask for, None for a path that leads nowhere, which says so itself.

    Raises RoleMissing.
    """
    if route == UNMATCHED:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return rights.check(method, route, request[CALLER].roles)


async def note(request: web.Request, rule: Rule, route: str, response: web.StreamResponse) -> None:
    """Keep that the caller is about to see what is answered; no answer leaves without. Raises DatabaseDown."""
    if not rule.audited or response.status >= 400:
        return
    caller = request[CALLER]
    access = Access(
        at=request.app[CLOCK](),
        actor=str(caller.key_id),
        action=f"{request.method} {route}",
        subject=mask_text("/".join(request.match_info.values())),
        request=request[REQUEST_ID],
        items=_count(request, rule, response),
        filter=mask_text(urlencode(sorted(request.query.items()), safe="/:,")),
    )
    await request.app[TRAIL].add(caller.tenant, access)


def _count(request: web.Request, rule: Rule, response: web.StreamResponse) -> int:
    if ITEMS in request:
        return request[ITEMS]
    if rule.items and isinstance(response, web.Response) and isinstance(response.body, bytes):
        found = _ANSWER.decode(response.body).get(rule.items)
        if found is not None:
            return len(_LIST.decode(found))
    return 1


async def noting(app: web.Application) -> AsyncIterator[None]:
    """Wait, when the application ends, for the uses of keys that are being noted."""
    yield
    await app[KEYS].close()
