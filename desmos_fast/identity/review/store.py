# SPDX-License-Identifier: Apache-2.0
"""Accounts with what they used; the caller owns the transaction."""

from collections.abc import Collection
from datetime import date
from typing import Final
from uuid import UUID

from desmos_fast.base.types import KeyKind
from desmos_fast.db.pool import Connection
from desmos_fast.identity.review.model import Reviewed

ACCOUNTS: Final = """
    WITH living AS (
        SELECT 'key' AS account, id, kind, label AS name, roles, created_at AS made_at, used_at FROM api_key
         WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
         UNION ALL
        SELECT 'user', id, kind, login, roles, made_at, used_at FROM member WHERE tenant_id = $1 AND ended_at IS NULL
    )
    SELECT l.*, k.day AS looked_on,
           (SELECT array_agg(u.used_on ORDER BY r.place)
              FROM unnest(l.roles) WITH ORDINALITY AS r (role, place)
              LEFT JOIN role_use AS u ON u.tenant_id = $1 AND u.actor = l.id AND u.role = r.role) AS used_on
      FROM living AS l LEFT JOIN look_up AS k ON k.tenant_id = $1 AND k.actor = l.id
     WHERE $2::text IS NULL OR l.kind = $2
"""
NOTE: Final = """
    INSERT INTO role_use (tenant_id, actor, role, used_on) SELECT $1, $2, r, $4 FROM unnest($3::text[]) AS r ORDER BY r
    ON CONFLICT (tenant_id, actor, role) DO UPDATE SET used_on = excluded.used_on WHERE role_use.used_on < excluded.used_on
"""


async def accounts(con: Connection, tenant: UUID, kind: KeyKind | None) -> list[Reviewed]:
    """Return the keys and users of a centre that have not ended, of one kind or of both."""
    return [
        Reviewed(
            account=row["account"], id=row["id"], kind=row["kind"], name=row["name"], made_at=row["made_at"], used_at=row["used_at"],
            looked_on=row["looked_on"], roles_used=dict(zip(row["roles"], row["used_on"], strict=True)),
        )
        for row in await con.fetch(ACCOUNTS, tenant, kind)
    ]  # fmt: skip


async def note(con: Connection, tenant: UUID, actor: UUID, roles: Collection[str], day: date) -> None:
    """Note on which day roles were used."""
    await con.execute(NOTE, tenant, actor, sorted(roles), day)
