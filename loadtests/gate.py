# SPDX-License-Identifier: Apache-2.0
"""Has anything become slower? The ratios of a run beside those of the committed baseline, round by round.

Ratios are compared and no times, so a slower machine changes nothing. A row has become slower when its median lies beyond the margin and
its rounds lie apart from those of the baseline by more than chance explains.
"""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from loadtests.judge import Row
from loadtests.record import ABSENT, Run

FOLDER: Final = Path(__file__).with_name("baseline")
HISTORY: Final = FOLDER / "history.ndjson"
MARGIN: Final = 0.15
SERVER_MARGIN: Final = 0.30
SERVERS: Final = frozenset({"api", "e2e"})
# How often rounds of the same speed may lie so far apart. Three rounds beside three cannot tell so much: there all must lie apart.
CHANCE: Final = 0.01


class Point(msgspec.Struct, frozen=True):
    """A row of the baseline: the ratio of each round."""

    id: str | None
    direction: str
    ratios: tuple[float, ...]


class Baseline(msgspec.Struct, frozen=True):
    """The run that later ones are held against."""

    day: str
    revision: str
    cpu: str
    cores: int
    quick: bool
    rows: dict[str, Point]


class Finding(msgspec.Struct, frozen=True):
    """What is to be said of one row. `slower` is by how much, None where nothing could be compared; `bad` fails the gate."""

    row: Row
    slower: float | None
    bad: bool
    text: str


def path_of(quick: bool) -> Path:
    """Return the baseline of whole runs, or of quick ones: they do not do the same work."""
    return FOLDER / ("quick.json" if quick else "whole.json")


def kept(run: Run, before: Baseline | None = None) -> Baseline:
    """Return a run as a baseline; of suites that it did not measure the rows of the one before stay."""
    measured = {row.suite for row in run.goals}
    old = {key: point for key, point in before.rows.items() if key.partition(":")[0] not in measured} if before else {}
    new = {row.key: Point(row.id, row.direction, tuple(float(f"{ratio:.6g}") for ratio in row.ratios)) for row in run.goals if row.ratios}
    known, rows = run.machine, dict(sorted({**old, **new}.items()))
    return Baseline(_today(), str(known["revision"]), str(known["cpu"]), int(known["cores"]), run.quick, rows)


def read(path: Path) -> Baseline | None:
    """Read a baseline, None where there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Baseline) if path.exists() else None


def write(baseline: Baseline, path: Path) -> None:
    """Write a baseline, one row a line so that a change can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=1) + b"\n")


def margin(row: Row) -> float:
    """Return how much slower a row may become."""
    return SERVER_MARGIN if row.suite in SERVERS else MARGIN


def slower(direction: str, before: Sequence[float], now: Sequence[float]) -> float:
    """Return by which share ours has become slower beside its peer, by the medians; negative when it has become faster."""
    was, found = statistics.median(before), statistics.median(now)
    return was / found - 1 if direction == ">=" else found / was - 1


def chance(direction: str, before: Sequence[float], now: Sequence[float]) -> float:
    """Return how often rounds of the same speed would fall so badly for `now` (Mann and Whitney, one side, every split counted)."""
    sign = 1 if direction == ">=" else -1
    pooled = [sign * ratio for ratio in (*before, *now)]

    def wins(low: Sequence[float], high: Sequence[float]) -> float:
        return sum((a < b) + (a == b) / 2 for a, b in itertools.product(low, high))

    seen = wins(pooled[len(before) :], pooled[: len(before)])
    splits = itertools.combinations(range(len(pooled)), len(now))
    worse = 0
    for split in splits:
        chosen = set(split)
        low, high = [pooled[at] for at in split], [ratio for at, ratio in enumerate(pooled) if at not in chosen]
        worse += wins(low, high) >= seen
    return worse / math.comb(len(pooled), len(now))


def compare(baseline: Baseline, run: Run) -> list[Finding]:
    """Return what is to be said of each row that the baseline has and whose suite was measured: the worst first."""
    found = [_finding(row, point) for row in run.goals if (point := baseline.rows.get(row.key)) is not None]
    gone = {key for key in baseline.rows if key.partition(":")[0] in {row.suite for row in run.goals}} - {row.key for row in run.goals}
    lost = [Finding(Row(id=None, work=key, peer=""), None, True, f"{key}: no longer measured") for key in sorted(gone)]
    return sorted([*found, *lost], key=lambda one: (not one.bad, -(one.slower or 0)))


def _finding(row: Row, point: Point) -> Finding:
    name = f"{row.id or row.suite} {row.work} against {row.peer or 'the probe'}"
    if not row.ratios:
        return Finding(row, None, ABSENT not in (row.reason or ""), f"{name}: {row.reason}")
    by, allowed = slower(point.direction, point.ratios, row.ratios), margin(row)
    least = 1 / math.comb(len(point.ratios) + len(row.ratios), len(row.ratios))
    bad = by > allowed and chance(point.direction, point.ratios, row.ratios) <= max(CHANCE, least)
    said = "slower" if by > 0 else "faster"
    text = (
        f"{name}: {abs(by):.0%} {said} ({allowed:.0%} allowed): ratio {statistics.median(row.ratios):.3g}, was "
        f"{statistics.median(point.ratios):.3g}; rounds {_told(row.ratios)}; baseline {_told(point.ratios)}"
    )
    return Finding(row, by, bad, text)


def _told(ratios: Iterable[float]) -> str:
    return " ".join(f"{ratio:.3g}" for ratio in sorted(ratios))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


class Line(msgspec.Struct, frozen=True):
    """One run in the history: the median ratio of each row."""

    at: str
    revision: str
    cpu: str
    quick: bool
    ratios: dict[str, float]


def remember(run: Run, *files: Path) -> None:
    """Add a run to histories, one line each."""
    medians = {row.key: float(f"{row.ratio:.4g}") for row in run.goals if row.ratio is not None}
    line = Line(datetime.now(UTC).isoformat(), str(run.machine["revision"]), str(run.machine["cpu"]), run.quick, medians)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as out:
            out.write(msgspec.json.encode(line) + b"\n")


def history(*files: Path) -> list[Line]:
    """Read histories as one, by time; a run that stands in several counts once."""
    lines = {line for file in files if file.exists() for line in file.read_bytes().splitlines()}
    return sorted((msgspec.json.decode(line, type=Line) for line in lines), key=lambda line: line.at)
