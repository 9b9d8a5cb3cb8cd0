# SPDX-License-Identifier: Apache-2.0
"""Who is calling: one API key in `Authorization: Bearer`."""

from aiohttp import web

from api.keys import KEYS, POOL
from api.problems import Unauthorized
from desmos_fast.identity.model import Caller


async def authenticate(request: web.Request) -> Caller:
    """Return the caller of a request. Raises Unauthorized, UnknownKey or DatabaseDown."""
    given = request.headers.getall("Authorization", [])
    if len(given) != 1:
        raise Unauthorized("one Authorization header is needed: `Bearer dsf_…`")
    scheme, _, secret = given[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("the scheme of Authorization is Bearer")
    return await request.app[KEYS].authenticate(request.app[POOL], secret.strip())
