# SPDX-License-Identifier: Apache-2.0
"""`bench`: the benchmarks of the checkout, side by side with their peers."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from desmos_fast.base.errors import OutsideFailed

CHECKOUT: Final = Path(__file__).parents[2]
# In the order of a whole run.
NAMES: Final = ("codec", "lots", "match", "subset", "pricing", "bank", "api", "metrics", "readers", "e2e", "capacity")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command("bench")(bench)


def bench(
    names: Annotated[list[str] | None, typer.Argument(help=f"What to measure: {', '.join(NAMES)}. All without a name.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less work and fewer rounds: a look, not a measure.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Hold the ratios against the committed baseline; status 1: one is worse.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Make this run the baseline, and add it to the committed history.")] = False,
    centres: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="With `capacity`: what so many centres take.")] = None,
    invoices_per_day: Annotated[float, typer.Option(min=0, max=1_000_000, help="Invoices of each centre on a mean open day.")] = 300,
    bulk_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the invoices that come in batches.")] = 0,
    users: Annotated[int, typer.Option(min=1, max=1_000_000, help="People at work in each centre.")] = 10,
    national: Annotated[bool, typer.Option("--national", help="With `capacity`: what the whole country takes.")] = False,
    partitions: Annotated[int, typer.Option(min=1, help="With `--national`: hash partitions of each shard.")] = 8,
    price: Annotated[float, typer.Option(min=0, help="Price of a machine of 8 processors for an hour.")] = 0,
) -> None:
    """Measure this program beside its peers, by turns in fresh processes, each proved right before it is timed.

    `bench capacity --centres N` measures nothing: it says from what was measured what an installation takes.
    """
    if centres is not None or national:
        if names != ["capacity"] or (centres is not None and national):
            raise typer.BadParameter("--centres and --national are for `bench capacity`, one of them")
        show = _loadtests("loadtests.capacity.show")
        if national:
            show.print_national(show.Country(price_per_hour=price, partitions=partitions), as_json)
        else:
            asked = {"centres": centres, "invoices_per_day": invoices_per_day, "bulk_share": bulk_share, "users": users}
            show.print_plan(show.Demand(**asked, price_per_hour=price), as_json)
        return
    wanted = [name for name in NAMES if name in (names or NAMES)]
    if unknown := sorted({*(names or ())} - {*NAMES}):
        raise typer.BadParameter(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if not _loadtests("loadtests.command").run(wanted, quick=quick, as_json=as_json, hold=gate, keep=keep):
        raise typer.Exit(1)


def _loadtests(module: str) -> Any:
    """Return the benchmarks, which are no part of an installed program."""
    if not (CHECKOUT / "loadtests" / "goals.csv").exists():
        raise OutsideFailed("the benchmarks are not here", hint="they come with the source: run `make bench` in a checkout")
    # The checkout is where the program came from; another package of that name must not answer.
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    return importlib.import_module(module)
