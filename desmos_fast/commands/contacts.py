# SPDX-License-Identifier: Apache-2.0
"""`contacts list | add | end | test`: who is told by mail of what is out of the ordinary, on the database."""

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.notices.model import ContactList

Name = Annotated[UUID, typer.Argument(help="Its id, as `contacts list` shows it.")]
NO_MAIL = "nobody is told yet: DESMOS_MAIL names no mail server (docs/reference/following.md)"


def show(centre: Centre, as_json: AsJson = False) -> None:
    """List who is told of what in a centre, and when each was told last."""
    import msgspec

    from desmos_fast.base.settings import load
    from desmos_fast.notices import service

    async def work(con: "Connection", context: "Context") -> "ContactList":
        return await service.show(con, context, mail=load().mail is not None)

    found = act(centre, work)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found.contacts:
        last = "never told" if one.told_at is None else f"told last {one.told_at:%Y-%m-%d %H:%M} UTC"
        print(f"{one.id}  {one.name} <{one.email}>  {','.join(one.kinds) or 'all'}  {last}")
    if not found.mail:
        print(NO_MAIL, file=sys.stderr)


def add(
    centre: Centre,
    name: Annotated[str, typer.Argument(help="What the person is called.")],
    email: Annotated[str, typer.Argument(help="Where the person reads mail.")],
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Tell of this kind of anomaly; without one, of all.")] = None,
) -> None:
    """Tell a person by mail, within a minute, of what is out of the ordinary in a centre."""
    import msgspec

    from desmos_fast.base.settings import load
    from desmos_fast.notices import service

    person = service.read_person(msgspec.json.encode({"name": name, "email": email, "kinds": kinds or []}))
    print(act(centre, lambda con, context: service.add(con, context, person)).id)
    if load().mail is None:
        print(NO_MAIL, file=sys.stderr)


def end(centre: Centre, name: Name) -> None:
    """Tell a person nothing more."""
    from desmos_fast.notices import service

    act(centre, lambda con, context: service.end(con, context, name))
    print(name)


def trial(centre: Centre, name: Name) -> None:
    """Mail a person now, to see that mails arrive."""
    from desmos_fast.base.settings import load
    from desmos_fast.notices import service
    from desmos_fast.notices.reading import open_mailer

    mailer = open_mailer(load().mail)
    found = act(centre, lambda con, context: service.trial(con, context, name, mailer))
    print(f"mailed to {found.email}")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.contacts.command("list")(show)
    groups.contacts.command("add")(add)
    groups.contacts.command("end")(end)
    groups.contacts.command("test")(trial)
