# SPDX-License-Identifier: Apache-2.0
"""Ask a provider of identities: what it is, which keys it signs with, what a code is good for, who a person is."""

import time
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from desmos_fast.identity.oidc.model import Metadata, OidcRefused, OidcToken, OidcUnavailable, Tokens
from desmos_fast.identity.oidc.rules import check_metadata
from desmos_fast.identity.people.policy import Oidc, PolicyInvalid

KEPT_S: Final = 3_600.0
# A key that is not known is asked for, and not more often than this.
AGAIN_S: Final = 30.0
MOST: Final = 256 * 1024
T = TypeVar("T")


class Provider:
    """One provider; what it says of itself is kept for an hour."""

    __slots__ = ("_keys", "_keys_at", "_metadata", "_metadata_at", "_secret", "settings")

    def __init__(self, settings: Oidc) -> None:
        """Read the secret of the client. Raises PolicyInvalid."""
        self.settings = settings
        try:
            self._secret = Path(settings.client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyInvalid("oidc.client_secret_file cannot be read", hint="check the path and its rights") from error
        self._metadata: Metadata | None = None
        self._metadata_at = self._keys_at = 0.0
        self._keys = KeySet([])

    async def metadata(self) -> Metadata:
        """Return where the provider does what. Raises OidcUnavailable."""
        if self._metadata is None or time.monotonic() - self._metadata_at > KEPT_S:
            place = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = _read(await self._ask("GET", place), Metadata)
            check_metadata(self.settings, found)
            self._metadata, self._metadata_at = found, time.monotonic()
        return self._metadata

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """Return what a code is good for. Raises OidcRefused, OidcUnavailable."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.settings.redirect_uri, "code_verifier": verifier,
            "client_id": self.settings.client_id, "client_secret": self._secret,
        }  # fmt: skip
        return _read(await self._ask("POST", (await self.metadata()).token_endpoint, data=form), Tokens)

    async def person(self, access_token: str) -> dict[str, Any]:
        """Return what the provider says of a person. Raises OidcRefused, OidcUnavailable."""
        place = (await self.metadata()).userinfo_endpoint
        return _read(await self._ask("GET", place, headers={"Authorization": f"Bearer {access_token}"}), dict[str, Any])

    async def claims(self, id_token: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed. Raises OidcToken, OidcUnavailable."""
        await self._load_keys(KEPT_S)
        try:
            return self._decode(id_token)
        except OidcToken:
            # It may have changed its keys.
            await self._load_keys(AGAIN_S)
            return self._decode(id_token)

    def _decode(self, id_token: str) -> dict[str, Any]:
        try:
            return dict(jwt.decode(id_token, self._keys, algorithms=list(self.settings.algorithms)).claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            # The words of the library may hold parts of the token.
            raise OidcToken(f"the signature does not hold ({type(error).__name__})") from None

    async def _load_keys(self, age_s: float) -> None:
        if self._keys_at and time.monotonic() - self._keys_at <= age_s:
            return
        found = _read(await self._ask("GET", (await self.metadata()).jwks_uri), dict[str, Any])
        try:
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcUnavailable(f"the keys of the provider are not readable ({type(error).__name__})") from None
        self._keys_at = time.monotonic()

    async def _ask(self, method: str, place: str, **more: Any) -> bytes:
        timeout = aiohttp.ClientTimeout(total=self.settings.timeout_s)
        try:
            # A redirect would carry the secret or the token to where nobody checked.
            async with aiohttp.request(method, place, allow_redirects=False, timeout=timeout, **more) as response:
                body = b""
                while len(body) <= MOST and (chunk := await response.content.read(MOST)):
                    body += chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OidcUnavailable(f"the provider of identities does not answer ({type(error).__name__})", hint="try again") from None
        if response.status in (400, 401, 403):
            raise OidcRefused("the provider refuses the code or the person", hint="begin again")
        if response.status != 200 or len(body) > MOST:
            raise OidcUnavailable(f"the provider of identities answers {response.status}", hint="try again in a moment")
        return body


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise OidcUnavailable("the provider of identities answers something else") from None
