# SPDX-License-Identifier: Apache-2.0
"""What a run prints: one JSON object, or a table to read."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.judge import Row

WIDE: Final = 150
# The columns that a narrow terminal goes without, and those that hold words.
WIDE_ONLY: Final = frozenset({"size", "its value", "spread", "memory"})
WORDS: Final = frozenset({"goal", "work", "peer", "verdict"})
PREFIXES: Final = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def amount(value: float | None, unit: str) -> str:
    """Return a value in a unit that one can read."""
    if value is None:
        return "-"
    if unit == "B":
        return f"{value / 2**20:.1f} MiB"
    scale, prefix = next(((scale, prefix) for scale, prefix in PREFIXES if value >= scale), PREFIXES[-1])
    return f"{value / scale:.3g} {prefix}{unit}"


def verdict(row: Row) -> str:
    """Say what came of the goal of a row, and how many requests were not served at once."""
    return "; ".join(filter(None, (_verdict(row), f"{row.refused:,} refused and asked again" if row.refused else "")))


def _verdict(row: Row) -> str:
    if row.goal is None:
        return "" if row.ratio is not None else row.reason or ""
    if row.met is None:
        return row.reason or "not measured"
    if row.met:
        return "stretch" if row.stretch is not None and _beyond(row) else "met"
    return "within the margin" if row.gate else "NOT MET"


def _beyond(row: Row) -> bool:
    assert row.ratio is not None and row.stretch is not None
    return row.ratio >= row.stretch if row.direction == ">=" else row.ratio <= row.stretch


def cells(row: Row) -> dict[str, str]:
    """Return a row as texts, by column."""
    return {
        "goal": row.id or "",
        "work": row.work,
        "size": f"{row.size:,}" if row.size else "-",
        "ours": amount(row.ours, row.unit),
        "peer": row.peer,
        "its value": amount(row.peer_value, row.unit),
        "ratio": "-" if row.ratio is None else f"{row.ratio:.3g}",
        "asked": "" if row.goal is None else f"{row.direction.replace('>=', '≥').replace('<=', '≤')} {row.goal:.3g}",
        "spread": "-" if row.spread is None else f"{row.spread * 100:.0f} %",
        "memory": amount(row.memory, "B"),
        "verdict": verdict(row),
    }


def table(rows: Sequence[Row], wide: bool = True) -> Table:
    """Lay the rows out for a terminal."""
    told = [cells(row) for row in rows]
    names = [name for name in told[0] if wide or name not in WIDE_ONLY] if told else []
    laid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        words = name in WORDS
        laid.add_column(name, justify="left" if words else "right", no_wrap=not words or name == "goal", overflow="fold")
    for row in told:
        laid.add_row(*(row[name] for name in names))
    return laid


def show(machine: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Print the table and what it was measured on."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table(rows, wide=console.width >= WIDE))
    console.print(f"Ratio: times the peer (≥), or share of it (≤). {machine['cpu']}, {machine['cores']} cores, {machine['python']}, "
                  f"revision {machine['revision']}.")  # fmt: skip
