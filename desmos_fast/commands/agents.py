# SPDX-License-Identifier: Apache-2.0
"""`agents code | list | block`: workstations of a centre, on its database."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act

if TYPE_CHECKING:
    from desmos_fast.agents.model import Agent
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context

Name = Annotated[UUID, typer.Argument(help="Its id, as `agents list` shows it.")]


def code(
    centre: Centre,
    desk: Annotated[str, typer.Argument(help="The desk that the workstation is at, as people call it.")],
    kind: Annotated[Literal["test", "live"], typer.Option("--kind", help="Keys of which kind see the workstation.")],
) -> None:
    """Make a code that lets one workstation in, once, within 15 minutes, and print it for the only time."""
    from desmos_fast.agents import service
    from desmos_fast.agents.model import CodeAsked, CodeMade
    from desmos_fast.base.settings import load
    from desmos_fast.db.secrets import secret

    async def work(con: "Connection", context: "Context") -> CodeMade:
        return await service.make_code(con, context, CodeAsked(desk=desk), kind, secret(load(), "api_keys"))

    made = act(centre, work)
    print(made.code)
    print(f"Type it at {made.desk} before {made.ends_at:%H:%M} UTC: desmos-fast agent enrol --service https://…", file=sys.stderr)


def show(centre: Centre, as_json: AsJson = False) -> None:
    """List the workstations of a centre, the last enrolled first, those that are blocked too."""
    import msgspec

    from desmos_fast.agents import service
    from desmos_fast.agents.model import PAGE, AgentPage

    async def work(con: "Connection", context: "Context") -> AgentPage:
        page = await service.listed(con, context, None, None, PAGE, str)
        found = page.agents
        while page.next is not None:
            page = await service.listed(con, context, None, UUID(page.next), PAGE, str)
            found += page.agents
        return AgentPage(found, None)

    found = act(centre, work).agents
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        seen = "never seen" if one.seen_at is None else f"seen {one.seen_at:%Y-%m-%d %H:%M} UTC"
        print(f"{one.id}  {one.kind}  {one.state:8}  {one.version or '-'}  {seen}  until {one.ends_at:%Y-%m-%d}  {one.desk}")


def block(centre: Centre, name: Name) -> None:
    """Shut a workstation out for good, as when it is lost or stolen: its channel ends within a minute."""
    from desmos_fast.agents import service

    async def work(con: "Connection", context: "Context") -> "Agent":
        return await service.block(con, context, name, None)

    print(f"{act(centre, work).id} is blocked")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agents.command("code")(code)
    groups.agents.command("list")(show)
    groups.agents.command("block")(block)
