# SPDX-License-Identifier: Apache-2.0
"""Centres and the HMACs of their API keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from desmos_fast.base.types import KeyKind, TenantId
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.identity.model import Caller, Centre, Key, KeyFound

AUTHENTICATE: Final = "SELECT tenant_id, finess, kind, key_id, roles, left_s, stale FROM authenticate_key($1)"
ADD_CENTRE: Final = "INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, $3) ON CONFLICT (finess) DO NOTHING"
# One row a centre, made by the first who bills: 1 for test, 2 for live. It never changes.
DATA_KIND: Final = "SELECT value FROM counter WHERE tenant_id = $1 AND kind = 'data' AND name = ''"
CLAIM_KIND: Final = """
    INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'data', '', $2)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value
    RETURNING value
"""
KINDS: Final[tuple[KeyKind, ...]] = ("test", "live")
LIST_CENTRES: Final = "SELECT tenant_id, finess, name FROM centre ORDER BY tenant_id"
FIND_CENTRE: Final = "SELECT tenant_id, finess, name FROM centre WHERE finess = $1"
ADD_KEY: Final = """
    INSERT INTO api_key (tenant_id, id, kind, hash, label, roles, created_at, expires_at, replaces)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
LIST: Final = """
    SELECT id, kind, label, roles, created_at, used_at, expires_at, revoked_at, replaces
      FROM api_key
     WHERE tenant_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
"""
LOCK: Final = """
    SELECT id, kind, label, roles, created_at, used_at, expires_at, revoked_at, replaces
      FROM api_key WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""
# A rotation brings the end of a key nearer: what its line was to last stands with the one that nothing came after yet.
LASTING: Final = """
    WITH RECURSIVE line AS (
        SELECT id, created_at, expires_at FROM api_key WHERE tenant_id = $1 AND id = $2
         UNION
        SELECT k.id, k.created_at, k.expires_at FROM api_key AS k JOIN line AS l ON k.replaces = l.id WHERE k.tenant_id = $1
    )
    SELECT created_at, expires_at FROM line AS l
     WHERE NOT EXISTS (SELECT FROM api_key AS k WHERE k.tenant_id = $1 AND k.replaces = l.id) LIMIT 1
"""
REVOKE: Final = "UPDATE api_key SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2"
EXPIRE: Final = "UPDATE api_key SET expires_at = $3 WHERE tenant_id = $1 AND id = $2"
# Whoever comes second finds it noted.
NOTE_USE: Final = """
    UPDATE api_key SET used_at = now()
     WHERE tenant_id = $1 AND id = $2 AND (used_at IS NULL OR used_at < now() - interval '1 minute')
"""


async def authenticate(pool: Pool, hashed: bytes) -> KeyFound | None:
    """Return whose key has this HMAC, or None when there is none, or none any more. Raises DatabaseDown."""
    async with bare(pool) as con:
        row = await con.fetchrow(AUTHENTICATE, hashed)
    if row is None:
        return None
    caller = Caller(
        tenant=TenantId(row["tenant_id"]), finess=row["finess"], kind=row["kind"], key_id=row["key_id"], roles=frozenset(row["roles"])
    )
    return KeyFound(caller, row["left_s"], row["stale"])


async def add_centre(con: Connection, centre: Centre) -> Centre:
    """Add a centre unless its FINESS is there; return the one that is there."""
    await con.execute(ADD_CENTRE, centre.id, centre.finess, centre.name)
    found = await find_centre(con, centre.finess)
    return centre if found is None else found


async def find_centre(con: Connection, finess: str) -> Centre | None:
    """Return the centre of a FINESS, or None."""
    row = await con.fetchrow(FIND_CENTRE, finess)
    return None if row is None else Centre(id=TenantId(row["tenant_id"]), finess=row["finess"], name=row["name"])


async def data_kind(con: Connection, tenant: TenantId) -> KeyKind | None:
    """Return which people a centre's data are of, synthetic (test) or real (live) ones; None before there are any."""
    value = await con.fetchval(DATA_KIND, tenant)
    return None if value is None else KINDS[value - 1]


async def claim_kind(con: Connection, tenant: TenantId, kind: KeyKind) -> KeyKind:
    """Say that a centre's data are of a kind, unless somebody said so before, and return which it is; others wait until the end."""
    value = int(await con.fetchval(CLAIM_KIND, tenant, KINDS.index(kind) + 1))
    return KINDS[value - 1]


async def list_centres(con: Connection) -> list[Centre]:
    """Return every centre."""
    return [Centre(id=TenantId(row["tenant_id"]), finess=row["finess"], name=row["name"]) for row in await con.fetch(LIST_CENTRES)]


async def add_key(con: Connection, tenant: TenantId, key: Key, hashed: bytes) -> None:
    """Keep a new key, of which the HMAC is all that can be checked."""
    await con.execute(
        ADD_KEY, tenant, key.id, key.kind, hashed, key.label, list(key.roles), key.created_at, key.expires_at, key.replaces
    )  # fmt: skip


async def keys(con: Connection, tenant: TenantId, kind: KeyKind | None, before: UUID | None, limit: int) -> Sequence[Key]:
    """Return keys of a centre, the newest first: of one kind, or of both."""
    return [Key(**{**row, "roles": tuple(row["roles"])}) for row in await con.fetch(LIST, tenant, kind, before, limit)]


async def lock_key(con: Connection, tenant: TenantId, key_id: UUID) -> Key | None:
    """Return a key that nobody else changes until the transaction ends, or None."""
    row = await con.fetchrow(LOCK, tenant, key_id)
    return None if row is None else Key(**{**row, "roles": tuple(row["roles"])})


async def lasting(con: Connection, tenant: TenantId, key_id: UUID) -> timedelta | None:
    """Return how long a key was to last when it was made, and those that came after it; None without an end."""
    row = await con.fetchrow(LASTING, tenant, key_id)
    return None if row is None or row["expires_at"] is None else row["expires_at"] - row["created_at"]


async def revoke(con: Connection, tenant: TenantId, key_id: UUID, now: datetime) -> None:
    """End a key now."""
    await con.execute(REVOKE, tenant, key_id, now)


async def expire(con: Connection, tenant: TenantId, key_id: UUID, at: datetime) -> None:
    """Let a key end at an instant."""
    await con.execute(EXPIRE, tenant, key_id, at)


async def note_use(con: Connection, tenant: TenantId, key_id: UUID) -> None:
    """Note that a key is used, unless that was noted within the last minute."""
    await con.execute(NOTE_USE, tenant, key_id)
