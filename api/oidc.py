# SPDX-License-Identifier: Apache-2.0
"""People sign in by a provider of identities: a browser is sent there, and comes back with a code."""

from html import escape
from typing import Final

from aiohttp import web

from api.auth import COOKIE
from api.keys import CLOCK, GATEWAY
from api.problems import BadParameter
from desmos_fast.base.types import KeyKind
from desmos_fast.identity.oidc.model import OidcRefused
from desmos_fast.identity.oidc.service import LASTS

routes: Final = web.RouteTableDef()
BEGUN: Final = "__Host-desmos-begun"
_KINDS: Final[dict[str, KeyKind]] = {"test": "test", "live": "live"}
# A redirect would still be one of the other site, with which a strict cookie does not go; a page of ours that leads on is not.
PAGE: Final = """<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Connexion</title><meta http-equiv="refresh" content="0;url={0}"></head>
<body><p>Vous êtes connecté. <a href="{0}">Continuer</a></p></body>
</html>
"""


@routes.get("/v1/oidc/start")
async def start(request: web.Request) -> web.StreamResponse:
    """Send a browser to the provider of identities; `centre` is a FINESS, needed with rights in several centres."""
    given = request.query.get("kind")
    if given is not None and given not in _KINDS:
        raise BadParameter("kind is test or live")
    kind = None if given is None else _KINDS[given]
    place, kept = await request.app[GATEWAY].begin(request.query.get("centre"), kind, request.app[CLOCK]())
    response = web.Response(status=302, headers={"Location": place})
    # It comes back from another site: strictly it would not.
    seconds = int(LASTS.total_seconds())
    response.set_cookie(BEGUN, kept, path="/", max_age=seconds, secure=True, httponly=True, samesite="Lax")
    return response


@routes.get("/v1/oidc/callback")
async def callback(request: web.Request) -> web.StreamResponse:
    """Take the code of the provider, open a session in a cookie, and lead on."""
    gateway, query = request.app[GATEWAY], request.query
    if "error" in query:
        raise OidcRefused("the provider refuses the person, or the person refused", hint="begin again")
    kept = request.cookies.get(BEGUN, "")
    made, _ = await gateway.finish(kept, query.get("code", ""), query.get("state", ""), request.app[CLOCK]())
    response = web.Response(text=PAGE.format(escape(gateway.landing)), content_type="text/html")
    response.set_cookie(COOKIE, made.token or "", path="/", secure=True, httponly=True, samesite="Strict")
    response.del_cookie(BEGUN, path="/", secure=True, httponly=True, samesite="Lax")
    return response
