# SPDX-License-Identifier: Apache-2.0
"""Users of a centre: made, changed, reset and ended by an administrator or an operator, each act in the trail."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base.types import KeyKind, TenantId, uuid7
from desmos_fast.db.pool import Connection
from desmos_fast.identity.audit import service as audit
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.context import OPERATOR
from desmos_fast.identity.hashing import hash_key
from desmos_fast.identity.model import ADMIN
from desmos_fast.identity.people import store
from desmos_fast.identity.people.errors import LastAdmin, NoSuchUser, UserElsewhere, UserEnded, UserKnown, UserRefused
from desmos_fast.identity.people.model import Account, ResetAsked, User, UserAsked, UserChange, UserMade, UserPage
from desmos_fast.identity.people.policy import Policy
from desmos_fast.identity.people.rules import check_user, login_of

_CODE_BYTES: Final = 24
T = TypeVar("T", bound=msgspec.Struct)


def login_key(pepper: bytes, login: str) -> bytes:
    """Return what wrong tries of a login are counted under."""
    return hash_key(pepper, f"login {login}")


def code_hash(pepper: bytes, code: str) -> bytes:
    """Return what is kept of a code that sets a password, or of a recovery code."""
    return hash_key(pepper, f"code {code}")


async def make_user(
    con: Connection, tenant: TenantId, kind: KeyKind, asked: UserAsked, now: datetime, *, by: str, pepper: bytes, policy: Policy
) -> UserMade:
    """Make a user, and the code that sets the password. Raises UserRefused, UserKnown.

    Whom another centre knows is given rights by an operator alone: else an administrator could take, or lay in wait for, the account of
    somebody elsewhere. They keep their password, and get no code.
    """
    login, roles = login_of(asked.login), tuple(dict.fromkeys(asked.roles))
    check_user(login, asked.name, roles, asked.rpps)
    account, code, until, ends = uuid7(), None, None, False
    if not await store.add_account(con, account, login, now):
        found = await store.find_account(con, login)
        assert found is not None, "the login was there a moment ago"
        account = found
        if by != OPERATOR and not await store.was_here(con, tenant, account):
            raise UserKnown("somebody has this login elsewhere", hint="an operator of the service gives them rights in this centre")
    known = await store.account(con, account, lock=True)
    # Under the lock: who makes the same user at the same time is through by then.
    if await store.was_here(con, tenant, account, kind):
        raise UserKnown("a user of this centre has this login")
    if known.password is None and not await _is_elsewhere(con, tenant, kind, account, by):
        # One that somebody elsewhere holds would open what is given here.
        code, until, ends = *_code(now, policy), _has_code(known, now)
        await store.change_account(con, store.SET_CODE, account, code_hash(pepper, code), until)
    await _set_rpps(con, tenant, kind, account, asked.rpps, by)
    user = User(id=uuid7(), kind=kind, login=login, name=asked.name, roles=roles, made_at=now)
    await store.add_user(con, tenant, account, user)
    await _note(con, tenant, now, by, "user.created", user.id, f"kind={kind}&roles={','.join(roles)}")
    return UserMade(**msgspec.structs.asdict(user), code=code, code_until=until, ends_code=ends)


async def change_user(
    con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID, change: UserChange, now: datetime, *, by: str
) -> User:
    """Give a user another name, other roles or an RPPS number.

    Raises NoSuchUser, UserEnded, UserRefused, LastAdmin, UserElsewhere, UserKnown.
    """
    if change.rpps is not None:
        await store.hold_person(con, tenant, name)
    admins = await _admins(con, tenant, kind)
    user, account = await _living(con, tenant, kind, name)
    roles = user.roles if change.roles is None else tuple(dict.fromkeys(change.roles))
    changed = msgspec.structs.replace(user, name=user.name if change.name is None else change.name, roles=roles)
    check_user(user.login, changed.name, roles, change.rpps)
    if ADMIN not in roles:
        _leave_an_admin(user, admins)
    await _set_rpps(con, tenant, kind, account, change.rpps, by)
    await store.change_user(con, tenant, name, changed.name, roles)
    told = [f"roles={','.join(roles)}"] * (roles != user.roles) + [f"rpps={change.rpps}"] * (change.rpps is not None)
    await _note(con, tenant, now, by, "user.changed", name, "&".join(told))
    return changed


async def end_user(con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID, now: datetime, *, by: str) -> None:
    """End a user, and with them their sessions here; who ended stays so. Raises NoSuchUser, LastAdmin."""
    admins = await _admins(con, tenant, kind)
    user, _ = await _found(con, tenant, kind, name)
    if user.ended_at is None:
        _leave_an_admin(user, admins)
        await store.end_user(con, tenant, name, now)
        await _note(con, tenant, now, by, "user.ended", name)


async def reset_user(
    con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID, asked: ResetAsked, now: datetime, *,
    by: str, pepper: bytes, policy: Policy,
) -> UserMade:  # fmt: skip
    """Take the password of a user, and the code generator where that is asked for; end every session; make a code for a new password.

    Raises NoSuchUser, UserEnded, and UserElsewhere when it is not an operator who takes what opens other centres too.
    """
    # Before the user, in the order of who signs in; and before `since` is set, or a session that opens now would be later than it.
    await store.hold_person(con, tenant, name)
    user, account = await _living(con, tenant, kind, name)
    await _here_alone(con, tenant, kind, account, by)
    code, until = _code(now, policy)
    ends = _has_code(await store.account(con, account), now)
    await store.change_account(con, store.RESET, account, code_hash(pepper, code), until)
    if asked.totp:
        await store.change_account(con, store.FORGET_TOTP, account)
    await store.clear(con, login_key(pepper, user.login))
    # Each centre where the person has rights: what they signed in with there is gone too.
    for scope in await store.scopes(con, account):
        await store.see_tenant(con, scope.tenant)
        await _note(con, scope.tenant, now, by, "user.reset", scope.member, f"totp={str(asked.totp).lower()}")
    await store.see_tenant(con, tenant)
    return UserMade(**msgspec.structs.asdict(user), code=code, code_until=until, ends_code=ends)


async def release_user(
    con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID, now: datetime, *, by: str, pepper: bytes
) -> User:
    """Let a user try again at once after wrong tries. Raises NoSuchUser, UserEnded."""
    user, _ = await _living(con, tenant, kind, name)
    await store.clear(con, login_key(pepper, user.login))
    await _note(con, tenant, now, by, "user.released", name)
    return user


async def list_users(
    con: Connection, tenant: TenantId, kind: KeyKind | None, before: UUID | None, limit: int, cursor: Callable[[UUID], str]
) -> UserPage:
    """Return one page of the users of a centre, the newest first, those that ended too; `cursor` writes where the next page begins."""
    found = await store.users(con, tenant, kind, before, limit + 1)
    shown = found[:limit]
    return UserPage(shown, cursor(shown[-1].id) if len(found) > len(shown) else None)


def read_body(body: bytes, shape: type[T]) -> T:
    """Return what a body asks for; an empty one asks for the defaults. Raises UserRefused."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # The library's words repeat names of keys, which may be anything.
        raise UserRefused(f"the body is an object with {', '.join(shape.__struct_fields__)}, each in its form") from error


def _has_code(account: Account, now: datetime) -> bool:
    return account.code is not None and account.code_until is not None and account.code_until > now


def _code(now: datetime, policy: Policy) -> tuple[str, datetime]:
    return secrets.token_urlsafe(_CODE_BYTES), now + timedelta(hours=policy.password.code_hours)


async def _found(con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID) -> tuple[User, UUID]:
    found = await store.lock_user(con, tenant, name)
    if found is None or kind not in (None, found[0].kind):
        raise NoSuchUser("no such user")
    return found


async def _living(con: Connection, tenant: TenantId, kind: KeyKind | None, name: UUID) -> tuple[User, UUID]:
    user, account = await _found(con, tenant, kind, name)
    if user.ended_at is not None:
        raise UserEnded("this user has ended", hint="make a new one with the same login")
    return user, account


async def _admins(con: Connection, tenant: TenantId, kind: KeyKind | None) -> set[UUID]:
    """Lock the administrators of a centre, before any user: two who end each other would wait for each other.

    An operator, who sees both kinds, can make another one at any time and leaves none behind.
    """
    return set() if kind is None else await store.lock_admins(con, tenant, kind)


def _leave_an_admin(user: User, admins: set[UUID]) -> None:
    if admins == {user.id}:
        raise LastAdmin("this is the last administrator of the centre", hint="make another one first")


async def _is_elsewhere(con: Connection, tenant: TenantId, kind: KeyKind | None, account: UUID, by: str) -> bool:
    """Say whether a person has rights that are not the caller's to give away with a password: of other centres, or live ones from test."""
    if by == OPERATOR:
        return False
    return any(scope.tenant != tenant or (scope.kind == "live") > (kind == "live") for scope in await store.scopes(con, account))


async def _here_alone(con: Connection, tenant: TenantId, kind: KeyKind | None, account: UUID, by: str) -> None:
    if await _is_elsewhere(con, tenant, kind, account, by):
        raise UserElsewhere(
            "this person has rights in another centre too, or live ones beside those of test", hint="an operator of the service does this"
        )


async def _set_rpps(con: Connection, tenant: TenantId, kind: KeyKind | None, account: UUID, rpps: str | None, by: str) -> None:
    """Let a provider of identities vouch for a person under this number. Raises UserElsewhere, UserKnown."""
    if rpps is None:
        return
    await _here_alone(con, tenant, kind, account, by)
    if not await store.set_subject(con, account, rpps):
        raise UserKnown("somebody has this RPPS number", hint="an operator of the service finds out who")


async def _note(con: Connection, tenant: TenantId, now: datetime, by: str, action: str, user: UUID, told: str = "") -> None:
    await audit.append(con, tenant, [Access(now, by, action, str(user), filter=told)])
