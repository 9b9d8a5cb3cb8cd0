# SPDX-License-Identifier: Apache-2.0
"""Register centres, make their keys, and tell who calls."""

import hashlib
import hmac
import time
from typing import Final

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import KeyKind, TenantId, uuid7
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.identity import store
from desmos_fast.identity.model import Caller, Centre, CentreExists, UnknownCentre, check_centre, kind_of, new_secret

KEPT_S: Final = 10.0
KEPT_MOST: Final = 10_000


class UnknownKey(InvalidInput):
    """Nobody has this API key, or it was revoked."""

    code = "unauthorized"


def hash_key(pepper: bytes, secret: str) -> bytes:
    """Return the HMAC-SHA-256 (32 bytes) by which a key is known to the database."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256)


class KeyBook:
    """Who has which key: asked of the database, then remembered for a few seconds, so that a revoked key ends soon."""

    __slots__ = ("_kept_s", "_known", "_pepper")

    def __init__(self, pepper: bytes, *, kept_s: float = KEPT_S) -> None:
        self._pepper = pepper
        self._kept_s = kept_s
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def authenticate(self, pool: Pool, secret: str) -> Caller:
        """Return who calls with this key. Raises UnknownKey, and DatabaseDown when a key must be looked up and cannot be."""
        if kind_of(secret) is None:
            raise UnknownKey("this is not an API key")
        hashed = hash_key(self._pepper, secret)
        kept = self._known.get(hashed)
        now = time.monotonic()
        if kept is not None and now < kept[0]:
            return kept[1]
        caller = await store.authenticate(pool, hashed)
        if caller is None:
            self._known.pop(hashed, None)
            raise UnknownKey("this API key is unknown or revoked")
        if len(self._known) >= KEPT_MOST:
            self._known.clear()
        self._known[hashed] = (now + self._kept_s, caller)
        return caller


async def add_centre(con: Connection, finess: str, name: str) -> Centre:
    """Register a centre; the same FINESS and name again give the centre that is there.

    `con` belongs to the owner of the tables. Raises BadCentre, CentreExists.
    """
    check_centre(finess, name)
    found = await store.add_centre(con, Centre(id=TenantId(uuid7()), finess=finess, name=name))
    if found.name != name:
        raise CentreExists(f"{finess} is registered under another name")
    return found


async def find_centre(con: Connection, finess: str) -> Centre:
    """Return the centre of a FINESS. `con` belongs to the owner of the tables. Raises UnknownCentre."""
    centre = await store.find_centre(con, finess)
    if centre is None:
        raise UnknownCentre(f"no centre has the FINESS {finess!r}", hint="register it with `desmos-fast centre add`")
    return centre


async def new_key(con: Connection, finess: str, kind: KeyKind, *, pepper: bytes) -> str:
    """Make an API key for a centre and return it: the only time that it can be read.

    `con` belongs to the owner of the tables. Raises UnknownCentre.
    """
    centre = await find_centre(con, finess)
    secret = new_secret(kind)
    await store.add_key(con, centre.id, uuid7(), kind, hash_key(pepper, secret))
    return secret
