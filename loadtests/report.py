# SPDX-License-Identifier: Apache-2.0
"""What a run prints: one JSON object, or a table to read."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.judge import Row

WIDE: Final = 150
# The columns, and whether one is for a wide terminal only.
COLUMNS: Final = {
    "goal": False, "work": False, "ours": False, "peer": False, "its value": True, "ratio": False, "asked": False, "spread": True,
    "memory": True, "verdict": False,
}  # fmt: skip
PREFIXES: Final = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def as_json(machine: Mapping[str, object], rows: Sequence[Row]) -> str:
    """Return the report of a run as one JSON object."""
    return msgspec.json.encode({"machine": machine, "goals": rows}).decode()


def amount(value: float | None, unit: str) -> str:
    """Return a value in a unit that one can read."""
    if value is None:
        return "-"
    if unit == "B":
        return f"{value / 2**20:.1f} MiB"
    scale, prefix = next(((scale, prefix) for scale, prefix in PREFIXES if value >= scale), PREFIXES[-1])
    return f"{value / scale:.3g} {prefix}{unit}"


def verdict(row: Row) -> str:
    """Say what came of the goal of a row."""
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


def table(rows: Sequence[Row], wide: bool = True) -> Table:
    """Lay the rows out for a terminal; a narrow one goes without the peer's value, the spread and the memory."""
    laid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, needs_width in COLUMNS.items():
        if wide or not needs_width:
            words = name in ("work", "peer", "verdict")
            laid.add_column(name, justify="left" if words or name == "goal" else "right", no_wrap=not words, overflow="fold")
    for row in rows:
        cells = (cell for cell, needs_width in zip(_cells(row), COLUMNS.values(), strict=True) if wide or not needs_width)
        laid.add_row(*cells)
    return laid


def _cells(row: Row) -> tuple[str, ...]:
    asked = "" if row.goal is None else f"{row.direction.replace('>=', '≥').replace('<=', '≤')} {row.goal:.3g}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
    spread = "-" if row.spread is None else f"{row.spread * 100:.0f} %"
    ours, theirs, memory = amount(row.ours, row.unit), amount(row.peer_value, row.unit), amount(row.memory, "B")
    return (row.id or "", row.work, ours, row.peer, theirs, ratio, asked, spread, memory, verdict(row))


def show(machine: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Print the table and what it was measured on."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table(rows, wide=console.width >= WIDE))
    console.print(f"Ratio: times the peer (≥), or share of it (≤). {machine['cpu']}, {machine['cores']} cores, {machine['python']}, "
                  f"revision {machine['revision']}.")  # fmt: skip
