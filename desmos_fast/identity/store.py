# SPDX-License-Identifier: Apache-2.0
"""Centres and the HMACs of their API keys."""

from typing import Final
from uuid import UUID

from desmos_fast.base.types import KeyKind, TenantId
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.identity.model import Caller, Centre

AUTHENTICATE: Final = "SELECT tenant_id, finess, kind, key_id FROM authenticate_key($1)"
ADD_CENTRE: Final = "INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, $3) ON CONFLICT (finess) DO NOTHING"
FIND_CENTRE: Final = "SELECT tenant_id, finess, name FROM centre WHERE finess = $1"
ADD_KEY: Final = "INSERT INTO api_key (tenant_id, id, kind, hash) VALUES ($1, $2, $3, $4)"


async def authenticate(pool: Pool, hashed: bytes) -> Caller | None:
    """Return whose key has this HMAC, or None. Raises DatabaseDown."""
    async with bare(pool) as con:
        row = await con.fetchrow(AUTHENTICATE, hashed)
    if row is None:
        return None
    return Caller(tenant=TenantId(row["tenant_id"]), finess=row["finess"], kind=row["kind"], key_id=row["key_id"])


async def add_centre(con: Connection, centre: Centre) -> Centre:
    """Add a centre unless its FINESS is there; return the one that is there."""
    await con.execute(ADD_CENTRE, centre.id, centre.finess, centre.name)
    found = await find_centre(con, centre.finess)
    return centre if found is None else found


async def find_centre(con: Connection, finess: str) -> Centre | None:
    """Return the centre of a FINESS, or None."""
    row = await con.fetchrow(FIND_CENTRE, finess)
    return None if row is None else Centre(id=TenantId(row["tenant_id"]), finess=row["finess"], name=row["name"])


async def add_key(con: Connection, tenant: TenantId, key_id: UUID, kind: KeyKind, hashed: bytes) -> None:
    """Keep the HMAC of a new key."""
    await con.execute(ADD_KEY, tenant, key_id, kind, hashed)
