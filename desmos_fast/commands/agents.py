# SPDX-License-Identifier: Apache-2.0
"""`agents code | list | block | doctor | wiped`: workstations of a centre, on its database."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act

if TYPE_CHECKING:
    from desmos_fast.agents.model import Agent, AgentReport
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


def doctor(
    centre: Centre,
    name: Name,
    mobile: Annotated[bool, typer.Option("--mobile", help="The workstation is carried about: more is asked of it.")] = False,
    last: Annotated[bool, typer.Option("--last", help="What it said last, without asking it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have a workstation look how it is, over its channel, and print what it found, in French. It touches no card."""
    from dataclasses import replace

    import msgspec

    from desmos_fast.agents import service
    from desmos_fast.base.clock import system_clock

    async def ask(con: "Connection", context: "Context") -> None:
        # Machines know no other clock than that of the house.
        await service.ask_examined(con, replace(context, now=system_clock()), name, None)

    async def found(con: "Connection", context: "Context") -> "AgentReport":
        return await service.report(con, context, name, None)

    if not last:
        act(centre, ask)
        asyncio.run(_examine(name, mobile))
    told = act(centre, found)
    if as_json:
        print(msgspec.json.encode(told).decode())
        return
    print(f"{told.verdict}, {told.reported_at:%Y-%m-%d %H:%M} UTC")
    for one in told.findings:
        print(f"{one.level:7}  {one.point:3}  {one.subject:14}  {one.cause}" + (f" {one.action}" if one.action else ""))


async def _examine(name: UUID, mobile: bool) -> None:
    from desmos_fast.agents.asking import examine
    from desmos_fast.agents.relay import Relay
    from desmos_fast.commands.runtime import database
    from desmos_fast.db import pool as pools
    from desmos_fast.db.secrets import secret

    with database() as place:
        pool = await pools.create(place.app_dsn, 2)
        relay = Relay(pool, secret(place.settings, "agent_relay"))
        try:
            await examine(relay, name, mobile=mobile)
        finally:
            await relay.close()
            await pool.close()


def wiped(
    centre: Centre, proof: Annotated[Path, typer.Argument(help="The proof that `agent wipe` left.")], as_json: AsJson = False
) -> None:
    """Check the proof of a wiping: that a workstation of this centre signed it, and what it says was removed."""
    import msgspec

    from desmos_fast.agents import wiping
    from desmos_fast.agents.authority import open_authority
    from desmos_fast.agents.model import AgentRefused, Unproven
    from desmos_fast.base.settings import load
    from desmos_fast.commands.common import read_input

    async def whose(_: "Connection", context: "Context") -> UUID:
        return context.tenant

    try:
        made = msgspec.json.decode(read_input(str(proof)), type=wiping.Proof)
        said, signed, signature = wiping.read(made)
        # The certificate lasted when it signed; that it ended since changes nothing.
        shown = open_authority(load().data_dir).read(made.certificate, said.at)
    except (msgspec.MsgspecError, Unproven) as error:
        raise AgentRefused("this is no proof of a workstation of this service") from error
    wiping.check(signed, signature, shown.key)
    if shown.tenant != act(centre, whose) or str(shown.agent) != said.agent:
        raise AgentRefused("the proof is of a workstation of another centre")
    if as_json:
        print(signed.decode())
        return
    gone = sum(one.overwritten and one.removed for one in said.files)
    print(f"{said.agent} ({said.desk}) was wiped {said.at:%Y-%m-%d %H:%M} UTC: {gone} of {len(said.files)} files written over and removed")
    ended, left = "revoked" if said.revoked else "NOT revoked", ", ".join(said.left) or "nothing"
    print(f"certificate {ended}; left: {left}; unsent events: {said.unsent}")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agents.command("code")(code)
    groups.agents.command("list")(show)
    groups.agents.command("block")(block)
    groups.agents.command("doctor")(doctor)
    groups.agents.command("wiped")(wiped)
