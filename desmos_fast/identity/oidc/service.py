# SPDX-License-Identifier: Apache-2.0
"""Sign in whom a provider of identities vouches for: authorization code with PKCE, state and nonce."""

import base64
import os
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.base.types import KeyKind
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.oidc.model import Begun, OidcMissing, OidcState, OidcSubject, Vouched
from desmos_fast.identity.oidc.provider import Provider
from desmos_fast.identity.oidc.rules import address, begin, check_claims, rpps_of
from desmos_fast.identity.people import store
from desmos_fast.identity.people.model import Scope, SessionMade
from desmos_fast.identity.people.signing import Door, chosen, only

LASTS: Final = timedelta(minutes=10)
_NONCE: Final = 12
_BOUND: Final = b"oidc"


class Gateway:
    """The way in by a provider; without one it says so."""

    __slots__ = ("_door", "_pool", "_provider", "_seal")

    def __init__(self, pool: Pool, door: Door, sealing: bytes) -> None:
        """Read what the policy of the door says of a provider. Raises PolicyInvalid."""
        self._pool = pool
        self._door = door
        self._seal = AESGCM(sealing)
        self._provider = None if door.policy.oidc is None else Provider(door.policy.oidc)

    @property
    def landing(self) -> str:
        """Return the page of this host that a browser is shown once its person is signed in."""
        return self._known().settings.landing

    async def begin(self, centre: str | None, kind: KeyKind | None, now: datetime) -> tuple[str, str]:
        """Return where a browser is sent, and what it keeps meanwhile. Raises OidcMissing, OidcUnavailable."""
        provider = self._known()
        begun = begin(centre, kind, now)
        return address(provider.settings, await provider.metadata(), begun), self._sealed(begun)

    async def finish(self, kept: str, code: str, state: str, now: datetime) -> tuple[SessionMade, Scope]:
        """Open a session for whom the provider vouches.

        Raises OidcMissing, OidcState, OidcRefused, OidcToken, OidcLevel, OidcSubject, OidcUnavailable, ScopeNeeded, DatabaseDown.
        """
        provider, begun = self._known(), self._opened(kept, state, now)
        vouched = await _vouched(provider, code, begun, now)
        async with bare(self._pool) as con:
            account = await store.find_account(con, "", vouched.rpps)
            found = [] if account is None else chosen(await store.scopes(con, account), begun.centre, begun.kind)
        if account is None or not found:
            raise OidcSubject("nobody with this RPPS number has rights here", hint="an administrator of the centre gives them")
        scope = only(found)
        async with transaction(self._pool, scope.tenant) as con:
            person = await store.account(con, account, lock=True)
            return await self._door.open_session(con, scope, person, now, f"oidc&acr={vouched.level}", strong=True), scope

    def _known(self) -> Provider:
        if self._provider is None:
            raise OidcMissing("no provider of identities is set", hint="sign in with POST /v1/sessions")
        return self._provider

    def _sealed(self, begun: Begun) -> str:
        nonce = os.urandom(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._seal.encrypt(nonce, msgspec.json.encode(begun), _BOUND)).decode()

    def _opened(self, kept: str, state: str, now: datetime) -> Begun:
        try:
            sealed = base64.urlsafe_b64decode(kept)
            begun = msgspec.json.decode(self._seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], _BOUND), type=Begun)
        except (ValueError, InvalidTag):
            raise OidcState("no sign-in was begun by this browser", hint="begin again") from None
        if begun.state != state or not timedelta(0) <= now - begun.at <= LASTS:
            raise OidcState("this is another sign-in than the one that was begun, or one of long ago", hint="begin again")
        return begun


async def _vouched(provider: Provider, code: str, begun: Begun, now: datetime) -> Vouched:
    tokens = await provider.redeem(code, begun.verifier)
    claims = await provider.claims(tokens.id_token)
    level = check_claims(provider.settings, claims, begun, now)
    return Vouched(rpps_of(provider.settings, claims, await provider.person(tokens.access_token)), level)
