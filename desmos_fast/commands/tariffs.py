# SPDX-License-Identifier: Apache-2.0
"""`tariffs`: which tariff pack is in use, its rows in force on a day, and whether a folder holds a sound one."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from desmos_fast.nomenclature.tariffs import Tariffs


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(tariffs)


def tariffs(
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Show the rows of this day; today by default.")] = None,
    table: Annotated[str | None, typer.Option("--table", help="Show this table alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
    check: Annotated[Path | None, typer.Option("--check", help="Check the pack of this folder instead, and show no row.")] = None,
) -> None:
    """Check the tariff pack in use and show its rows: that of the folder DESMOS_TARIFFS, else the test profile of the program."""
    import msgspec

    from desmos_fast.base.clock import paris_date, system_clock
    from desmos_fast.nomenclature.tables import BY_NAME
    from desmos_fast.nomenclature.tariffs import active_folder, load_tariffs, read_tariffs

    if check is not None and (on is not None or table is not None):
        raise typer.BadParameter("--check goes without --on and --table")
    if table is not None and table not in BY_NAME:
        raise typer.BadParameter(f"there is no table {table!r}: {', '.join(BY_NAME)}")
    pack = load_tariffs() if check is None else read_tariffs(check)
    day = on.date() if on is not None else paris_date(system_clock())
    about = {
        "name": pack.name, "version": pack.version, "note": pack.note, "folder": str(active_folder() if check is None else check),
        "rows": len(pack.rows), "warnings": list(pack.warnings),
    }  # fmt: skip
    shown = {} if check is not None else {name: rows for name, rows in _in_force(pack, day) if table in (None, name)}
    if as_json:
        print(msgspec.json.encode(about | ({} if check is not None else {"on": day, "tables": shown})).decode())
        return
    _print(about, day, shown)


def _in_force(pack: "Tariffs", day: date) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give each table with its rows of a day; `row` is the number by which evidence of pricing names a row."""
    from desmos_fast.nomenclature.tables import TABLES

    for table in TABLES:
        rows = [row for row in getattr(pack, table.name) if row.in_force(day)]
        yield table.name, [{"row": pack.number(row)} | {column: getattr(row, column) for column in table.columns} for row in rows]


def _print(about: dict[str, Any], day: date, tables: dict[str, list[dict[str, Any]]]) -> None:
    warnings = about.pop("warnings")
    for key, value in about.items():
        print(f"{key:<8}  {value}")
    for warning in warnings:
        print(f"{'warning':<8}  {warning}")
    for name, rows in tables.items():
        print(f"\n{name} on {day}: {len(rows)} in force")
        if rows:
            _print_columns([list(rows[0]), *([_text(value) for value in row.values()] for row in rows)])


def _print_columns(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)
