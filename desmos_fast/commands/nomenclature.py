# SPDX-License-Identifier: Apache-2.0
"""`import nomenclature`, `import tariffs` and `nomenclature show`: what is the same for every centre."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import exit_faulty, print_faults, read_input
from desmos_fast.commands.streams import bar

if TYPE_CHECKING:
    from desmos_fast.nomenclature.importer import TableFault, TableFile
    from desmos_fast.nomenclature.rules import PackFault
    from desmos_fast.nomenclature.service import TableReport
    from desmos_fast.nomenclature.store import HeldCode, Import

Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]
ON_FORMAT: Final = ["%Y-%m-%d"]
SHOWN: Final = 8


def import_nomenclature(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files of national tables, or folders of them.")],
    on: Annotated[
        datetime | None, typer.Option("--on", formats=ON_FORMAT, help="The day from which the files hold; today by default.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import all of the files or, when one has a fault, none.")] = False,
    as_json: Json = False,
) -> None:
    """Import national tables (semicolon CSV, UTF-8): what changed is ended and begun anew on the day, the same file changes nothing."""
    from desmos_fast.nomenclature.importer import one_a_table

    files = _files(paths)
    with bar("Nomenclature", 2 * sum(file.stat().st_size for file in files)) as advance:
        read, faults = _read(files, advance)
        read, twice = one_a_table(read)
        faults += twice
        reports: list[TableReport] = []
        if read and not (strict and faults):
            reports, late = _load(read, on.date() if on else _today(), strict, advance)
            faults += late
    _tell(reports, faults, as_json)
    if faults:
        print_faults(faults)
        exit_faulty()


def _files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, those of folders by name. Raises typer.BadParameter."""
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not found:
            raise typer.BadParameter(f"no .csv file in {str(path)!r}")
        files += found
    return list(dict.fromkeys(files))


def _read(files: Sequence[Path], advance: Callable[[int], None]) -> "tuple[list[TableFile], list[TableFault]]":
    from desmos_fast.nomenclature.importer import Refused, read_file

    read: list[TableFile] = []
    faults: list[TableFault] = []
    for file in files:
        content = read_input(str(file))
        try:
            read.append(read_file(file.name, content))
        except Refused as refused:
            faults += refused.faults
        advance(len(content))
    return read, faults


def _load(
    read: "Sequence[TableFile]", since: date, strict: bool, advance: Callable[[int], None]
) -> "tuple[list[TableReport], list[TableFault]]":
    """Import the files, each in a transaction of its own, or all in one when `strict`: then a fault leaves nothing."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.migrate import migrate
    from desmos_fast.db.tenant import direct
    from desmos_fast.nomenclature.importer import Refused
    from desmos_fast.nomenclature.service import import_table

    reports: list[TableReport] = []
    faults: list[TableFault] = []

    async def run(owner_dsn: str) -> None:
        await migrate(owner_dsn)
        for batch in [read] if strict else [[file] for file in read]:
            try:
                async with direct(owner_dsn) as con:
                    done = [await import_table(con, file, since) for file in batch]
            except Refused as refused:
                faults.extend(refused.faults)
            else:
                reports.extend(done)
            advance(sum(file.size for file in batch))

    with database() as place:
        asyncio.run(run(place.owner_dsn))
    return reports, faults


def _tell(reports: "Sequence[TableReport]", faults: "Sequence[TableFault]", as_json: bool) -> None:
    import msgspec

    refused = Counter(fault.file for fault in faults)
    if as_json:
        summary = {"tables": [report._asdict() for report in reports], "refused": refused}
        print(msgspec.json.encode(summary).decode())
        return
    for report in reports:
        if report.outcome == "unchanged":
            print(f"{report.table:<8} {report.codes:>6} codes, unchanged since {report.since}  ({report.file})")
            continue
        counts = f"{report.added} added, {report.changed} changed, {report.ended} ended"
        print(f"{report.table:<8} {report.codes:>6} codes from {report.since} on: {counts}  ({report.file})")
        if report.added < report.codes:
            _tell_first(report)
    for file, count in refused.items():
        print(f"{file}: refused, {count} fault{'s' if count > 1 else ''}")


def _tell_first(report: "TableReport") -> None:
    """Name the first codes of each kind of change, where the table was not all new."""
    for kind, count in (("added", report.added), ("changed", report.changed), ("ended", report.ended)):
        if count:
            shown = report.first[kind][:SHOWN]
            print(f"         {kind}: {' '.join(shown)}" + (f" and {count - len(shown)} more" if count > len(shown) else ""))


def import_tariffs(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a tariff pack.")],
    as_json: Json = False,
) -> None:
    """Check a tariff pack and let it price: a running service takes it within seconds, each price on its own day."""
    import msgspec

    from desmos_fast.commands.runtime import database
    from desmos_fast.db.migrate import migrate
    from desmos_fast.db.tenant import direct
    from desmos_fast.nomenclature import service
    from desmos_fast.nomenclature.tariffs import TariffsInvalid

    try:
        checked = service.check_tariffs(folder)
    except TariffsInvalid as refused:
        print_faults(_told(fault) for fault in refused.faults)
        exit_faulty()
    for warning in checked.tariffs.warnings:
        print(f"desmos-fast: {warning}", file=sys.stderr)

    async def run(owner_dsn: str) -> service.PackReport:
        await migrate(owner_dsn)
        async with direct(owner_dsn) as con:
            return await service.import_tariffs(con, checked)

    with database() as place:
        report = asyncio.run(run(place.owner_dsn))
    if as_json:
        print(msgspec.json.encode(report._asdict()).decode())
        return
    what = "unchanged" if report.outcome == "unchanged" else "prices from now on, each row from its own day"
    print(f"{report.name} {report.version}, pack {report.number}: {what}")


def _told(fault: "PackFault") -> "TableFault":
    from desmos_fast.nomenclature.importer import TableFault

    message = f"{fault.message}: {fault.hint}"
    return TableFault(code="tariffs_invalid", file=fault.file, line=fault.line or None, value=fault.key or None, message=message)


def show(
    table: Annotated[str | None, typer.Argument(help="A table, as IR_NAT; without one, which were imported.")] = None,
    code: Annotated[str | None, typer.Argument(help="A code of it; without one, all that hold.")] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=ON_FORMAT, help="The day on which they hold; today by default.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a national table says on a day."""
    import msgspec

    from desmos_fast.commands.runtime import database
    from desmos_fast.db.tenant import direct
    from desmos_fast.nomenclature import service

    day = on.date() if on else _today()

    async def run(app_dsn: str) -> "Sequence[HeldCode | Import]":
        async with direct(app_dsn) as con:
            return await service.imported(con) if table is None else await service.held(con, table, code, day)

    with database() as place:
        rows = asyncio.run(run(place.app_dsn))
    if as_json:
        print(msgspec.json.encode({"table": table, "on": day, "rows": [_plain(row) for row in rows]}).decode())
        return
    for row in rows:
        print(*_lines(row, whole=code is not None), sep="\n")


def _plain(row: "HeldCode | Import") -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row._asdict().items()}


def _lines(row: "HeldCode | Import", *, whole: bool) -> list[str]:
    from desmos_fast.nomenclature.store import Import

    if isinstance(row, Import):
        return [f"{row.table:<8} {row.codes:>6} codes from {row.since} on  ({row.file}, import {row.number})"]
    label = " ".join(row.label.split())
    if not whole:
        return [f"{row.code:<12} {label}".rstrip()]
    held = f"from {row.since}" + (f" to {row.until}" if row.until else " on")
    return [f"{row.code}  {label}".rstrip(), f"  {held}, import {row.number}", *(f"  {name:<16} {text}" for name, text in row.data.items())]


def _today() -> date:
    from desmos_fast.base.clock import paris_date, system_clock

    return paris_date(system_clock())


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.import_.command("nomenclature")(import_nomenclature)
    groups.import_.command("tariffs")(import_tariffs)
    groups.nomenclature.command("show")(show)
