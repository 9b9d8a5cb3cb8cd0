# SPDX-License-Identifier: Apache-2.0
"""`schedule show`, `set` and `off`: when the lots of a centre are built by themselves."""

from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import read_input

if TYPE_CHECKING:
    from datetime import datetime

    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.lots.schedule.model import LastRun, Schedule


def show(centre: Centre, as_json: AsJson = False) -> None:
    """Show the schedule of a centre, its next due time and its last run."""
    from desmos_fast.lots.schedule import service

    _print(act(centre, service.show), as_json)


def put(
    centre: Centre,
    at: Annotated[list[str], typer.Option("--at", help="A time of Paris, HH:MM; give it as often as there are times.")],
    days: Annotated[str, typer.Option("--days", help="The days, separated by commas.")] = "mon,tue,wed,thu,fri",
    holidays: Annotated[bool, typer.Option("--holidays", help="Build on legal holidays too.")] = False,
    settings: Annotated[str | None, typer.Option("--settings", help="The settings of the build, one JSON object, or -.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have the lots of a centre built at these times, and no more at others; a worker does it."""
    import msgspec

    from desmos_fast.lots.schedule import service

    asked = {"at": at, "days": days.split(","), "skip_holidays": not holidays}
    body = msgspec.json.encode(asked | ({} if settings is None else {"settings": msgspec.Raw(read_input(settings))}))

    async def work(con: "Connection", context: "Context") -> "Schedule":
        return await service.put(con, context, service.read_plan(body, context))

    _print(act(centre, work), as_json)


def off(centre: Centre) -> None:
    """Have nothing built by itself any more."""
    from desmos_fast.lots.schedule import service

    act(centre, service.end)
    print("off")


def _print(schedule: "Schedule", as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.encode(schedule).decode())
        return
    print(f"{' '.join(schedule.at)}  {' '.join(schedule.days)}  {'not on holidays' if schedule.skip_holidays else 'on holidays too'}")
    print(f"next  {_paris(schedule.next)}")
    if schedule.last is not None:
        print(f"last  {_paris(schedule.last.due)}  {_outcome(schedule.last)}")


def _paris(instant: "datetime") -> str:
    from desmos_fast.base.clock import PARIS

    return instant.astimezone(PARIS).strftime("%Y-%m-%d %H:%M")


def _outcome(last: "LastRun") -> str:
    if last.result == "failed":
        return f"failed: {last.code}"
    return f"{last.result}: {last.files} files, {last.lots} lots, {last.invoices} invoices"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.schedule.command("show")(show)
    groups.schedule.command("set")(put)
    groups.schedule.command("off")(off)
