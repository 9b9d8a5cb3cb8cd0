# SPDX-License-Identifier: Apache-2.0
"""What must hold of an answer of a provider. Pure."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from desmos_fast.base.identifiers import rpps_is_valid
from desmos_fast.base.types import KeyKind
from desmos_fast.identity.oidc.model import Begun, Metadata, OidcLevel, OidcSubject, OidcToken, OidcUnavailable
from desmos_fast.identity.people.policy import Oidc

LEEWAY_S: Final = 60
OLDEST_S: Final = 600
# A national identifier of a professional: 8, then the RPPS number.
_NATIONAL: Final = 12
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def begin(centre: str | None, kind: KeyKind | None, now: datetime) -> Begun:
    """Return a sign-in with a state, a nonce and a verifier of its own, 256 random bits each."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Begun(state=state, nonce=nonce, verifier=verifier, centre=centre, kind=kind, at=now)


def challenge(verifier: str) -> str:
    """Return what is shown of a verifier before it is (RFC 7636, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def address(provider: Oidc, metadata: Metadata, begun: Begun) -> str:
    """Return where a browser is sent."""
    query = urlencode({
        "response_type": "code", "client_id": provider.client_id, "redirect_uri": provider.redirect_uri, "scope": provider.scope,
        "state": begun.state, "nonce": begun.nonce, "code_challenge": challenge(begun.verifier), "code_challenge_method": "S256",
        "acr_values": provider.acr_values,
    })  # fmt: skip
    glue = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return metadata.authorization_endpoint + glue + query


def check_metadata(provider: Oidc, metadata: Metadata) -> None:
    """Refuse what another provider says, and what would go without TLS but on this machine. Raises OidcUnavailable."""
    if metadata.issuer != provider.issuer:
        raise OidcUnavailable("the provider says that it is another one", hint="compare issuer with what the provider publishes")
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        try:
            place = urlsplit(getattr(metadata, name))
        except ValueError as error:
            raise OidcUnavailable(f"{name} of the provider is no address") from error
        if place.scheme != "https" and place.hostname not in _LOCAL:
            raise OidcUnavailable(f"{name} of the provider is not https")


def check_claims(provider: Oidc, claims: Mapping[str, Any], begun: Begun, now: datetime) -> str:
    """Return the level of an identity token whose signature holds. Raises OidcToken, which names what does not hold, and OidcLevel."""
    if claims.get("iss") != provider.issuer:
        raise OidcToken("the token is of another issuer")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if provider.client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != provider.client_id):
        raise OidcToken("the token is for another audience")
    moment = now.timestamp()
    if _seconds(claims, "exp") + LEEWAY_S <= moment:
        raise OidcToken("the token has expired")
    if not -LEEWAY_S <= moment - _seconds(claims, "iat") <= OLDEST_S:
        raise OidcToken("the token was made at another time")
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
        raise OidcToken("the nonce is not that of this sign-in")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise OidcToken("the token names nobody")
    level = claims.get("acr")
    if level not in provider.acr:
        raise OidcLevel(f"the provider was asked for one of the levels {', '.join(provider.acr)}, and gave none of them")
    return str(level)


def rpps_of(provider: Oidc, claims: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return the RPPS number of who a token and the answer about the person are of. Raises OidcToken, OidcSubject."""
    if told.get("sub") != claims["sub"]:
        raise OidcToken("the provider tells of another person than the token")
    named = str(told.get(provider.subject_claim, ""))
    number = named[1:] if len(named) == _NATIONAL and named.startswith("8") else named
    if not rpps_is_valid(number):
        raise OidcSubject("the provider names nobody with an RPPS number")
    return number


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    """Return an instant of the claims as seconds of the epoch; what is none is long ago."""
    value = claims.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
