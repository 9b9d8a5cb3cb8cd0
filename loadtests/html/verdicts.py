# SPDX-License-Identifier: Apache-2.0
"""One line in words for each goal: reached, missed and by how much, or what could not be measured and why."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from loadtests.chart import reach
from loadtests.judge import PROBE, Row
from loadtests.report import amount

NAMES: Final = Path(__file__).with_name("names.csv")
State = Literal["reached", "nearly", "missed", "open"]


class Verdict(msgspec.Struct, frozen=True):
    """What became of one goal, all its measures together."""

    id: str
    name: str
    state: State
    text: str


def names() -> dict[str, str]:
    """Return what each goal is called."""
    with NAMES.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row["name"] for row in csv.DictReader(lines)}


def verdicts(rows: Iterable[Row]) -> Iterator[Verdict]:
    """Give the verdict of every goal, those that this run did not look at included."""
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(row.id or "", []).append(row)
    for goal, name in names().items():
        state, text = _said(by.get(goal, []))
        yield Verdict(goal, name, state, text)


def said(row: Row) -> str:
    """Say what a row found and what is asked; a time in seconds is one, whatever number of steps of the probe it was judged as."""
    assert row.goal is not None and row.ratio is not None
    bound = "at least" if row.direction == ">=" else "at most"
    if row.peer != PROBE or row.ours is None:
        return f"{row.work}, {row.ratio:.3g} where {bound} {row.goal:.3g} is asked"
    return f"{row.work}, {amount(row.ours, row.unit)} where {bound} {amount(row.ours * row.goal / row.ratio, row.unit)} is asked here"


def _said(rows: Sequence[Row]) -> tuple[State, str]:
    if not rows:
        return "open", "not looked at in this run."
    measured = [row for row in rows if row.met is not None]
    unmeasured = "; ".join(f"{row.work}: {row.reason}" for row in rows if row.met is None)
    if not measured:
        return "open", f"not measured: {unmeasured}."
    missed = sorted((row for row in measured if not row.met), key=_share)
    rest = f" Not measured: {unmeasured}." if unmeasured else ""
    if not missed:
        tightest = min(measured, key=_share)
        first = "reached" if len(measured) == 1 else f"reached in all {len(measured)} measures; the tightest"
        return "reached", f"{first}: {said(tightest)}.{rest}"
    told = "; ".join(f"{said(row)} ({_share(row):.0%} of it)" for row in missed)
    nearly = all(row.gate for row in missed)
    first = f"{'within the margin' if nearly else 'missed'} in {len(missed)} of {len(measured)}" if len(measured) > 1 else (
        "within the margin" if nearly else "missed"
    )  # fmt: skip
    return ("nearly" if nearly else "missed"), f"{first}: {told}.{rest}"


def _share(row: Row) -> float:
    return reach(row) or 0.0
