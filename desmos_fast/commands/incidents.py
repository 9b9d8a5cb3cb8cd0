# SPDX-License-Identifier: Apache-2.0
"""`incident declare | acknowledge | degrade | restore | attribute | maintenance | cancel | list`, of one centre or of all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from uuid import UUID

import msgspec
import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.incidents.model import Incident, IncidentPage

T = TypeVar("T")
Centre = Annotated[str | None, typer.Option("--centre", help="The FINESS of a registered centre; without it, every centre.")]
Name = Annotated[UUID, typer.Argument(help="Its id, as `incident list` shows it: that of an incident of all centres is the same in each.")]
What = Annotated[str, typer.Argument(help="What it is in a few words, without naming anybody.")]
At = Annotated[str | None, typer.Option("--at", help="When, as 2026-11-25T09:00:00+01:00; now without it.")]
Instant = str | None
CAUSES: Final = "provider, client or payer"


def declare(
    what: What,
    centre: Centre = None,
    since: Annotated[Instant, typer.Option("--since", help="When it began, as 2026-11-25T09:00:00+01:00; now without it.")] = None,
    degraded: Annotated[bool, typer.Option("--degraded", help="The service runs, but not as it should.")] = False,
    disaster: Annotated[bool, typer.Option("--disaster", help="The RTO is its limit, not the four hours of an incident.")] = False,
    cause: Annotated[str, typer.Option("--cause", help=f"Whose it is: {CAUSES}.")] = "provider",
    as_json: AsJson = False,
) -> None:
    """Declare that the service is down or degraded: the clocks of intervention (GTI) and recovery (GTR) run."""
    from desmos_fast.base.types import uuid7
    from desmos_fast.incidents import service
    from desmos_fast.incidents.model import IncidentTold

    told = _read({"what": what, "starts_at": since, "degraded": degraded, "disaster": disaster, "cause": cause}, IncidentTold)
    name = uuid7()
    _show(_each(centre, lambda con, context: service.declare(con, context, told, name)), as_json)


def maintenance(
    what: What,
    start: Annotated[str, typer.Option("--from", help="When it begins, as 2026-11-25T21:00:00+01:00.")],
    end: Annotated[str, typer.Option("--to", help="When it ends.")],
    centre: Centre = None,
    unplanned: Annotated[bool, typer.Option("--unplanned", help="It was not planned, though it is declared before it begins.")] = False,
    as_json: AsJson = False,
) -> None:
    """Declare maintenance. What is declared after it began is unplanned, and counts as the contract says."""
    from desmos_fast.base.types import uuid7
    from desmos_fast.incidents import service
    from desmos_fast.incidents.model import MaintenanceTold

    told = _read({"what": what, "starts_at": start, "ends_at": end, "planned": not unplanned}, MaintenanceTold)
    name = uuid7()
    _show(_each(centre, lambda con, context: service.announce(con, context, told, name)), as_json)


def acknowledge(name: Name, centre: Centre = None, at: At = None, as_json: AsJson = False) -> None:
    """Say that somebody attends to an incident: the clock of intervention stops."""
    _step("acknowledge", name, centre, at, as_json)


def degrade(name: Name, centre: Centre = None, at: At = None, as_json: AsJson = False) -> None:
    """Say that the service runs again, degraded: the clock of recovery stops."""
    _step("degrade", name, centre, at, as_json)


def restore(name: Name, centre: Centre = None, at: At = None, as_json: AsJson = False) -> None:
    """Say that the service runs as it should."""
    _step("restore", name, centre, at, as_json)


def attribute(
    name: Name,
    cause: Annotated[str, typer.Argument(help=f"Whose it is: {CAUSES}.")],
    why: Annotated[str, typer.Option("--why", help="What shows it.")],
    centre: Centre = None,
    as_json: AsJson = False,
) -> None:
    """Say whose an incident is: the contract leaves those of a client or a payer out."""
    from desmos_fast.incidents import service
    from desmos_fast.incidents.model import Attribution

    told = _read({"cause": cause, "why": why}, Attribution)
    _show(_each(centre, lambda con, context: service.attribute(con, context, name, told), name), as_json)


def cancel(name: Name, centre: Centre = None, as_json: AsJson = False) -> None:
    """Take back maintenance that did not begin."""
    from desmos_fast.incidents import service

    _show(_each(centre, lambda con, context: service.cancel(con, context, name), name), as_json)


def show(
    centre: Annotated[str, typer.Option("--centre", help="The FINESS of a registered centre.")],
    running: Annotated[bool, typer.Option("--running", help="Leave out what is over.")] = False,
    as_json: AsJson = False,
) -> None:
    """List incidents and maintenance of a centre, the last declared first."""
    from desmos_fast.commands.acting import act
    from desmos_fast.incidents import service
    from desmos_fast.incidents.model import PAGE

    async def work(con: "Connection", context: "Context") -> "IncidentPage":
        return await service.listed(con, context, None, None, PAGE, str, running=running)

    found = act(centre, work)
    if as_json:
        print(msgspec.json.encode(found.incidents).decode())
        return
    for one in found.incidents:
        print(_line(one))


def _step(step: str, name: UUID, centre: str | None, at: str | None, as_json: bool) -> None:
    from desmos_fast.incidents import service
    from desmos_fast.incidents.model import Moment

    told = _read({"at": at}, Moment)
    work: Callable[[Connection, Context, UUID, Moment], Awaitable[Incident]] = getattr(service, step)
    _show(_each(centre, lambda con, context: work(con, context, name, told), name), as_json)


def _read(fields: dict[str, object], kind: type[T]) -> T:
    """Read what was typed as the API reads a body. Raises IncidentRefused."""
    from desmos_fast.incidents import service

    given = {field: value for field, value in fields.items() if value is not None}
    return service.read_told(msgspec.json.encode(given), kind)  # type: ignore[type-var]  # every kind here is a Struct


def _each(
    finess: str | None, work: "Callable[[Connection, Context], Awaitable[Incident]]", name: UUID | None = None
) -> "list[tuple[str, Incident]]":
    """Do the same in one transaction a centre, and return what each gives; centres that do not have `name` are passed over, but not all."""
    from desmos_fast.base.clock import system_clock
    from desmos_fast.base.errors import NotThere
    from desmos_fast.commands.runtime import database
    from desmos_fast.db import pool
    from desmos_fast.db.masters import open_keyring, read_use
    from desmos_fast.db.tenant import direct, transaction
    from desmos_fast.identity import service as identity
    from desmos_fast.identity.context import OPERATOR, without_key

    async def run() -> "list[tuple[str, Incident]]":
        done: list[tuple[str, Incident]] = []
        with database() as place:
            keyring, now = open_keyring(place.settings), system_clock()
            async with direct(place.owner_dsn) as con:
                keyring.follow(await read_use(con))
                centres = [await identity.find_centre(con, finess)] if finess else await identity.list_centres(con)
            # One connection for all of them: to open one takes longer than what is done.
            opened = await pool.create(place.app_dsn, 1)
            try:
                for centre in centres:
                    context = without_key(centre.id, centre.finess, keyring.of(centre.id), now, OPERATOR)
                    try:
                        async with transaction(opened, centre.id) as con:
                            done.append((centre.finess, await work(con, context)))
                    except NotThere:
                        if finess:
                            raise
            finally:
                await opened.close()
        if not done:
            raise NotThere("no centre has such an incident" if name else "no centre is registered", hint="look: incident list --centre …")
        return done

    return asyncio.run(run())


def _show(done: "list[tuple[str, Incident]]", as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode({"centres": [finess for finess, _ in done], "incident": done[0][1]}).decode())
        return
    print(_line(done[0][1]))
    print(f"{len(done)} centre{'s' if len(done) > 1 else ''}")


def _line(one: "Incident") -> str:
    clocks = [f"attended after {one.attended_s} s"] if one.attended_s is not None else []
    clocks += [f"recovered after {one.recovered_s} s"] if one.recovered_s is not None else []
    return f"{one.id}  {one.kind} {one.state}  {_local(one.starts_at)}  {one.cause}  {one.what}" + "".join(f"  {clock}" for clock in clocks)


def _local(instant: datetime) -> str:
    from desmos_fast.base.clock import PARIS

    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M}"


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    for name, command in (
        ("declare", declare), ("maintenance", maintenance), ("acknowledge", acknowledge), ("degrade", degrade), ("restore", restore),
        ("attribute", attribute), ("cancel", cancel), ("list", show),
    ):  # fmt: skip
        groups.incident.command(name)(command)
