# SPDX-License-Identifier: Apache-2.0
"""The chart of a run: how far each measure is from its goal, or from its peer, on one logarithmic scale."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from loadtests.judge import Row

GOOD: Final = "#2f7d5b"
NEAR: Final = "#c98a1b"
BAD: Final = "#b23a3a"
PLAIN: Final = "#5b7aa3"


def reach(row: Row) -> float | None:
    """Return how many times the goal is reached (1: just), or for a row without one how many times the peer's value ours is worth."""
    if row.ratio is None:
        return None
    if not row.goal:
        return row.ratio if row.goal is None else None
    return row.ratio / row.goal if row.direction == ">=" else row.goal / row.ratio


def colour(row: Row) -> str:
    """Return the colour of a bar."""
    if row.met is None:
        return PLAIN
    return GOOD if row.met else NEAR if row.gate else BAD


def label(row: Row) -> str:
    """Return what a bar is called."""
    work = row.work if len(row.work) <= 74 else row.work[:73] + "…"
    return f"{row.id}  {work}" if row.id else f"{work} / {row.peer}"


def draw(rows: Sequence[Row], machine: Mapping[str, object], path: Path) -> bool:
    """Draw the rows that were measured, goals above, comparisons below; say whether there were any.

    Raises ModuleNotFoundError without the library.
    """
    pyplot: Any = import_module("matplotlib.pyplot")
    shown = [(row, value) for row in rows if (value := reach(row)) is not None]
    parts = [part for part in ([pair for pair in shown if pair[0].goal], [pair for pair in shown if not pair[0].goal]) if part]
    if not parts:
        return False
    figure, axes = pyplot.subplots(
        len(parts), 1, squeeze=False, layout="constrained",
        figsize=(12, 1.6 + 0.3 * len(shown)), height_ratios=[len(part) for part in parts],
    )  # fmt: skip
    for axis, part in zip(axes[:, 0], parts, strict=True):
        _bars(axis, part)
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, revision {machine['revision']}", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def _bars(axis: Any, part: Sequence[tuple[Row, float]]) -> None:
    names = [label(row) for row, _ in part]
    bars = axis.barh(range(len(part)), [value - 1 for _, value in part], left=1, color=[colour(row) for row, _ in part], height=0.7)
    axis.bar_label(bars, [f" {value:.3g}x" for _, value in part], fontsize=8)
    axis.set_yticks(range(len(part)), names, fontsize=8)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.margins(x=0.1)
    axis.axvline(1, color="black", linewidth=0.8)
    goals = part[0][0].goal is not None
    axis.set_title("times the goal" if goals else "times the peer", fontsize=9, loc="left")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
