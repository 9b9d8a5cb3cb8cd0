# SPDX-License-Identifier: Apache-2.0
"""A small provider of identities that is one: discovery, codes good once, PKCE, tokens signed by keys of its own."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "desmos-essai"
SECRET = "secret-de-l-essai"


def new_key(kid: str) -> RSAKey:
    """Make a key that signs."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@dataclass
class Identities:
    """What it does with each sign-in may be changed before the code is redeemed."""

    key: RSAKey
    issuer: str = ""
    redirect_uri: str = ""
    subject: str = ""
    published: list[RSAKey] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    claims: Callable[[dict[str, Any]], dict[str, Any]] = staticmethod(lambda claims: claims)
    person: Callable[[dict[str, Any]], dict[str, Any]] = staticmethod(lambda told: told)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "a"})
    signing: Any = None
    down: str = ""

    def application(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._watch])
        app.router.add_get("/.well-known/openid-configuration", self.discovery)
        app.router.add_get("/authorize", self.authorize)
        app.router.add_post("/token", self.token)
        app.router.add_get("/userinfo", self.userinfo)
        app.router.add_get("/jwks", self.jwks)
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.down and request.path.endswith(self.down):
            return web.Response(status=500)
        response: web.StreamResponse = await handler(request)
        return response

    async def discovery(self, _: web.Request) -> web.Response:
        ends = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        told = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in ends.items()}
        return web.json_response({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **told})

    async def authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        assert (query["client_id"], query["response_type"], query["redirect_uri"]) == (CLIENT, "code", self.redirect_uri)
        assert query["code_challenge_method"] == "S256" and query["acr_values"] == "eidas1" and "openid" in query["scope"].split()
        assert len(query["state"]) == len(query["nonce"]) == len(query["code_challenge"]) == 43
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return web.Response(status=302, headers={"Location": f"{self.redirect_uri}?code={code}&state={query['state']}&session_state=x"})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        query = self.codes.pop(str(form["code"]), None)
        if query is None or (form["client_id"], form["client_secret"], form["redirect_uri"]) != (CLIENT, SECRET, self.redirect_uri):
            return web.json_response({"error": "invalid_grant"}, status=400)
        shown = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
        if shown != query["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = self.claims({
            "iss": self.issuer, "aud": CLIENT, "sub": f"f:essai:{self.subject}", "exp": now + 60, "iat": now, "nonce": query["nonce"],
            "acr": "eidas1",
        })  # fmt: skip
        signed = jwt.encode(self.header, claims, self.signing or self.key, algorithms=[self.header["alg"]])
        return web.json_response({"id_token": signed, "access_token": f"access {claims.get('sub')}", "token_type": "Bearer"})

    async def userinfo(self, request: web.Request) -> web.Response:
        sub = request.headers["Authorization"].removeprefix("Bearer access ")
        return web.json_response(self.person({"sub": sub, "SubjectNameID": self.subject, "family_name": "Durand"}))

    async def jwks(self, _: web.Request) -> web.Response:
        return web.json_response(KeySet([*(self.published or [self.key])]).as_dict(private=False))
