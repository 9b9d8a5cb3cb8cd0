# SPDX-License-Identifier: Apache-2.0
"""Service times and sizes, measured on a database and services of its own: `python -m loadtests.capacity.measure > figures.json`.

Processor time is read from the system for each process, so that it is no matter how long anybody waited; what the machine does beside it
still costs some, by what it takes of the caches. Sizes are those of tables and indexes after the work, versions that it left dead included.
"""

import asyncio
import http.client
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec
import uvloop

from desmos_fast.base.types import uuid7
from loadtests.capacity.model import FIGURES, Figures
from loadtests.capacity.spent import postmaster, seconds
from loadtests.machine import fingerprint
from loadtests.served import SERVE, Centre, Place, Service, place, telling
from loadtests.suites import ends
from loadtests.wire import Seen, closed, opened, percentile

INVOICES: Final = 1500
ALONE: Final = 100
CALLERS: Final = 64
# As many as callers: then invoices come alone, or nearly, as they do on a day like any other, and share no commit.
CENTRES: Final = CALLERS
OF_EACH: Final = 24
WARM: Final = 4 * CENTRES
BATCHES: Final = 9
LINES: Final = 1000
CLAIMS: Final = 3000
HALF_S: Final = 4.0
ROWS: Final = """
    SELECT sum(n_tup_ins)::bigint AS rows, sum(pg_total_relation_size(relid))::bigint AS bytes,
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal
      FROM pg_stat_user_tables
"""
HEAD: Final = len("HTTP/1.1 200 OK\r\n\r\n")


class Cost(NamedTuple):
    """Processor seconds of a piece of work: who serves or works, the database, who asks; and the seconds that passed."""

    service: float
    database: float
    client: float
    passed: float

    def each(self, count: int) -> "Cost":
        """Return the cost of one of so many."""
        return Cost(*(value / count for value in self))


@contextmanager
def costing(service: int | None, database: int) -> Iterator[list[Cost]]:
    """Add what is spent inside to the list that it gives."""
    found: list[Cost] = []

    def now() -> tuple[float, float, float, float]:
        return seconds(service) if service else 0.0, seconds(database), time.process_time(), time.perf_counter()

    before = now()
    yield found
    # The database notes a session's time when it ends, and counters of tables a moment later.
    found.append(Cost(*(after - earlier for earlier, after in zip(before, now(), strict=True))))


class Sizes(NamedTuple):
    """Rows written, bytes of tables with their indexes, bytes of the log."""

    rows: int
    stored: int
    wal: int


async def sizes(here: Place) -> Sizes:
    """Return how much stands in the database."""
    con: Any = await asyncpg.connect(here.admin_dsn)
    try:
        await con.execute("SELECT pg_stat_force_next_flush()")
        await asyncio.sleep(1.2)
        row = await con.fetchrow(ROWS)
        return Sizes(*row)
    finally:
        await con.close()


def growth(here: Place, run: Callable[[], object], count: int) -> tuple[float, float, float]:
    """Return rows, bytes and bytes of log that a piece of work adds for one of so many."""
    before = asyncio.run(sizes(here))
    run()
    after = asyncio.run(sizes(here))
    return tuple((b - a) / count for a, b in zip(before, after, strict=True))  # type: ignore[return-value]


def signed(port: int, centres: Sequence[tuple[Centre, list[bytes]]], count: int, callers: int) -> Seen:
    """Sign so many invoices of centres in turn, one a request; who is refused for now asks again.

    Raises ArithmeticError when one is not signed.
    """
    turns = [(*centres[order % len(centres)], order // len(centres)) for order in range(count)]
    requests = [centre.request("/v1/invoices", bodies[order % len(bodies)]) for centre, bodies, order in turns]
    seen = uvloop.run(closed(port, requests, callers, again=True))
    if seen.statuses != {201: count}:
        raise ArithmeticError(f"not all were signed: {dict(seen.statuses)}")
    return seen


class Exchange(NamedTuple):
    """The bytes of a question and of its answer, heads included, and what was answered."""

    asked: int
    answered: int
    body: bytes


def exchanged(port: int, centre: Centre, path: str, body: bytes | None = None) -> Exchange:
    """Ask as a browser does, with answers under gzip. Raises ArithmeticError unless the answer is good."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {centre.key}", "Accept-Encoding": "gzip", "Content-Type": "application/json"}
    if body is not None:
        headers["Idempotency-Key"] = str(uuid7())
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status >= 300:
        raise ArithmeticError(f"{path} was answered {answer.status}")
    asked, answered = (sum(len(name) + len(value) + 4 for name, value in pairs) for pairs in (headers.items(), answer.getheaders()))
    return Exchange(asked + len(path) + HEAD + len(body or b""), answered + HEAD + len(said), said)


def looked(port: int, centre: Centre, invoice: str, count: int) -> None:
    """Look at an invoice so many times."""
    question = f"GET {invoice} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {centre.key}\r\n\r\n".encode()
    seen = uvloop.run(closed(port, [question] * count, 8))
    if seen.statuses != {200: count}:
        raise ArithmeticError(f"not all were answered: {dict(seen.statuses)}")


def measure() -> Figures:
    """Measure everything."""
    found: dict[str, Any] = {}
    with place() as here, telling(here.told), Service(here, *SERVE) as service:
        database = postmaster(here.folder)
        centre = asyncio.run(here.centre(1))
        bodies = centre.invoices(500)
        signed(service.port, [(centre, bodies)], WARM, CALLERS)
        added = growth(here, lambda: signed(service.port, [(centre, bodies)], INVOICES, CALLERS), INVOICES)
        alone = signed(service.port, [(centre, bodies)], ALONE, 1)
        lines = b"\n".join(bodies * (LINES // len(bodies)))
        batches = [centre.request("/v1/invoices:batch", lines) for _ in range(BATCHES)]
        spent = []
        for body in batches:
            with costing(service.pid, database) as one_batch:
                uvloop.run(closed(service.port, [body], 1))
            spent += one_batch
        # The database cleans up now and then, which may take longer than a batch does.
        batch = Cost(*map(statistics.median, zip(*spent, strict=True))).each(LINES)
        one = exchanged(service.port, centre, "/v1/invoices", bodies[0])
        path = f"/v1/invoices/{json.loads(one.body)['id']}"
        with costing(service.pid, database) as spent:
            noted = growth(here, lambda: looked(service.port, centre, path, INVOICES), INVOICES)
        look = spent[0].each(INVOICES)
        page = exchanged(service.port, centre, path)
        found = {
            "batch_service": batch.service, "batch_database": batch.database, "look_service": look.service, "look_database": look.database,
            "sign_latency_s": statistics.median(alone.good), "request_bytes": one.asked, "answer_bytes": one.answered,
            "look_rows": noted[0], "look_stored_bytes": noted[1], "look_wal_bytes": noted[2],
            "look_bytes": page.answered, "look_request_bytes": page.asked, "service_memory": service.peak_memory(),
        }  # fmt: skip
        found |= _worked(here, database, added)
        # Last, for what the database counts of many connections comes late.
        found |= _signing(here, service, database)
    return msgspec.convert({**found, "machine": _machine()}, Figures)


def _signing(here: Place, service: Service, database: int) -> dict[str, Any]:
    """Return what an invoice of many centres costs, and how long it takes at half of what can be signed."""
    many = [(centre, centre.invoices(OF_EACH)) for centre in asyncio.run(here.centres(range(2, 2 + CENTRES)))]
    signed(service.port, many, WARM, CALLERS)
    with costing(service.pid, database) as spent:
        seen = signed(service.port, many, INVOICES, CALLERS)
    sign, half = spent[0].each(INVOICES), _half(service.port, many, seen.rate)
    return {
        "sign_service": sign.service, "sign_database": sign.database, "client": sign.client, "capacity_per_s": seen.rate,
        "half_p50_s": percentile(half.good, 0.5), "half_p99_s": percentile(half.good, 0.99),
    }  # fmt: skip


def _half(port: int, centres: Sequence[tuple[Centre, list[bytes]]], capacity: float) -> Seen:
    turns = itertools.cycle(
        [(centre, body) for order in range(OF_EACH) for centre, bodies in centres for body in bodies[order : order + 1]]
    )

    def make() -> bytes:
        centre, body = next(turns)
        return centre.request("/v1/invoices", body)

    return uvloop.run(opened(port, make, capacity / 2, HALF_S, 200))


def _worked(here: Place, database: int, added: tuple[float, float, float]) -> dict[str, Any]:
    """Return what lots and matching cost a worker, and all that is stored of an invoice from its signature to the ledger."""
    rows, stored, wal = added
    lots = ends.files(CLAIMS)
    with costing(None, database) as spent:
        built: list[Any] = []
        more = growth(here, lambda: built.append(lots.run()), CLAIMS)
    lot = spent[0].each(CLAIMS)
    matching = ends.ledger(CLAIMS)
    with costing(None, database) as spent:
        last = growth(here, matching.run, CLAIMS)
    match = spent[0].each(CLAIMS)
    total = [first + second + third for first, second, third in zip((rows, stored, wal), more, last, strict=True)]
    return {
        "lots_worker": lot.client, "lots_database": lot.database, "match_worker": match.client, "match_database": match.database,
        "claims": built[0][0]["claims"] / CLAIMS, "rows": total[0], "stored_bytes": total[1], "wal_bytes": total[2],
    }  # fmt: skip


def _machine() -> dict[str, Any]:
    known = fingerprint()
    return {name: known[name] for name in ("cpu", "cores", "python", "revision", "load")}


if __name__ == "__main__":
    figures = measure()
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
    json.dump(msgspec.to_builtins(figures), sys.stdout, indent=1)
