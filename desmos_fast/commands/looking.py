# SPDX-License-Identifier: Apache-2.0
"""`lots preview | list | show` and `files list | show | get | resend | cancel`: the lots and files of a centre on the database."""

from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act, take
from desmos_fast.commands.common import atomic_output, euros, read_input

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.lots.listing.model import Wanted
    from desmos_fast.lots.planned import Preview

State = Annotated[str | None, typer.Option("--state", help="Only those in this state.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Only those from this day on.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Only those up to this day.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the newest first.")]
Name = Annotated[UUID, typer.Argument(help="Its id, as the list shows it.")]


def preview(
    centre: Centre,
    settings: Annotated[str | None, typer.Option("--settings", help="The settings of the build, one JSON object, or -.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a build would make now: files, lots, sums, destinations; nothing is done."""
    from desmos_fast.lots.preview import preview as try_out

    body = b"{}" if settings is None else read_input(settings)

    async def work(con: "Connection", context: "Context") -> "Preview":
        return await try_out(con, context, body)

    found = act(centre, work)
    if as_json:
        _json(found)
        return
    for file in found.files:
        print(f"{file.name}  {file.size} bytes  {_sums(file.total)}")
    for place in found.destinations:
        print(f"to {place.destination}{f' {place.amc_number}' if place.amc_number else ''}  {_sums(place.total)}")
    print(f"{len(found.files)} files, {found.lots} lots, {found.invoices} invoices; nothing was done")


def list_lots(
    centre: Centre, state: State = None, since: Since = None, until: Until = None, limit: Limit = 50, as_json: AsJson = False
) -> None:
    """List the lots of a centre."""
    from desmos_fast.lots.listing import service

    found = act(centre, lambda con, context: service.lots(con, context, _wanted(state, since, until, limit), str))
    if as_json:
        _json(found)
        return
    for lot in found.lots:
        place = f"{lot.destination}{f' {lot.amc_number}' if lot.amc_number else ''}"
        print(f"{lot.id}  {lot.date}  {lot.number:03d}/{lot.cycle}  {lot.state:<9}  {place}  {lot.invoices} invoices  {euros(lot.fees)}")


def list_files(
    centre: Centre, state: State = None, since: Since = None, until: Until = None, limit: Limit = 50, as_json: AsJson = False
) -> None:
    """List the claim files of a centre."""
    from desmos_fast.lots.listing import service

    found = act(centre, lambda con, context: service.files(con, context, _wanted(state, since, until, limit), str))
    if as_json:
        _json(found)
        return
    for file in found.files:
        print(f"{file.id}  {file.date}  {file.name}  {file.state:<12}  {file.lots} lots  {file.invoices} invoices  {euros(file.fees)}")


def show_lot(centre: Centre, name: Name) -> None:
    """Show one lot as JSON: its invoices, and what happened to it."""
    from desmos_fast.base.types import LotId
    from desmos_fast.lots.listing import service

    _json(act(centre, lambda con, context: service.lot(con, context, LotId(name))))


def show_file(centre: Centre, name: Name) -> None:
    """Show one file as JSON: its lots, and what happened to it."""
    from desmos_fast.base.types import FileId
    from desmos_fast.lots.listing import service

    _json(act(centre, lambda con, context: service.file(con, context, FileId(name))))


def get(centre: Centre, name: Name, out: Annotated[Path, typer.Option("-o", "--out", help="Where to, or - for standard output.")]) -> None:
    """Take one file, byte for byte as it is sent."""
    from desmos_fast.base.types import FileId
    from desmos_fast.lots import service

    found = take(centre, "files get", str(name), lambda con, context: service.content(con, context, FileId(name)), attrgetter("records"))
    with atomic_output(str(out)) as target:
        target.write(found.data)


def resend(centre: Centre, name: Name) -> None:
    """Send again, with the same bytes, a file whose answer is missing."""
    from desmos_fast.base.types import FileId
    from desmos_fast.lots.follow import service

    _json(act(centre, lambda con, context: service.resend(con, context, FileId(name))))


def cancel(
    centre: Centre,
    name: Name,
    why: Annotated[str, typer.Option("--why", help="The reason, for those who look later.")],
    not_received: Annotated[bool, typer.Option("--not-received", help="Its payer says that it does not have it.")] = False,
) -> None:
    """Cancel a file that has not left; its invoices wait for the next build."""
    import msgspec

    from desmos_fast.base.types import FileId
    from desmos_fast.lots.follow import service

    body = msgspec.json.encode({"why": why, "not_received": not_received})
    _json(act(centre, lambda con, context: service.cancel(con, context, FileId(name), body)))


def _wanted(state: str | None, since: datetime | None, until: datetime | None, limit: int) -> "Wanted":
    from desmos_fast.lots.listing.model import Wanted

    return Wanted(state=state, since=None if since is None else since.date(), until=None if until is None else until.date(), limit=limit)


def _json(found: Any) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def _sums(total: Any) -> str:
    return f"{total.lots} lots  {total.invoices} invoices  {euros(total.fees)} (AMO {euros(total.amo)}, AMC {euros(total.amc)})"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.lots.command("preview")(preview)
    groups.lots.command("list")(list_lots)
    groups.lots.command("show")(show_lot)
    groups.files.command("list")(list_files)
    groups.files.command("show")(show_file)
    groups.files.command("get")(get)
    groups.files.command("resend")(resend)
    groups.files.command("cancel")(cancel)
