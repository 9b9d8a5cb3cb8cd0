# SPDX-License-Identifier: Apache-2.0
"""What came of the requests of a scenario: percentiles, errors by code, goodput, and whether the aims are reached."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from loadtests.wire import percentile

Kind = Literal["read", "write", "bulk"]
GOOD_S: Final = 2.0
GOOD_SHARE: Final = 0.995
MOST_S: Final = 1.0
P95_S: Final[dict[Kind, float]] = {"read": 0.150, "write": 0.300}


class Sample(msgspec.Struct, frozen=True):
    """One request: when it was due (seconds from the start), how long from then to its answer, how late it was sent, and what came."""

    due: float
    seconds: float
    late: float
    action: str
    kind: Kind
    group: str
    outcome: str

    @property
    def good(self) -> bool:
        """Say whether it was answered as asked, and in time."""
        return self.outcome == "" and (self.kind == "bulk" or self.seconds <= GOOD_S)


class Figures(msgspec.Struct, frozen=True):
    """Some requests in figures; times in milliseconds, of those that were answered as asked."""

    asked: int
    answered: int
    good: int
    goodput_per_s: float
    p50: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    longest: float | None
    errors: dict[str, int]


class Aim(msgspec.Struct, frozen=True):
    """One aim of the service, what was measured, and whether it is reached."""

    name: str
    asked: str
    seen: float | None
    met: bool


def figures(samples: Sequence[Sample], seconds: float) -> Figures:
    """Put samples into figures."""
    times = sorted(sample.seconds for sample in samples if not sample.outcome)
    good = sum(sample.good for sample in samples)
    return Figures(
        asked=len(samples), answered=len(times), good=good, goodput_per_s=round(good / seconds, 1), p50=_ms(times, 0.5),
        p95=_ms(times, 0.95), p99=_ms(times, 0.99), p999=_ms(times, 0.999), longest=_ms(times, 1.0),
        errors=dict(sorted(Counter(sample.outcome for sample in samples if sample.outcome).items())),
    )  # fmt: skip


def _ms(times: list[float], share: float) -> float | None:
    found = percentile(times, share)
    return None if math.isnan(found) else round(found * 1000, 1)


def apart(samples: Iterable[Sample], by: Literal["action", "group"], seconds: float) -> dict[str, Figures]:
    """Put samples into figures, each action or each group of centres for itself."""
    parts: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        parts[getattr(sample, by)].append(sample)
    return {name: figures(part, seconds) for name, part in sorted(parts.items())}


def aims(samples: Sequence[Sample]) -> list[Aim]:
    """Hold samples against the aims of the service: good answers, the 95th of 100 reads and writes, one second for 99 of 100.

    What is sent in bulk has no aim in seconds; without any sample no aim is reached.
    """
    people = [sample for sample in samples if sample.kind != "bulk"]
    good = sum(sample.good for sample in samples) / len(samples) if samples else 0.0
    told = [Aim("good answers", f">= {GOOD_SHARE:.1%}", round(good, 5), good >= GOOD_SHARE)]
    for kind, most_s in P95_S.items():
        if times := [sample.seconds for sample in people if sample.kind == kind and not sample.outcome]:
            told.append(_within(f"{kind} p95", times, 0.95, most_s))
    if times := [sample.seconds for sample in people if not sample.outcome]:
        told.append(_within("p99", times, 0.99, MOST_S))
    return told


def _within(name: str, times: list[float], share: float, most_s: float) -> Aim:
    seen = percentile(times, share)
    return Aim(name, f"<= {most_s * 1000:g} ms", round(seen * 1000, 1), seen <= most_s)
