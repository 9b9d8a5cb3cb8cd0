# SPDX-License-Identifier: Apache-2.0
"""`demo`: a centre's day through the real service and database, from the first invoice to the last euro."""

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from desmos_fast.demo.model import Summary

MOST_INVOICES: Final = 100_000
NARROWEST_TABLE: Final = 110
INTERRUPTED: Final = 130


def demo(
    invoices: Annotated[int, typer.Option(min=1, max=MOST_INVOICES, help="How many invoices the day has.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Where the day is drawn from: the same seed gives the same invoices.")] = 1,
    data_dir: Annotated[Path | None, typer.Option(help="The folder of database and files; `demo` below the usual one by default.")] = None,
    date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of care; today by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
) -> None:
    """Play a centre's day: invoices in, files out, payers and bank simulated (test profile), every euro matched.

    Starts the service, its own database and the worker, and stops them. The data stay; the next day is another centre's.
    """
    import msgspec

    from desmos_fast.demo.audit import DayDoesNotAddUp
    from desmos_fast.demo.service import Ordered, play
    from desmos_fast.demo.show import Watch

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    # A shell has what it starts in the background ignore it; but it is by this signal that a loop gives up its tasks one by one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ordered = Ordered(seed, invoices, data_dir, date.date() if date else None)
    try:
        day = play(ordered, Watch(sys.stderr))
    except KeyboardInterrupt:
        print("desmos-fast: the demo was interrupted; what it started is stopped, its data are kept", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print(msgspec.json.encode(day).decode())
    else:
        print_day(day)
    if day.differences or not day.invariants.holds:
        raise DayDoesNotAddUp(day.differences)


def interrupt(_number: int, _frame: object) -> None:
    """End as Ctrl-C does: whoever asks us to end must not leave a database running."""
    signal.raise_signal(signal.SIGINT)


def print_day(day: "Summary") -> None:
    """Print the table of the day, and where to look further."""
    from rich.console import Console

    from desmos_fast.demo.show import table_of

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST_TABLE)
    console.print(table_of(day))
    places = day.places
    for name, place in (
        ("Page", places.page), ("Fichiers", places.files), ("Boîte aux lettres", places.letterbox), ("Base", places.database),
        ("Journaux", places.logs),
    ):  # fmt: skip
        console.print(f"{name} : {place}", highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(demo)
