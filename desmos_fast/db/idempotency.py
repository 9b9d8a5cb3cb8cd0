# SPDX-License-Identifier: Apache-2.0
"""One effect for each key: the key and its answer are committed with the effect, or none of them is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import orjson

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction

TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 1))"
FIND: Final = "SELECT fingerprint, status, headers, body FROM idempotency WHERE tenant_id = $1 AND route = $2 AND key = $3"
STORE: Final = """
    INSERT INTO idempotency (tenant_id, route, key, fingerprint, status, headers, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


class KeyReused(InvalidInput):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class KeyRunning(Conflict):
    """The first request with this key is still being answered."""

    code = "idempotency_key_running"


@dataclass(frozen=True)
class Answer:
    """What is sent back, byte for byte the same each time the key comes again; `kept` is given again instead of a body with a secret."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False
    kept: bytes | None = None


async def once(
    pool: Pool, tenant: UUID, route: str, key: str, fingerprint: bytes, effect: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    """Run `effect` in one transaction of the tenant and keep its answer under the key; or give the kept answer.

    An effect that raises leaves nothing behind. Raises KeyReused, KeyRunning, DatabaseDown and what the effect raises.
    """
    async with transaction(pool, tenant) as con:
        if not await con.fetchval(TRY_LOCK, f"{tenant}{route}", key):
            raise KeyRunning("the first request with this key is still running", hint="wait a second and send it again")
        row = await con.fetchrow(FIND, tenant, route, key)
        if row is not None:
            if row["fingerprint"] != fingerprint:
                raise KeyReused("this key was used for another request", hint="use a new key for new content")
            kept = orjson.loads(row["headers"])
            return Answer(row["status"], row["body"], kept.pop("Content-Type"), kept, replayed=True)
        answer = await effect(con)
        headers = orjson.dumps({**answer.headers, "Content-Type": answer.content_type}).decode()
        body = answer.body if answer.kept is None else answer.kept
        await con.execute(STORE, tenant, route, key, fingerprint, answer.status, headers, body)
        return replace(answer, replayed=False)
