# SPDX-License-Identifier: Apache-2.0
"""`centre add`, the first step of a new house, `key new | list | revoke | rotate` and `user add | list | end | reset | release`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from datetime import datetime

    from desmos_fast.base.types import TenantId
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.model import KeyMade, KeyPage
    from desmos_fast.identity.people.model import User, UserMade, UserPage

T = TypeVar("T")
Finess = Annotated[str, typer.Argument(help="The FINESS of a registered centre.")]
UserName = Annotated[UUID, typer.Argument(help="The id of a user, as the list shows it.")]
Kind = Annotated[Literal["test", "live"], typer.Option("--kind", help="test sees synthetic people only, live the real ones.")]
Name = Annotated[UUID, typer.Argument(help="The id of a key, as the list shows it.")]


def add_centre(
    finess: Annotated[str, typer.Argument(help="Its FINESS: 9 characters, the last one a key.")],
    name: Annotated[str, typer.Option("--name", help="Its name, as screens show it.")],
) -> None:
    """Register a health centre; the same FINESS and name again change nothing."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.migrate import migrate
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service

    async def run(owner_dsn: str) -> None:
        await migrate(owner_dsn)
        async with direct(owner_dsn) as con:
            await service.add_centre(con, finess, name)

    with database() as place:
        asyncio.run(run(place.owner_dsn))
    print(f"{finess} {name}")


def new_key(
    finess: Finess,
    kind: Annotated[Literal["test", "live"], typer.Option("--kind", help="test takes synthetic people only, live refuses them.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="What it is for, more than once for several; without one, admin.")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What tells it from other keys.")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, max=3660, help="It ends after so many days; without it, never.")] = None,
) -> None:
    """Make an API key and print it, for the only time: nothing but its HMAC is kept."""
    from datetime import timedelta

    from desmos_fast.identity import service
    from desmos_fast.identity.context import OPERATOR
    from desmos_fast.identity.model import ADMIN, KeyAsked

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", pepper: bytes) -> "KeyMade":
        end = None if days is None else now + timedelta(days=days)
        asked = KeyAsked(roles=tuple(role or [ADMIN]), label=label, expires_at=end)
        return await service.make_key(con, tenant, kind, asked, now, by=OPERATOR, pepper=pepper)

    _print_secret(in_centre(finess, work))


def list_keys(finess: Finess, as_json: AsJson = False) -> None:
    """List the latest 200 keys of a centre, the newest first; no secret can be shown."""
    import msgspec

    from desmos_fast.identity import service
    from desmos_fast.identity.model import PAGE

    async def work(con: "Connection", tenant: "TenantId", _now: "datetime", _pepper: bytes) -> "KeyPage":
        return await service.list_keys(con, tenant, None, None, PAGE, str)

    found = in_centre(finess, work)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for key in found.keys:
        until = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
        ended = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else until
        used = f"{key.used_at:%Y-%m-%d %H:%M} UTC" if key.used_at else "never used"
        print(f"{key.id}  {key.kind:<4}  {','.join(key.roles):<24}  {used:<20}  {ended:<26}  {key.label}".rstrip())


def revoke_key(finess: Finess, name: Name) -> None:
    """Revoke a key: every process refuses it within a second."""
    from desmos_fast.identity import service
    from desmos_fast.identity.context import OPERATOR

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", _pepper: bytes) -> None:
        await service.revoke_key(con, tenant, None, name, now, by=OPERATOR)

    in_centre(finess, work)
    print(f"{name} is revoked")


def rotate_key(
    finess: Finess,
    name: Name,
    hours: Annotated[int, typer.Option("--overlap", min=0, max=720, help="For so many hours the old key still works.")] = 24,
) -> None:
    """Make a key like another one, which ends after an overlap, and print the new one, for the only time."""
    from datetime import timedelta

    from desmos_fast.identity import service
    from desmos_fast.identity.context import OPERATOR

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", pepper: bytes) -> "KeyMade":
        overlap = timedelta(hours=hours)
        return await service.rotate_key(con, tenant, None, name, overlap, now, by=OPERATOR, pepper=pepper)

    _print_secret(in_centre(finess, work))


def add_user(
    finess: Finess,
    login: Annotated[str, typer.Option("--login", help="What they sign in with; it looks like an e-mail address.")],
    name: Annotated[str, typer.Option("--name", help="Their name, as screens show it.")],
    role: Annotated[list[str], typer.Option("--role", help="What they may do, more than once for several.")],
    kind: Kind = "live",
    rpps: Annotated[str | None, typer.Option("--rpps", help="Their RPPS number, to sign in by a provider of identities.")] = None,
) -> None:
    """Make a user and print the code that sets the password, once. Who is known in another centre keeps the password and gets none."""
    from desmos_fast.base import settings
    from desmos_fast.identity.context import OPERATOR
    from desmos_fast.identity.people import service
    from desmos_fast.identity.people.model import UserAsked
    from desmos_fast.identity.people.policy import load_policy

    policy = load_policy(settings.load().identity)

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", pepper: bytes) -> "UserMade":
        asked = UserAsked(login=login, name=name, roles=tuple(role), rpps=rpps)
        return await service.make_user(con, tenant, kind, asked, now, by=OPERATOR, pepper=pepper, policy=policy)

    _print_code(in_centre(finess, work))


def list_users(finess: Finess, as_json: AsJson = False) -> None:
    """List the latest 200 users of a centre, the newest first, those that ended too."""
    import msgspec

    from desmos_fast.identity.people import service
    from desmos_fast.identity.people.model import PAGE

    async def work(con: "Connection", tenant: "TenantId", _now: "datetime", _pepper: bytes) -> "UserPage":
        return await service.list_users(con, tenant, None, None, PAGE, str)

    found = in_centre(finess, work)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for user in found.users:
        ended = f"ended {user.ended_at:%Y-%m-%d}" if user.ended_at else ""
        used = f"{user.used_at:%Y-%m-%d %H:%M} UTC" if user.used_at else "never used"
        print(f"{user.id}  {user.kind:<4}  {','.join(user.roles):<24}  {used:<20}  {ended:<16}  {user.login}  {user.name}".rstrip())


def end_user(finess: Finess, name: UserName) -> None:
    """End a user: every process refuses their sessions within a second. An operator may end the last administrator too."""
    from desmos_fast.identity.context import OPERATOR
    from desmos_fast.identity.people import service

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", _pepper: bytes) -> None:
        await service.end_user(con, tenant, None, name, now, by=OPERATOR)

    in_centre(finess, work)
    print(f"{name} has ended")


def reset_user(
    finess: Finess,
    name: UserName,
    totp: Annotated[bool, typer.Option("--totp", help="Take the code generator too, as when it is lost.")] = False,
) -> None:
    """Take a user's password, end every session, and print the code that sets a new one, once."""
    from desmos_fast.base import settings
    from desmos_fast.identity.context import OPERATOR
    from desmos_fast.identity.people import service
    from desmos_fast.identity.people.model import ResetAsked
    from desmos_fast.identity.people.policy import load_policy

    policy = load_policy(settings.load().identity)

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", pepper: bytes) -> "UserMade":
        return await service.reset_user(
            con, tenant, None, name, ResetAsked(totp=totp), now, by=OPERATOR, pepper=pepper, policy=policy
        )  # fmt: skip

    _print_code(in_centre(finess, work))


def release_user(finess: Finess, name: UserName) -> None:
    """Let a user try again at once after wrong tries."""
    from desmos_fast.identity.context import OPERATOR
    from desmos_fast.identity.people import service

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", pepper: bytes) -> "User":
        return await service.release_user(con, tenant, None, name, now, by=OPERATOR, pepper=pepper)

    print(f"{in_centre(finess, work).login} may try again")


def _print_code(made: "UserMade") -> None:
    if made.code is None:
        print(f"{made.login} has a password already and keeps it. The id of the user is {made.id}.", file=sys.stderr)
        return
    print(made.code)
    print(
        f"Hand this code to {made.login} now: it cannot be shown again, and sets a password once, until "
        f"{made.code_until:%Y-%m-%d %H:%M} UTC. The id of the user is {made.id}.",
        file=sys.stderr,
    )
    if made.ends_code:
        print("It ends another code of theirs that was not used yet, from another centre perhaps: tell them.", file=sys.stderr)


def in_centre(finess: str, work: "Callable[[Connection, TenantId, datetime, bytes], Awaitable[T]]") -> T:
    """Run one transaction of a centre; unlike other commands this needs no key of the house that the service makes when it first starts."""
    from desmos_fast.base.clock import system_clock
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.secrets import secret
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service

    async def run() -> T:
        with database() as place:
            async with direct(place.owner_dsn) as con:
                centre = await service.find_centre(con, finess)
            async with direct(place.app_dsn, centre.id) as con:
                return await work(con, centre.id, system_clock(), secret(place.settings, "api_keys"))

    return asyncio.run(run())


def _print_secret(made: "KeyMade") -> None:
    print(made.secret)
    print(f"Keep this key now: it cannot be shown again. Its id is {made.id}.", file=sys.stderr)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.centre.command("add")(add_centre)
    groups.key.command("new")(new_key)
    groups.key.command("list")(list_keys)
    groups.key.command("revoke")(revoke_key)
    groups.key.command("rotate")(rotate_key)
    groups.user.command("add")(add_user)
    groups.user.command("list")(list_users)
    groups.user.command("end")(end_user)
    groups.user.command("reset")(reset_user)
    groups.user.command("release")(release_user)
