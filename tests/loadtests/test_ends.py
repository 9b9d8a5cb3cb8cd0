# SPDX-License-Identifier: Apache-2.0
"""The races from the database to files and to the ledger, and the one of the model of capacity, on a small size."""

from collections.abc import Iterator

import pytest

from loadtests import suite
from loadtests.child import digest
from loadtests.model import Contender, Race
from loadtests.suites import ends, sizing

pytestmark = pytest.mark.together
SMALL = 600


@pytest.fixture(scope="module")
def database() -> Iterator[None]:
    with suite.surroundings("loadtests.suites.ends"):
        yield


@pytest.fixture(scope="module")
def services() -> Iterator[None]:
    with suite.surroundings("loadtests.suites.sizing"):
        yield


def check(race: Race, contender: Contender) -> None:
    job = contender.prepare(SMALL)
    result = job.run()
    assert digest(job.proof(result)) == digest(race.answer(SMALL))
    assert job.reading is not None and 0 < job.reading(result) < 10


@pytest.mark.parametrize(("race", "contender"), [pytest.param(race, each, id=each.name) for race in ends.RACES for each in race.contenders])
def test_an_end_is_reached(database: None, race: Race, contender: Contender) -> None:
    check(race, contender)


@pytest.mark.parametrize("contender", sizing.RACES[0].contenders, ids=lambda each: each.name)
def test_what_is_predicted_and_measured_is_a_time(services: None, contender: Contender) -> None:
    check(sizing.RACES[0], contender)
