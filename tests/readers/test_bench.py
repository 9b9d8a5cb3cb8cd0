# SPDX-License-Identifier: Apache-2.0
"""The contenders of the benchmark of the agent, on a small size: each reads what is on the card, and what it measures is a time."""

import pytest

from loadtests.child import digest
from loadtests.model import Contender, Race
from loadtests.suites.card import RACES
from readers.simulator.service import answers
from tests.readers.conftest import bench_or_skip

pytestmark = pytest.mark.together
ALL = [pytest.param(race, each, id=f"{race.name}-{each.name}") for race in RACES for each in race.contenders]


@pytest.mark.parametrize(("race", "contender"), ALL)
def test_a_contender_reads_the_card_and_a_time(race: Race, contender: Contender) -> None:
    with bench_or_skip():
        pass
    job = contender.prepare(60)
    found = job.run()
    assert digest(job.proof(found)) == digest(race.answer(60))
    assert job.reading is not None and 0 < job.reading(found) < 1
    assert not answers()
