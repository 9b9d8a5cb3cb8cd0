# SPDX-License-Identifier: Apache-2.0
"""Accounts, users, sessions and tries in the database; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from desmos_fast.base.types import KeyKind, TenantId
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.identity.model import Caller, KeyFound, Person
from desmos_fast.identity.people.model import Account, Scope, Session, User

OPEN_ACCOUNT: Final = "SELECT set_config('app.account', $1, true)"
OPEN_TENANT: Final = "SELECT set_config('app.tenant', $1, true)"
AUTHENTICATE: Final = "SELECT * FROM authenticate_session($1)"
FIND_ACCOUNT: Final = "SELECT find_account($1, $2)"
SCOPES: Final = "SELECT * FROM account_scopes($1)"
# Sessions from before `since` have ended: it is of the clock that they are made by, which no test centre moves.
ADD_ACCOUNT: Final = "INSERT INTO account (id, login, since, made_at) VALUES ($1, $2, clock_timestamp(), $3)"
ACCOUNT: Final = """
    SELECT id, login, password, sealed, totp_since, totp_step, recovery, code, code_until FROM account WHERE id = $1
"""
SET_CODE: Final = "UPDATE account SET code = $2, code_until = $3 WHERE id = $1"
RESET: Final = "UPDATE account SET password = NULL, code = $2, code_until = $3, since = clock_timestamp() WHERE id = $1"
FORGET_TOTP: Final = "UPDATE account SET sealed = NULL, totp_since = NULL, recovery = '{}' WHERE id = $1"
SET_PASSWORD: Final = "UPDATE account SET password = $2, code = NULL, code_until = NULL, since = clock_timestamp() WHERE id = $1"
REHASH: Final = "UPDATE account SET password = $2 WHERE id = $1"
END_ALL: Final = "UPDATE account SET since = clock_timestamp() WHERE id = $1"
SET_TOTP: Final = "UPDATE account SET sealed = $2, totp_since = NULL, totp_step = 0 WHERE id = $1"
CONFIRM_TOTP: Final = "UPDATE account SET totp_since = now(), totp_step = $2, recovery = $3 WHERE id = $1"
USE_STEP: Final = "UPDATE account SET totp_step = $2 WHERE id = $1"
USE_RECOVERY: Final = "UPDATE account SET recovery = array_remove(recovery, $2) WHERE id = $1"
SET_SUBJECT: Final = "UPDATE account SET subject = $2 WHERE id = $1"
ADD_USER: Final = """
    INSERT INTO member (tenant_id, id, account_id, kind, login, name, roles, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
USERS: Final = """
    SELECT id, kind, login, name, roles, made_at, used_at, ended_at FROM member
     WHERE tenant_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
"""
LOCK_USER: Final = """
    SELECT id, kind, login, name, roles, made_at, used_at, ended_at, account_id FROM member
     WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""
ACCOUNT_OF: Final = "SELECT account_id FROM member WHERE tenant_id = $1 AND id = $2"
WAS_HERE: Final = "SELECT EXISTS (SELECT FROM member WHERE tenant_id = $1 AND account_id = $2)"
IS_HERE: Final = "SELECT EXISTS (SELECT FROM member WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND ended_at IS NULL)"
CHANGE_USER: Final = "UPDATE member SET name = $3, roles = $4 WHERE tenant_id = $1 AND id = $2"
END_USER: Final = "UPDATE member SET ended_at = $3 WHERE tenant_id = $1 AND id = $2"
# In the order of their ids, so that two who end each other do not wait for each other.
ADMINS: Final = """
    SELECT id FROM member WHERE tenant_id = $1 AND kind = $2 AND ended_at IS NULL AND 'admin' = ANY (roles) ORDER BY id FOR UPDATE
"""
ADD_SESSION: Final = """
    INSERT INTO session (tenant_id, id, member_id, account_id, hash, strong, idle_s, ends_at, made_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8), clock_timestamp(), clock_timestamp()) RETURNING ends_at
"""
SESSIONS: Final = """
    SELECT s.id, s.made_at, s.used_at, s.ends_at FROM session AS s JOIN account AS a ON a.id = s.account_id
     WHERE s.tenant_id = $1 AND s.member_id = $2 AND s.ended_at IS NULL AND s.ends_at > now() AND s.made_at >= a.since
       AND s.used_at + make_interval(secs => s.idle_s) > now()
     ORDER BY s.id DESC LIMIT 200
"""
STRENGTHEN: Final = "UPDATE session SET strong = true WHERE tenant_id = $1 AND id = $2"
END_SESSION: Final = """
    UPDATE session SET ended_at = $4 WHERE tenant_id = $1 AND member_id = $2 AND id = $3 AND ended_at IS NULL RETURNING id
"""
NOTE_USE: Final = """
    WITH seen AS (UPDATE session SET used_at = now() WHERE tenant_id = $1 AND id = $2)
    UPDATE member SET used_at = now() WHERE tenant_id = $1 AND id = $3
"""
# Locked in the order of the keys, and until the end of the transaction.
TRIES: Final = """
    INSERT INTO attempt (key, failures, last_at) SELECT k, 0, $2 FROM unnest($1::bytea[]) AS k ORDER BY k
    ON CONFLICT (key) DO UPDATE SET failures = CASE WHEN attempt.last_at < $3 THEN 0 ELSE attempt.failures END
    RETURNING key, failures, last_at
"""
CHARGE: Final = "UPDATE attempt SET failures = failures + 1, last_at = $2 WHERE key = ANY ($1::bytea[])"
CLEAR: Final = "UPDATE attempt SET failures = 0 WHERE key = $1"
# As if it had not been, unless another one came meanwhile.
GIVE_BACK: Final = """
    UPDATE attempt SET failures = greatest(0, failures - 1), last_at = CASE WHEN last_at = $2 THEN $3 ELSE last_at END WHERE key = $1
"""
FORGET: Final = "SELECT forget_attempts($1)"
# By the clock of the database: it is the same one for every process.
LIMIT: Final = """
    INSERT INTO attempt AS a (key, failures, last_at) VALUES ($1, 1, clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN a.last_at <= clock_timestamp() - make_interval(secs => $3) THEN 1 ELSE least(a.failures, $2) + 1 END,
        last_at = CASE WHEN a.last_at <= clock_timestamp() - make_interval(secs => $3) THEN clock_timestamp() ELSE a.last_at END
    RETURNING CASE WHEN failures <= $2 THEN 0
                   ELSE greatest(1, ceil(extract(epoch FROM last_at + make_interval(secs => $3) - clock_timestamp()))) END::integer
"""
FORGIVE: Final = "UPDATE attempt SET failures = greatest(0, failures - 1) WHERE key = $1"


class Tries(NamedTuple):
    """How often in a row a key was wrong, and when last."""

    failures: int
    last: datetime


async def authenticate(pool: Pool, hashed: bytes) -> KeyFound | None:
    """Return whose session has this HMAC, or None when there is none that lasts. Raises DatabaseDown."""
    async with bare(pool) as con:
        row = await con.fetchrow(AUTHENTICATE, hashed)
    if row is None:
        return None
    person = Person(session=row["session_id"], account=row["account_id"], strong=row["strong"])
    caller = Caller(
        tenant=TenantId(row["tenant_id"]), finess=row["finess"], kind=row["kind"], key_id=row["member_id"],
        roles=frozenset(row["roles"]), person=person,
    )  # fmt: skip
    return KeyFound(caller, row["left_s"], row["stale"])


async def see_account(con: Connection, account: UUID) -> None:
    """Let the transaction see one person."""
    await con.execute(OPEN_ACCOUNT, str(account))


async def see_tenant(con: Connection, tenant: UUID) -> None:
    """Let the transaction see another centre."""
    await con.execute(OPEN_TENANT, str(tenant))


async def find_account(con: Connection, login: str, subject: str | None = None) -> UUID | None:
    """Return whose login or subject this is."""
    found: UUID | None = await con.fetchval(FIND_ACCOUNT, login, subject)
    return found


async def scopes(con: Connection, account: UUID) -> tuple[Scope, ...]:
    """Return where a person has rights, centre by centre."""
    return tuple(
        Scope(TenantId(row["tenant_id"]), row["finess"], row["kind"], row["member_id"], row["login"], row["name"], frozenset(row["roles"]))
        for row in await con.fetch(SCOPES, account)
    )


async def add_account(con: Connection, account: UUID, login: str, now: datetime) -> bool:
    """Keep a new person, or say that somebody has this login."""
    await see_account(con, account)
    try:
        async with con.transaction():
            await con.execute(ADD_ACCOUNT, account, login, now)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def account_or_none(con: Connection, account: UUID, *, lock: bool = False) -> Account | None:
    """Return what is kept of a person, if there is one; with `lock` nobody else changes it until the transaction ends."""
    await see_account(con, account)
    row = await con.fetchrow(ACCOUNT + (" FOR UPDATE" if lock else ""), account)
    return None if row is None else Account(**{**row, "recovery": tuple(row["recovery"])})


async def account(con: Connection, account: UUID, *, lock: bool = False) -> Account:
    """Return what is kept of a person who is there, as an account is never taken away."""
    found = await account_or_none(con, account, lock=lock)
    assert found is not None, "an account is never taken away"
    return found


async def change_account(con: Connection, statement: str, account: UUID, *values: object) -> None:
    """Run one of the statements above that change a person, whom the transaction sees."""
    await con.execute(statement, account, *values)


async def set_subject(con: Connection, account: UUID, subject: str) -> bool:
    """Keep under which number a provider names a person, or say that somebody has it."""
    await see_account(con, account)
    try:
        async with con.transaction():
            await con.execute(SET_SUBJECT, account, subject)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def add_user(con: Connection, tenant: UUID, account: UUID, user: User) -> None:
    """Keep a new user."""
    await con.execute(ADD_USER, tenant, user.id, account, user.kind, user.login, user.name, list(user.roles), user.made_at)


async def users(con: Connection, tenant: UUID, kind: KeyKind | None, before: UUID | None, limit: int) -> list[User]:
    """Return users of a centre, the newest first: of one kind, or of both."""
    return [User(**{**row, "roles": tuple(row["roles"])}) for row in await con.fetch(USERS, tenant, kind, before, limit)]


async def lock_user(con: Connection, tenant: UUID, user: UUID) -> tuple[User, UUID] | None:
    """Return a user that nobody else changes until the transaction ends, and the account."""
    row = await con.fetchrow(LOCK_USER, tenant, user)
    if row is None:
        return None
    found = dict(row)
    account_id: UUID = found.pop("account_id")
    return User(**{**found, "roles": tuple(found["roles"])}), account_id


async def hold_person(con: Connection, tenant: UUID, user: UUID) -> None:
    """Let nobody else change the person behind a user until the transaction ends; a user that is not there holds nobody."""
    found: UUID | None = await con.fetchval(ACCOUNT_OF, tenant, user)
    if found is not None:
        await account_or_none(con, found, lock=True)


async def was_here(con: Connection, tenant: UUID, account: UUID, kind: KeyKind | None = None) -> bool:
    """Say whether a person is a user of a centre, of this kind; without a kind, whether they ever were one."""
    found = await (con.fetchval(WAS_HERE, tenant, account) if kind is None else con.fetchval(IS_HERE, tenant, account, kind))
    return bool(found)


async def change_user(con: Connection, tenant: UUID, user: UUID, name: str, roles: Sequence[str]) -> None:
    """Give a user another name and other roles."""
    await con.execute(CHANGE_USER, tenant, user, name, list(roles))


async def end_user(con: Connection, tenant: UUID, user: UUID, now: datetime) -> None:
    """End a user now."""
    await con.execute(END_USER, tenant, user, now)


async def lock_admins(con: Connection, tenant: UUID, kind: KeyKind) -> set[UUID]:
    """Return the administrators of a centre, whom nobody else changes until the transaction ends."""
    return {row["id"] for row in await con.fetch(ADMINS, tenant, kind)}


async def add_session(
    con: Connection, scope: Scope, session: UUID, account: UUID, hashed: bytes, idle_s: int, longest_s: int, *, strong: bool
) -> datetime:
    """Keep a new session, and return when it ends at the latest."""
    ends: datetime = await con.fetchval(ADD_SESSION, scope.tenant, session, scope.member, account, hashed, strong, idle_s, float(longest_s))
    return ends


async def sessions(con: Connection, tenant: UUID, caller: Caller, person: Person) -> list[Session]:
    """Return the sessions of a user that last, the newest first."""
    await see_account(con, person.account)
    return [Session(**row, current=row["id"] == person.session) for row in await con.fetch(SESSIONS, tenant, caller.key_id)]


async def end_session(con: Connection, tenant: UUID, user: UUID, session: UUID, now: datetime) -> bool:
    """End a session of a user; return False when there is none that lasts."""
    return await con.fetchval(END_SESSION, tenant, user, session, now) is not None


async def strengthen(con: Connection, tenant: UUID, session: UUID) -> None:
    """Say of a session that more than a password stands behind it now."""
    await con.execute(STRENGTHEN, tenant, session)


async def note_use(con: Connection, tenant: UUID, session: UUID, user: UUID) -> None:
    """Note that a session is used."""
    await con.execute(NOTE_USE, tenant, session, user)


async def tries(con: Connection, keys: Sequence[bytes], now: datetime, forget: datetime) -> dict[bytes, Tries]:
    """Return the wrong tries of each key, those from before `forget` not counted; nobody else changes them until the transaction ends."""
    rows = await con.fetch(TRIES, sorted(keys), now, forget)
    return {bytes(row["key"]): Tries(row["failures"], row["last_at"]) for row in rows}


async def charge(con: Connection, keys: Sequence[bytes], now: datetime, forget: datetime) -> None:
    """Count one try more for each key, and take away a few of long ago."""
    await con.execute(CHARGE, keys, now)
    await con.execute(FORGET, forget)


async def limit(con: Connection, key: bytes, most: int, within_s: float) -> int:
    """Count one try, and return how many seconds to wait when they are more than `most` since the first of a span; else 0."""
    return int(await con.fetchval(LIMIT, key, most, within_s))


async def forgive(con: Connection, key: bytes) -> None:
    """Take one try back."""
    await con.execute(FORGIVE, key)


async def clear(con: Connection, key: bytes) -> None:
    """Forget the wrong tries of a key."""
    await con.execute(CLEAR, key)


async def give_back(con: Connection, key: bytes, at: datetime, before: datetime) -> None:
    """Take back the try of a key that was counted at an instant, the last one before which was at another."""
    await con.execute(GIVE_BACK, key, at, before)
