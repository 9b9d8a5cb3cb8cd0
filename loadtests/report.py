# SPDX-License-Identifier: Apache-2.0
"""What a run prints: one JSON object, or a table to read."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtests.judge import Row

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


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out for a terminal."""
    laid = Table(title=None, pad_edge=False, show_lines=False)
    for name in ("goal", "work", "ours", "peer", "its value", "ratio", "asked", "spread", "memory", "verdict"):
        laid.add_column(name, justify="right" if name in ("ours", "its value", "ratio", "asked", "spread", "memory") else "left")
    for row in rows:
        asked = "" if row.goal is None else f"{row.direction.replace('>=', '≥').replace('<=', '≤')} {row.goal:.3g}"
        laid.add_row(
            row.id or "", row.work, amount(row.ours, row.unit), row.peer, amount(row.peer_value, row.unit),
            "-" if row.ratio is None else f"{row.ratio:.3g}", asked, "-" if row.spread is None else f"{row.spread * 100:.0f} %",
            amount(row.memory, "B"), verdict(row),
        )  # fmt: skip
    return laid


def show(machine: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Print the table and what it was measured on."""
    console = Console(width=None if Console().is_terminal else 200)
    console.print(table(rows))
    console.print(f"Ratio: times the peer (≥), or share of it (≤). {machine['cpu']}, {machine['cores']} cores, {machine['python']}, "
                  f"revision {machine['revision']}.")  # fmt: skip
