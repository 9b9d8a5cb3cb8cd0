# SPDX-License-Identifier: Apache-2.0
"""`centre options`: what a centre subscribed to, and from which day on."""

import asyncio
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from desmos_fast.identity.options.model import OptionList


def options(
    finess: Annotated[str, typer.Argument(help="The FINESS of a registered centre.")],
    on: Annotated[list[str] | None, typer.Option("--on", help="Let it have this option; more than once for several.")] = None,
    off: Annotated[list[str] | None, typer.Option("--off", help="Let it have this option no more.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="From this day on; else from today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the options of a centre, or set some; routes of an option that it has not are refused."""
    import msgspec

    if on and off and set(on) & set(off):
        raise typer.BadParameter("an option is on or off")
    found = asyncio.run(_put(finess, on or [], off or [], since))
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    for one in found.options:
        changes = "" if one.changes is None else f"  {'off' if one.subscribed else 'on'} from {one.changes}"
        print(f"{one.option:<12} {'on' if one.subscribed else 'off':<3}  {one.title_fr}{changes}")


async def _put(finess: str, on: list[str], off: list[str], since: datetime | None) -> "OptionList":
    from desmos_fast.base.clock import system_clock
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.masters import open_keyring, read_use
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service as identity
    from desmos_fast.identity.clocks import service as clocks
    from desmos_fast.identity.context import OPERATOR, without_key
    from desmos_fast.identity.options import service
    from desmos_fast.identity.options.model import Turn

    with database() as place:
        keyring = open_keyring(place.settings)
        async with direct(place.owner_dsn) as con:
            keyring.follow(await read_use(con))
            centre = await identity.find_centre(con, finess)
        # What a centre subscribed to is the owner's to say.
        async with direct(place.owner_dsn, centre.id) as con:
            now = system_clock() + await clocks.ahead(con, centre.id)
            context = without_key(centre.id, centre.finess, keyring.of(centre.id), now, OPERATOR)
            starts = context.today if since is None else since.date()
            return await service.put(con, context, [Turn(name, starts, name in on) for name in (*on, *off)])


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.centre.command()(options)
