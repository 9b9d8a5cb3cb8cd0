# SPDX-License-Identifier: Apache-2.0
"""The races over HTTP: their services start, and each contender does what it says, counted in the database."""

from collections.abc import Iterator

import pytest

from desmos_fast.base.errors import OutsideFailed
from loadtests import suite
from loadtests.child import digest
from loadtests.model import Contender, Race
from loadtests.rounds import missing
from loadtests.suites import http
from loadtests.wire import Seen, percentile, unchunked

pytestmark = pytest.mark.together
SMALL = 96
ALL = [pytest.param(race, each, id=f"{race.name}-{each.name}") for race in http.RACES for each in race.contenders]


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    with suite.surroundings("loadtests.suites.http"):
        yield


@pytest.mark.parametrize(("race", "contender"), ALL)
def test_a_contender_does_its_work(running: None, race: Race, contender: Contender) -> None:
    if absent := missing(contender):
        pytest.skip(f"{absent} is not installed")
    job = contender.prepare(SMALL)
    result = job.run()
    assert digest(job.proof(result)) == digest(race.answer(SMALL))
    assert job.reading is not None
    assert 0 < job.reading(result) < 10


def test_a_service_that_did_not_start_is_told() -> None:
    with pytest.raises(OutsideFailed):
        http.port_of("BENCH_NOWHERE")


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0, 0.001)] == [50, 99, 100, 1]
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) != percentile([], 0.5)
    seen = Seen()
    for status, seconds in ((201, 0.1), (503, 0.01), (0, 1.0)):
        seen.add(status, seconds)
    assert (seen.good, seen.refused) == ([0.1], [0.01, 1.0])


def test_chunks_are_whole_with_their_last_byte_and_not_before() -> None:
    sent = b"5\r\nab\r\nc\r\nB\r\nhello world\r\n0\r\n\r\n"
    assert unchunked(sent) == b"ab\r\nchello world"
    assert [unchunked(sent[:end]) for end in range(len(sent))] == [None] * len(sent)
