# SPDX-License-Identifier: Apache-2.0
"""Whether something grows: slopes with their bounds, what they mean, and what a soak says of them."""

import os
import random

import pytest

from loadtests.scenarios.figures import Figures
from loadtests.slopes import slope
from loadtests.soak import Grown, Reading, Soaked, Table, grown, is_bloated, lines, usage

MINUTE = 60.0


def readings(growth_mib: float, minutes: int = 20, noise_mib: float = 0.05, leaks: int = 0) -> list[Reading]:
    """Return readings twice a minute of a service that grows by so many MiB an hour."""
    draw = random.Random(1)
    made = []
    for half in range(minutes * 2):
        memory = 100 + growth_mib * half / 120 + draw.gauss(0, noise_mib)
        made.append(Reading(half * 30.0, memory, 25 + leaks * half // 4, 90.0, 19, 13, 40 + draw.random()))
    return made


def soaked(grown: list[Grown], good: int = 100, bloated: tuple[str, ...] = ()) -> Soaked:
    """Return a soak of a hundred requests."""
    figures = Figures(100, 100, good, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, {} if good == 100 else {"503 busy": 100 - good})
    return Soaked(
        minutes=20,
        grown=grown,
        connections=13,
        tables=[Table("invoice", 10, 1, 4096)],
        bloated=list(bloated),
        total=figures,
        actions={},
        readings=[],
    )


def test_a_slope_is_that_of_the_line_and_a_few_far_off_do_not_move_it() -> None:
    seconds = [number * MINUTE for number in range(40)]
    straight = [5 + 2 * at / 3600 for at in seconds]
    assert slope(seconds, straight) == pytest.approx((2, 2, 2))
    straight[3] = straight[17] = 1000
    assert slope(seconds, straight).per_hour == pytest.approx(2)
    assert slope(seconds, straight).low <= 2 <= slope(seconds, straight).high
    with pytest.raises(ValueError, match="8 readings"):
        slope(seconds[:7], straight[:7])


def test_the_bounds_hold_the_truth_as_often_as_they_say() -> None:
    draw, seconds = random.Random(3), [number * MINUTE for number in range(30)]
    found = [slope(seconds, [at / 3600 * 6 + draw.gauss(0, 1) for at in seconds]) for _ in range(200)]
    # 190 are awaited; three deviations are allowed.
    assert sum(one.low <= 6 <= one.high for one in found) >= 180
    assert sum(one.low <= 0 <= one.high for one in found) < 190, "bounds that hold everything tell nothing"


@pytest.mark.parametrize(
    ("growth", "noise", "verdict"), [(0.0, 0.02, "holds"), (20.0, 0.05, "broken"), (0.9, 3.0, "open"), (-30.0, 0.05, "holds")]
)
def test_memory_that_grows_is_told_from_memory_that_is_restless(growth: float, noise: float, verdict: str) -> None:
    found = {one.name: one for one in grown(readings(growth, noise_mib=noise))}
    assert found["service, MiB"].verdict == verdict
    assert found["worker, MiB"].verdict == found["service, descriptors"].verdict == "holds"


def test_a_descriptor_that_is_left_open_is_found() -> None:
    assert {one.name for one in grown(readings(0.0, leaks=1)) if one.verdict == "broken"} == {"service, descriptors"}


def test_a_soak_is_as_good_as_its_worst_figure() -> None:
    holds, open_, broken = (grown(readings(*how)) for how in ((0.0, 20, 0.02), (0.9, 20, 3.0), (20.0,)))
    assert [soaked(one).verdict for one in (holds, open_, broken)] == ["holds", "open", "broken"]
    assert soaked(holds, good=99).verdict == "broken", "errors"
    assert soaked(holds, bloated=("event",)).verdict == "broken"
    text = "\n".join(lines(soaked(broken)))
    assert "verdict: broken" in text and "service, MiB" in text


def test_a_table_is_bloated_when_many_of_its_rows_are_dead() -> None:
    assert is_bloated(Table("event", 10_000, 20_000, 1))
    assert not is_bloated(Table("event", 100, 9_000, 1)), "few rows"
    assert not is_bloated(Table("event", 100_000, 20_000, 1)), "a small part"


def test_memory_and_descriptors_are_those_of_a_process() -> None:
    mib, descriptors = usage(os.getpid())
    with open("/dev/null"):
        assert usage(os.getpid())[1] == descriptors + 1
    assert 10 < mib < 100_000
