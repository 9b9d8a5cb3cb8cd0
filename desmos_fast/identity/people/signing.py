# SPDX-License-Identifier: Apache-2.0
"""People sign in and out, and keep their password and their code generator."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final
from uuid import UUID

import pyotp

from desmos_fast.base.types import KeyKind, uuid7
from desmos_fast.db.health import bare
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.audit import service as audit
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.hashing import hash_key
from desmos_fast.identity.model import Caller, Person, UnknownKey, new_token
from desmos_fast.identity.people import store
from desmos_fast.identity.people.errors import (
    CodeWrong,
    HashingBusy,
    NoEnrolment,
    NoSuchSession,
    ScopeNeeded,
    SignInRefused,
    TooSoon,
)
from desmos_fast.identity.people.hashing import Hasher
from desmos_fast.identity.people.model import (
    PASSWORD_WIDTH,
    Account,
    Enrolment,
    FirstPassword,
    Myself,
    PasswordChange,
    Recovery,
    Scope,
    SessionList,
    SessionMade,
    SignIn,
)
from desmos_fast.identity.people.policy import Delays, Policy
from desmos_fast.identity.people.rules import bare_code, check_password, login_of, recovery_code, wait
from desmos_fast.identity.people.seals import HOUSE, seal, unseal
from desmos_fast.identity.people.service import code_hash, login_key

STEP_S: Final = 30
NOWHERE: Final = UUID(int=0)


class Door:
    """Where people sign in: the database, what codes and tokens are known by, what passwords cost, what the house asks for."""

    __slots__ = ("_former", "_hasher", "_pepper", "_pool", "_ring", "policy")

    def __init__(self, pool: Pool, policy: Policy, pepper: bytes, ring: Keyring, former: bytes) -> None:
        self._pool = pool
        self.policy = policy
        self._pepper = pepper
        self._ring = ring
        self._former = former
        self._hasher = Hasher(policy.argon2)

    # --- in

    async def sign_in(self, asked: SignIn, address: str, now: datetime) -> tuple[SessionMade, tuple[Scope, ...]]:
        """Open a session, and say where the person has rights. The answer to a wrong login, password or code is one, and takes as long.

        Raises TooSoon, SignInRefused, ScopeNeeded, HashingBusy, DatabaseDown.
        """
        login = login_of(asked.login)
        async with self._trying(login, address, now) as tried:
            known = await self._known(login)
            if not await self._is_right(known, asked.password):
                raise self._refusal(known, tried)
            assert known is not None, "nobody is let in without an account"
            scopes = await self.scopes(known.id)
            found = chosen(scopes, asked.centre, asked.kind)
            if not found:
                raise self._refusal(known, tried)
            async with self._account(found[0].tenant, known.id) as (con, account):
                step = self._check_code(account, asked.code, now) if account.password == known.password else None
                if step is None:
                    raise self._refusal(known, tried)
                scope = only(found)
                await self._use_code(con, account, step)
                made = await self.open_session(con, scope, account, now, "password", strong=account.totp_since is not None)
        if known.password is not None and self._hasher.is_old(known.password):
            # The session is open by now: what waits till the next sign-in costs nobody the answer with the token.
            with suppress(HashingBusy, DatabaseDown):
                await self._rehash(known, asked.password)
        return made, scopes

    async def open_session(self, con: Connection, scope: Scope, account: Account, now: datetime, way: str, *, strong: bool) -> SessionMade:
        """Open a session of a person whom somebody has made sure of, in a transaction of the centre."""
        token, name, rules = new_token(), uuid7(), self.policy.sessions
        ends = await store.add_session(
            con, scope, name, account.id, hash_key(self._pepper, token), rules.idle_s, rules.longest_s, strong=strong
        )
        await store.note_use(con, scope.tenant, name, scope.member)
        await audit.append(con, scope.tenant, [Access(now, str(scope.member), "session.opened", str(name), filter=f"by={way}")])
        return SessionMade(
            id=name, token=token, centre=scope.finess, kind=scope.kind, user=scope.member, ends_at=ends, idle_s=rules.idle_s,
            enrol=self.enrolment_needed(scope.roles, strong=strong),
        )  # fmt: skip

    def enrolment_needed(self, roles: frozenset[str], *, strong: bool) -> bool:
        """Say whether who has these roles must enrol a code generator first."""
        return not strong and not roles.isdisjoint(self.policy.totp.required)

    async def set_password(self, asked: FirstPassword, address: str, now: datetime) -> None:
        """Set a password with the code of an administrator, which is good once; sessions end.

        Raises PasswordWeak, TooSoon, SignInRefused, HashingBusy, DatabaseDown.
        """
        login = login_of(asked.login)
        check_password(asked.password, self.policy.password.bits, login)
        async with self._trying(login, address, now) as tried:
            known = await self._known(login)
            if known is None or not self._code_is(known, asked.code, now):
                raise self._refusal(known, tried)
            # Not sooner: it would tell the name to who has no code.
            check_password(asked.password, self.policy.password.bits, *await self._names(known.id))
            hashed = await self._hasher.hash(asked.password)
            async with self._account(NOWHERE, known.id) as (con, account):
                # Two who come at once with the same code: the second one finds it used.
                if not self._code_is(account, asked.code, now):
                    raise SignInRefused
                await self._replace(con, account, hashed, now)

    # --- as oneself

    async def change_password(self, caller: Caller, person: Person, asked: PasswordChange, address: str, now: datetime) -> None:
        """Change one's password; every session ends, this one too. Raises PasswordWeak, TooSoon, SignInRefused, HashingBusy."""
        async with bare(self._pool) as con, con.transaction():
            known = await store.account(con, person.account)
        check_password(asked.new, self.policy.password.bits, known.login, *await self._names(known.id))
        async with self._trying(known.login, address, now) as tried:
            if not await self._is_right(known, asked.password):
                raise self._refusal(known, tried)
            hashed = await self._hasher.hash(asked.new)
            async with self._account(caller.tenant, known.id) as (con, account):
                if account.password != known.password:
                    raise SignInRefused
                await self._replace(con, account, hashed, now)

    async def myself(self, con: Connection, caller: Caller, person: Person) -> Myself:
        """Return who asks. Raises UnknownKey for who has ended since."""
        account = await store.account(con, person.account)
        scope = next((one for one in await store.scopes(con, person.account) if one.member == caller.key_id), None)
        if scope is None:
            # A session is remembered for less than a second.
            raise UnknownKey("this session has ended")
        return Myself(
            id=scope.member, centre=scope.finess, kind=scope.kind, login=scope.login, name=scope.name, roles=tuple(sorted(scope.roles)),
            totp=account.totp_since is not None, recovery=len(account.recovery),
        )  # fmt: skip

    async def enrol(self, con: Connection, caller: Caller, person: Person, now: datetime) -> Enrolment:
        """Begin with a code generator; until its first code it counts for nothing. Raises CodeWrong for who has one that works."""
        account = await store.account(con, person.account, lock=True)
        if account.totp_since is not None:
            raise CodeWrong("a code generator is enrolled", hint="an administrator resets it when it is lost")
        secret = pyotp.random_base32()
        await store.change_account(con, store.SET_TOTP, account.id, seal(self._ring.of(HOUSE), account.id, secret))
        await _note(con, caller, now, "totp.begun")
        uri = pyotp.TOTP(secret).provisioning_uri(name=account.login, issuer_name=self.policy.totp.issuer)
        return Enrolment(secret=secret, uri=uri)

    async def confirm(self, con: Connection, caller: Caller, person: Person, code: str, now: datetime) -> Recovery:
        """Let a code generator count, with its first code, and make recovery codes. Raises NoEnrolment, CodeWrong."""
        account = await store.account(con, person.account, lock=True)
        if account.sealed is None or account.totp_since is not None:
            raise NoEnrolment("no code generator waits to be confirmed")
        step = self._step(account, bare_code(code), now)
        if step is None:
            raise CodeWrong("this is not the code of now", hint="look at the clock of the code generator, and send the next code")
        codes = [recovery_code() for _ in range(self.policy.totp.recovery)]
        kept = [code_hash(self._pepper, bare_code(one)) for one in codes]
        await store.change_account(con, store.CONFIRM_TOTP, account.id, step, kept)
        # This session alone: another one may be of who has no more than the password.
        await store.strengthen(con, caller.tenant, person.session)
        await _note(con, caller, now, "totp.enrolled")
        return Recovery(codes)

    async def sessions(self, con: Connection, caller: Caller, person: Person) -> SessionList:
        """Return one's sessions in this centre that last."""
        return SessionList(await store.sessions(con, caller.tenant, caller, person))

    async def end_session(self, con: Connection, caller: Caller, session: UUID, now: datetime) -> None:
        """End one of one's own sessions: every process refuses it within a second. Raises NoSuchSession."""
        if not await store.end_session(con, caller.tenant, caller.key_id, session, now):
            raise NoSuchSession("no such session")
        await _note(con, caller, now, "session.ended", session)

    async def end_all(self, con: Connection, person: Person, now: datetime) -> None:
        """End every session of oneself, in every centre, and tell each of them."""
        # An instant that is taken while somebody signs in would be from before that session, which would stay.
        await store.account(con, person.account, lock=True)
        await store.change_account(con, store.END_ALL, person.account)
        await _tell_each(con, person.account, now, "sessions.ended")

    async def limit(self, what: str, most: int, within_s: float, now: datetime) -> int:
        """Count one try of something, in whichever process; return how many seconds to wait when they are too many, else 0."""
        async with bare(self._pool) as con:
            await con.execute(store.FORGET, now - timedelta(seconds=self.policy.lock_out.forget_s))
            return await store.limit(con, hash_key(self._pepper, what), most, within_s)

    async def forgive(self, what: str) -> None:
        """Let a try that was good count for nothing."""
        async with bare(self._pool) as con:
            await store.forgive(con, hash_key(self._pepper, what))

    # --- what all of it stands on

    @asynccontextmanager
    async def _trying(self, login: str, address: str, now: datetime) -> AsyncIterator[int]:
        """Count a try before it is looked at, so that many at once are as many; give how often in a row it was wrong with this one.

        What ends well counts for nothing. Raises TooSoon.
        """
        rules = self.policy.lock_out
        by_login, by_address = login_key(self._pepper, login), hash_key(self._pepper, f"address {address}")
        forget = now - timedelta(seconds=rules.forget_s)
        async with bare(self._pool) as con, con.transaction():
            found = await store.tries(con, [by_login, by_address], now, forget)
            delay = max(_wait(found[by_login], now, rules.login), _wait(found[by_address], now, rules.address))
            if not delay:
                await store.charge(con, [by_login, by_address], now, forget)
        if delay:
            raise TooSoon(delay)
        try:
            yield found[by_login].failures + 1
        except SignInRefused:
            raise
        except BaseException:
            # Nothing was said of the password: it was no try.
            await self._give_back([by_login, by_address], found, now)
            raise
        await self._give_back([by_address], found, now, clear=by_login)

    async def _give_back(
        self, keys: Sequence[bytes], found: Mapping[bytes, store.Tries], now: datetime, *, clear: bytes | None = None
    ) -> None:
        async with bare(self._pool) as con, con.transaction():
            # In the order in which they are counted.
            for key in sorted([*keys, clear] if clear else keys):
                await (store.clear(con, key) if key == clear else store.give_back(con, key, now, found[key].last))

    async def _known(self, login: str) -> Account | None:
        async with bare(self._pool) as con, con.transaction():
            name = await store.find_account(con, login)
            # Who is not there costs the same statements.
            return await store.account_or_none(con, NOWHERE if name is None else name)

    async def _is_right(self, known: Account | None, password: str) -> bool:
        return await self._hasher.verify(None if known is None else known.password, password[: PASSWORD_WIDTH + 1])

    async def scopes(self, account: UUID) -> tuple[Scope, ...]:
        """Return where a person has rights."""
        async with bare(self._pool) as con:
            return await store.scopes(con, account)

    async def _names(self, account: UUID) -> list[str]:
        return [scope.name for scope in await self.scopes(account)]

    def _refusal(self, known: Account | None, tried: int) -> SignInRefused:
        """Return the one answer; with it whom the wrong try of now makes wait, and after how many."""
        return SignInRefused(None if known is None or tried != self.policy.lock_out.login.free else known.id, tried)

    @asynccontextmanager
    async def _account(self, tenant: UUID, account: UUID) -> AsyncIterator[tuple[Connection, Account]]:
        async with transaction(self._pool, tenant) as con:
            yield con, await store.account(con, account, lock=True)

    def _code_is(self, account: Account, code: str, now: datetime) -> bool:
        if account.code is None or account.code_until is None or account.code_until <= now:
            return False
        return compare_digest(account.code, code_hash(self._pepper, code.strip()))

    def _check_code(self, account: Account, code: str | None, now: datetime) -> int | bytes | None:
        """Return what a right code uses up: a step, or the HMAC of a recovery code; None for a wrong one, 0 where none is needed."""
        if account.totp_since is None:
            return 0
        given = bare_code(code or "")
        hashed = code_hash(self._pepper, given)
        recovery = [kept for kept in account.recovery if compare_digest(kept, hashed)]
        return recovery[0] if recovery else self._step(account, given, now)

    def _step(self, account: Account, code: str, now: datetime) -> int | None:
        """Return the step of a code: the one of now, the one before or after, and never one up to the last that was used."""
        assert account.sealed is not None, "codes are looked at once there is a secret"
        totp = pyotp.TOTP(unseal(self._ring.of(HOUSE), self._former, account.id, account.sealed), interval=STEP_S)
        present = int(now.timestamp()) // STEP_S
        right = [step for step in (present - 1, present, present + 1) if compare_digest(totp.generate_otp(step).encode(), code.encode())]
        return next((step for step in right if step > account.totp_step), None)

    async def _use_code(self, con: Connection, account: Account, used: int | bytes) -> None:
        if isinstance(used, bytes):
            await store.change_account(con, store.USE_RECOVERY, account.id, used)
        elif used:
            await store.change_account(con, store.USE_STEP, account.id, used)

    async def _replace(self, con: Connection, account: Account, hashed: str, now: datetime) -> None:
        """Set a password, and tell each centre where the person has rights."""
        await store.change_account(con, store.SET_PASSWORD, account.id, hashed)
        await _tell_each(con, account.id, now, "password.changed")

    async def _rehash(self, known: Account, password: str) -> None:
        hashed = await self._hasher.hash(password)
        async with self._account(NOWHERE, known.id) as (con, account):
            if account.password == known.password:
                await store.change_account(con, store.REHASH, known.id, hashed)


def _wait(tries: store.Tries, now: datetime, delays: Delays) -> int:
    return wait(tries.failures, tries.last, now, delays)


def chosen(scopes: Sequence[Scope], centre: str | None, kind: KeyKind | None) -> list[Scope]:
    """Return the scopes that somebody may mean."""
    return [one for one in scopes if centre in (None, one.finess) and kind in (None, one.kind)]


def only(found: Sequence[Scope]) -> Scope:
    """Return the one scope there is. Raises ScopeNeeded."""
    if len(found) > 1:
        told = ", ".join(f"{one.finess} {one.kind}" for one in found)
        raise ScopeNeeded(f"this person has rights in several: {told}", hint="say centre, and kind where a centre has both")
    return found[0]


async def _tell_each(con: Connection, account: UUID, now: datetime, action: str) -> None:
    """Add what a person did to the trail of each centre where they have rights, last in a transaction."""
    for scope in await store.scopes(con, account):
        await store.see_tenant(con, scope.tenant)
        await audit.append(con, scope.tenant, [Access(now, str(scope.member), action, str(scope.member))])


async def _note(con: Connection, caller: Caller, now: datetime, action: str, subject: UUID | None = None) -> None:
    access = Access(now, str(caller.key_id), action, str(subject or caller.key_id))
    await audit.append(con, caller.tenant, [access])
