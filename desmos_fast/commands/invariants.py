# SPDX-License-Identifier: Apache-2.0
"""`invariants`: look whether everything that must always hold does."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands.common import counting
from desmos_fast.invariants.model import INVARIANTS

if TYPE_CHECKING:
    from desmos_fast.invariants.model import Report

SMALLEST_BAR: Final = 3
_LIST: Final = "\n\n".join(f"{invariant.id}  {invariant.means}" for invariant in INVARIANTS)
HELP: Final = f"""
Check what must always hold, whatever crashed before: read only, while the service runs or not.

{_LIST}

Each is looked at for every centre, or once for the house. An invariant that does not hold names the check that failed, how many things are
wrong, and up to ten of them; `looked` says how many things were looked at, since a check that saw none proves nothing.

Exit 0: all hold. Exit 1: some do not. Exit 3: no verdict, for the database is away or of another version, or this
role cannot list the centres (set DESMOS_OWNER_DSN).
"""


def invariants(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    centre: Annotated[str | None, typer.Option(help="FINESS of the one centre to look at; without it, all of them.")] = None,
) -> None:
    """Check what must always hold."""
    import msgspec

    from desmos_fast.commands.runtime import database
    from desmos_fast.invariants.model import Limits
    from desmos_fast.invariants.service import Place, check

    with database() as place, counting("Centres", SMALLEST_BAR) as progress:
        where = Place(place.owner_dsn, place.app_dsn, place.settings.data_dir)
        report = asyncio.run(check(where, Limits(), progress, only=centre))
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        print(_told(report))
    if not report.holds:
        raise typer.Exit(1)


def _told(report: "Report") -> str:
    lines = []
    for verdict in report.verdicts:
        word = "holds" if verdict.holds else "DOES NOT HOLD"
        lines.append(f"{verdict.id:<4}{word:<14}{verdict.looked:>10} looked at  {verdict.means}")
        for finding in verdict.failed:
            whose = f" of {finding.centre}" if finding.centre else ""
            lines.append(f"      {finding.check}{whose}: {finding.wrong} wrong of {finding.looked}")
            lines += [f"        {example}" for example in finding.examples]
    lines.append(f"{report.centres} centres: " + ("everything holds" if report.holds else "something does not hold"))
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command(help=HELP)(invariants)
