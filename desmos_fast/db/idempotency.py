# SPDX-License-Identifier: Apache-2.0
"""One effect for each key: the key and its answer are committed with the effect, or none of them is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.db.pipeline import Answered, Step, expecting
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction

TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 1))"
FIND: Final = "SELECT fingerprint, status, headers, body FROM idempotency WHERE tenant_id = $1 AND route = $2 AND key = $3"
STORE: Final = """
    INSERT INTO idempotency (tenant_id, route, key, fingerprint, status, headers, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
FORGET: Final = "SELECT forget_answers($1)"
FORGOTTEN_AT_ONCE: Final = 1000
BODY: Final = "SELECT body FROM idempotency WHERE tenant_id = $1 AND route = $2 AND key = $3"
TRY_LOCKS: Final = """
    SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(10) || key, 1))
      FROM unnest($2::text[]) WITH ORDINALITY AS asked (key, place) ORDER BY place
"""
# One look-up a key: all that a centre was ever answered stands under its route, and `= ANY` may be held against each of it.
FIND_EACH: Final = """
    SELECT found.*
      FROM unnest($3::text[]) AS asked (key)
     CROSS JOIN LATERAL (
           SELECT key, fingerprint, status, headers, body FROM idempotency
            WHERE tenant_id = $1 AND route = $2 AND key = asked.key LIMIT 1
           ) AS found
"""
LOCK_ALL: Final = expecting(
    "SELECT 1 FROM unnest($2::text[]) AS asked (key) WHERE pg_try_advisory_xact_lock(hashtextextended($1 || chr(10) || key, 1))",
    "cardinality($2::text[])",
)
NONE_KNOWN: Final = expecting(FIND_EACH, "0")
STORE_EACH: Final = """
    INSERT INTO idempotency (tenant_id, route, key, fingerprint, status, headers, body)
    SELECT $1, $2, key, fingerprint, status, headers::jsonb, body
      FROM unnest($3::text[], $4::bytea[], $5::smallint[], $6::text[], $7::bytea[]) AS kept (key, fingerprint, status, headers, body)
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


async def kept(pool: Pool, tenant: UUID, route: str, key: str) -> bytes:
    """Return the body that a key was answered with. Raises DatabaseDown."""
    async with transaction(pool, tenant) as con:
        return bytes(await con.fetchval(BODY, tenant, route, key))


async def forget(pool: Pool, tenant: UUID) -> int:
    """Take away what a centre was answered longer ago than keys are kept, and return how many; each transaction is a short one.

    Raises DatabaseDown. The days are the database's own, whatever a test centre's clock says.
    """
    total, done = 0, FORGOTTEN_AT_ONCE
    while done == FORGOTTEN_AT_ONCE:
        async with transaction(pool, tenant) as con:
            done = int(await con.fetchval(FORGET, FORGOTTEN_AT_ONCE))
        total += done
    return total


class Asked(NamedTuple):
    """One request: its key, and what makes it the same one when it comes again."""

    key: str
    fingerprint: bytes


async def once(
    pool: Pool, tenant: UUID, route: str, key: str, fingerprint: bytes, effect: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    """Run `effect` in one transaction of the tenant and keep its answer under the key; or give the kept answer.

    An effect that raises leaves nothing behind. Raises KeyReused, KeyRunning, DatabaseDown and what the effect raises.
    """
    async with transaction(pool, tenant) as con:
        if not await con.fetchval(TRY_LOCK, f"{tenant}{route}", key):
            raise running()
        row = await con.fetchrow(FIND, tenant, route, key)
        if row is not None:
            return _again(row, fingerprint)
        answer = await effect(con)
        await con.execute(STORE, tenant, route, key, fingerprint, *_kept(answer))
        return replace(answer, replayed=False)


async def once_each(
    con: Connection, tenant: UUID, route: str, asked: Sequence[Asked],
    effect: Callable[[Sequence[int]], Awaitable[Sequence[Answer | Exception]]],
) -> list[Answer | Exception]:  # fmt: skip
    """Do what `once` does for requests of different keys, in the caller's transaction, and say in their order what became of each.

    `effect` is given the places of those that are new, and leaves nothing of those for which it returns an exception.
    """
    keys = [one.key for one in asked]
    locked = await con.fetch(TRY_LOCKS, f"{tenant}{route}", keys)
    known = {row["key"]: row for row in await con.fetch(FIND_EACH, tenant, route, keys)}
    told: dict[int, Answer | Exception] = {}
    for place, (one, (free,)) in enumerate(zip(asked, locked, strict=True)):
        if not free:
            told[place] = running()
        elif one.key in known:
            try:
                told[place] = _again(known[one.key], one.fingerprint)
            except KeyReused as error:
                told[place] = error
    new = [place for place in range(len(asked)) if place not in told]
    if new:
        told.update(zip(new, await effect(new), strict=True))
    rows = [(*asked[place], *_kept(answer)) for place in new if isinstance(answer := told[place], Answer)]
    if rows:
        await con.execute(STORE_EACH, tenant, route, *(list(column) for column in zip(*rows, strict=True)))
    return [told[place] for place in range(len(asked))]


def asking(tenant: UUID, route: str, asked: Sequence[Asked]) -> list[Step]:
    """Return the steps of an exchange that hold the keys of requests and look for what they were answered before: see `all_new`."""
    keys = [one.key for one in asked]
    return [Step(TRY_LOCKS, (f"{tenant}{route}", keys)), Step(FIND_EACH, (str(tenant), route, keys))]


def expecting_new(tenant: UUID, route: str, asked: Sequence[Asked]) -> list[Step]:
    """Return the steps of an exchange that hold the keys of requests, and fail when one is held or was answered before."""
    keys = [one.key for one in asked]
    return [Step(LOCK_ALL, (f"{tenant}{route}", keys)), Step(NONE_KNOWN, (str(tenant), route, keys))]


def all_new(locked: Answered, known: Answered) -> bool:
    """Say whether every key that was asked about is held by this transaction and was never answered."""
    return not known.rows and all(row == (b"t",) for row in locked.rows)


def keeping(tenant: UUID, route: str, asked: Sequence[Asked], answers: Sequence[Answer]) -> Step:
    """Return the step of an exchange that keeps answers under their keys."""
    statuses, headers, bodies = zip(*map(_kept, answers), strict=True)
    prints = [one.fingerprint for one in asked]
    return Step(STORE_EACH, (str(tenant), route, [one.key for one in asked], prints, statuses, headers, bodies))


def running() -> KeyRunning:
    """Return what a request is refused with while the first one with its key is being answered."""
    return KeyRunning("the first request with this key is still running", hint="wait a second and send it again")


def _again(row: Any, fingerprint: bytes) -> Answer:
    if row["fingerprint"] != fingerprint:
        raise KeyReused("this key was used for another request", hint="use a new key for new content")
    headers = orjson.loads(row["headers"])
    return Answer(row["status"], row["body"], headers.pop("Content-Type"), headers, replayed=True)


def _kept(answer: Answer) -> tuple[int, str, bytes]:
    """Return the status, headers and body that are kept of an answer."""
    headers = orjson.dumps({**answer.headers, "Content-Type": answer.content_type}).decode()
    return answer.status, headers, answer.body if answer.kept is None else answer.kept
