# SPDX-License-Identifier: Apache-2.0
"""The races over HTTP: their services start, and each contender does what it says, counted in the database."""

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg
import pytest

from desmos_fast.base.errors import OutsideFailed
from loadtests import suite
from loadtests.child import digest
from loadtests.model import Contender, Race
from loadtests.peers import pgbench
from loadtests.rounds import missing
from loadtests.served import placed
from loadtests.suites import http
from loadtests.wire import Seen, closed, percentile, unchunked

pytestmark = pytest.mark.together
SMALL = 96
NINE_ROWS = """
    SELECT DISTINCT
           (SELECT count(*) FROM share AS s WHERE s.tenant_id = i.tenant_id AND s.invoice_id = i.id),
           (SELECT count(*) FROM event AS v WHERE v.tenant_id = i.tenant_id AND v.invoice_id = i.id AND v.subject = i.id),
           (SELECT count(*) FROM ledger_line AS l WHERE l.tenant_id = i.tenant_id AND l.entry_id = e.id),
           (SELECT count(*) FROM idempotency AS k WHERE k.tenant_id = i.tenant_id AND k.headers ->> 'Location' = '/v1/invoices/' || i.id)
      FROM invoice AS i LEFT JOIN ledger_entry AS e ON e.tenant_id = i.tenant_id AND e.ref = i.biller || '/' || i.number
     WHERE i.tenant_id = (SELECT tenant_id FROM invoice ORDER BY signed_at DESC LIMIT 1) AND i.number > 64
"""
ALL = [pytest.param(race, each, id=f"{race.name}-{each.name}") for race in http.RACES for each in race.contenders]


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    with suite.surroundings("loadtests.suites.http"):
        yield


@pytest.mark.parametrize(("race", "contender"), ALL)
def test_a_contender_does_its_work(running: None, race: Race, contender: Contender) -> None:
    if absent := missing(contender):
        pytest.skip(f"{absent} is not installed")
    # Of pgbench it is seconds.
    size = min(SMALL, contender.quick or SMALL)
    job = contender.prepare(size)
    result = job.run()
    assert digest(job.proof(result)) == digest(race.answer(size))
    assert job.reading is not None
    assert 0 < job.reading(result) < 10


def test_what_is_taken_for_one_commit_each_is_not_shared_ones(running: None) -> None:
    job = http.posting("BENCH_OURS", 64, http.COMMITS)(SMALL)
    commits = job.proof(job.run())
    assert isinstance(commits, int) and 0 < commits < SMALL


def test_rows_of_pgbench_are_those_of_invoices(running: None) -> None:
    [same] = [each for each in http.RACES[0].peers if each.name == "pgbench, the same rows"]
    job = same.prepare(1)
    found = job.run()
    assert isinstance(found, http.Inserted) and found.before == 64 and found.ran.every >= len(found.ran.taken) > 0

    async def counts() -> list[tuple[int, ...]]:
        """How many rows of each table an invoice has of pgbench, and whether ledger and numbers are whole."""
        con = await asyncpg.connect(placed().admin_dsn)
        try:
            return [tuple(row) for row in await con.fetch(NINE_ROWS)]
        finally:
            await con.close()

    assert asyncio.run(counts()) == [(2, 1, 3, 1)]


def test_a_row_that_is_not_there_is_missed(running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgbench, "run", lambda *_: pgbench.Ran(5, (), 1.0))
    job = http.ONE_ROW.prepare(1)
    assert job.proof(job.run()) == -1


def test_the_time_that_counts_begins_when_connections_are_warm() -> None:
    text = "".join(
        f"{client} {number} 100000 0 {1_000 + number // 10} {number % 10 * 100_000}\n" for number in range(1, 11) for client in (0, 1)
    )
    ran = pgbench.counted(sorted(pgbench.logged(text)))
    assert (ran.every, len(ran.taken), round(ran.seconds, 6), round(ran.each, 6)) == (20, 12, 0.6, 0.05)
    with pytest.raises(ArithmeticError):
        pgbench.counted([])


def test_who_is_sent_away_comes_again_when_he_was_told_to() -> None:
    answers = [b"503 Busy\r\nRetry-After: 1", b"201 Created", b"503 Busy", b"500 Broken"]

    async def ask() -> Seen:
        left = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(b"HTTP/1.1 " + answers.pop(0) + b"\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            left.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            seen = await closed(port, [b"GET / HTTP/1.1\r\n\r\n"] * 3, 1, again=True)
            await left.wait()
        return seen

    seen = asyncio.run(ask())
    assert seen.statuses == {201: 1, 503: 1, 500: 1} and seen.again == 1
    assert seen.good[0] >= 1 and seen.seconds >= 1


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
