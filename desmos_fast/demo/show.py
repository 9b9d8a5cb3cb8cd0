# SPDX-License-Identifier: Apache-2.0
"""How a day is watched: bars on a terminal, plain lines elsewhere, and the table at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from desmos_fast.base.french import day as french_day
from desmos_fast.base.french import euros, whole
from desmos_fast.demo import labels
from desmos_fast.demo.labels import counted, seconds
from desmos_fast.demo.model import Amount, Stage, Summary, Unmatched

CREDIT_RULES: Final = ("B1", "B2", "B3", "B4r", "B6")
Step = Callable[[int], None]


class Watch:
    """Shows each stage while it runs and keeps what it did; bars need a terminal."""

    def __init__(self, out: TextIO) -> None:
        self.console = Console(file=out)
        self.stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Step]:
        """Run one stage of `total` units, None when nobody knows before; the block calls what it is given with how many more are done."""
        started, done = time.monotonic(), 0
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(), console=self.console, transient=True, disable=not self.console.is_terminal,
        ) as progress:  # fmt: skip
            bar = progress.add_task(name, total=total, unit=f"{unit}s")

            def step(more: int) -> None:
                nonlocal done
                done += more
                progress.advance(bar, more)

            yield step
        ended = Stage(name, done, unit, time.monotonic() - started)
        self.stages.append(ended)
        self.say(f"{name} : {line_of(ended)}")

    def say(self, text: str) -> None:
        """Print one line that stays."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def line_of(stage: Stage) -> str:
    """Say what a stage did, in what time, at what rate."""
    return f"{counted(stage.count, stage.unit)}, {seconds(stage.seconds)}{rate_of(stage)}"


def rate_of(stage: Stage) -> str:
    """Say how many a second, where that says something."""
    return f", {whole(round(stage.count / stage.seconds))} par seconde" if stage.count > 1 and stage.seconds >= 0.01 else ""


def table_of(day: Summary) -> Table:
    """Lay the day out as one table."""
    title = f"{day.centre} ({day.finess}), journée du {french_day(day.date)}, graine {day.seed}"
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(max_width=52)
    table.add_column(justify="right")
    table.add_column(justify="right")
    for title, rows in sections(day):
        table.add_section()
        table.add_row(f"[bold]{title}[/bold]")
        for name, count, cents in rows:
            table.add_row(f"  {name}", count, cents)
    return table


Row = tuple[str, str, str]


def row(name: str, amount: Amount) -> Row:
    """Give one line of the table: how many, how much."""
    return name, whole(amount.count), euros(amount.cents)


def total(amounts: list[Amount]) -> Amount:
    """Add amounts."""
    return Amount(sum(one.count for one in amounts), sum(one.cents for one in amounts))


def sections(day: Summary) -> Iterator[tuple[str, list[Row]]]:
    """Give the parts of the table, in the order in which money comes back."""
    yield "Envoyé", [
        row("Factures signées", day.invoices),
        ("Lots", whole(day.lots), ""),
        ("Fichiers", whole(day.files), f"{whole(day.file_bytes)} octets"),
        ("ARL positifs", whole(day.lots_accepted), ""),
        ("ARL négatifs", whole(day.lots_refused), ""),
    ]
    yield "Annoncé par les payeurs", [
        row("Parts payées en entier", day.paid),
        row("Parts payées en partie", day.partly_paid),
        *(row(f"Rejets : {labels.word(labels.CLASSES, name)}", amount) for name, amount in day.rejects.items()),
    ]
    matched = [amount for status, amount in day.credits.items() if status == "confirmed"]
    yield "Reçu à la banque", [
        row("Virements rapprochés", total(matched)),
        *(row(f"  {labels.word(labels.RULES, rule)}", day.rules[rule]) for rule in CREDIT_RULES if rule in day.rules),
        *unmatched("Virements non rapprochés", day.unmatched_credits),
        *unmatched("Lignes de paiement non rapprochées", day.unmatched_lines),
    ]
    yield "Contrôles", [
        ("Somme du grand livre", "", euros(day.ledger_balance)),
        ("Invariants", "tenus" if day.invariants.holds else "ROMPUS", f"{whole(len(day.invariants.checks))} invariants"),
        ("Écarts avec la vérité des payeurs", whole(len(day.differences)), ""),
    ]
    yield "Temps", [(stage.name, counted(stage.count, stage.unit), f"{seconds(stage.seconds)}{rate_of(stage)}") for stage in day.stages]


def unmatched(title: str, found: list[Unmatched]) -> Iterator[Row]:
    """Give a line for all that is unmatched, then one for each reason."""
    yield row(title, Amount(len(found), sum(one.amount for one in found)))
    for reason in sorted({one.reason for one in found}):
        same = [one.amount for one in found if one.reason == reason]
        yield row(f"  {labels.reason(reason)}", Amount(len(same), sum(same)))
