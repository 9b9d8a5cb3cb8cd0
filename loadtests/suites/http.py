# SPDX-License-Identifier: Apache-2.0
"""The HTTP API over a real database with fsync and synchronous commit on, beside what its speed can be held against.

Client, service and database share the processors, so a figure is one of the whole machine. One database and the services over it are
started for all rounds; each contender has a centre of its own. What is written is counted in the database before it is believed.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import uvloop

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.ledger import GENESIS
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import ADVANCE, HEAD
from desmos_fast.db.leaf import copy_blocks
from desmos_fast.db.tenant import direct, transaction
from loadtests.model import Contender, Job, Race
from loadtests.peers import nine_rows, pgbench
from loadtests.served import SERVE, Centre, Place, placed, shared, standing
from loadtests.wire import Seen, closed

INVOICES: Final = 1000
CONNECTIONS: Final = 64
MANY_CONNECTIONS: Final = 256
CLIENTS: Final = 32
# Columns of a table, rows, and their COPY stream.
Ready: TypeAlias = tuple[list[str], int, bytes]
TABLES: Final = ("invoice", "share", "event", "ledger_entry", "ledger_line")
SERVICES: Final = {
    "BENCH_OURS": SERVE,
    "BENCH_ALONE": ("loadtests.peers.alone", *SERVE[1:]),
    "BENCH_BARE": ("loadtests.peers.bare",),
    "BENCH_PROTOCOL": ("loadtests.peers.protocol",),
    "BENCH_TWO": (*SERVE, "--processes", "2"),
    "BENCH_FAST": ("loadtests.peers.fast",),
    "BENCH_LITE": ("loadtests.peers.lite",),
}
STORED: Final = "SELECT count(*) FROM invoice"
# How many transactions wrote them.
COMMITS: Final = "SELECT count(DISTINCT xmin::text) FROM invoice"
# As wide as an invoice with its sealed records, and short enough not to be moved out of the row.
TABLE: Final = """
    CREATE TABLE bench_post (
        tenant_id uuid NOT NULL, id uuid NOT NULL, number bigint NOT NULL, state text NOT NULL, total bigint NOT NULL,
        insured_key bytea NOT NULL, sealed bytea NOT NULL, signed_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, id)
    );
    ALTER TABLE bench_post ALTER COLUMN sealed SET STORAGE PLAIN;
    GRANT INSERT ON bench_post TO desmos_app;
"""
INSERT: Final = """
INSERT INTO bench_post (tenant_id, id, number, state, total, insured_key, sealed, signed_at)
VALUES ('{tenant}', gen_random_uuid(), 1, 'signed', 3000, sha256('x'), decode(repeat('a7', 1800), 'hex'), now());
"""


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Run the services for all rounds of these races, and tell their processes where they are."""
    with shared() as here:
        asyncio.run(_prepare(here))
        with standing(here, SERVICES):
            yield


async def _prepare(here: Place) -> None:
    async with direct(here.owner_dsn) as con:
        await con.execute(TABLE)


def port_of(name: str) -> int:
    """Return where a service listens. Raises OutsideFailed for one that did not start."""
    port = os.environ.get(name)
    if port is None:
        raise OutsideFailed(os.environ.get(f"{name}_WHY", "the service was not started"))
    return int(port)


def _centre() -> tuple[Place, Centre]:
    here = placed()
    return here, asyncio.run(here.centre(int.from_bytes(os.urandom(4)) % 1_000_000))


async def _found(here: Place, centre: Centre, query: str = STORED) -> int:
    async with direct(here.owner_dsn, centre.tenant) as con:
        return int(await con.fetchval(query))


def _seconds(seen: Seen) -> float:
    return seen.seconds / len(seen.good)


class Signed(NamedTuple):
    """What came of invoices that were signed, and what was counted before."""

    before: int
    seen: Seen


def posting(service: str, connections: int, query: str = STORED) -> Callable[[int], Job]:
    """Return what signs invoices one a request, each on disk before it is answered; `query` must then find one more for each."""

    def prepare(size: int) -> Job:
        port = port_of(service)
        here, centre = _centre()
        bodies = centre.invoices(min(size, INVOICES))
        warm = [centre.request("/v1/invoices", body) for body in bodies[:CONNECTIONS]]
        uvloop.run(closed(port, warm, min(connections, CONNECTIONS), again=True))

        def run() -> Signed:
            before = asyncio.run(_found(here, centre, query))
            requests = [centre.request("/v1/invoices", bodies[order % len(bodies)]) for order in range(size)]
            return Signed(before, uvloop.run(closed(port, requests, connections, again=True)))

        def proof(found: Signed) -> int:
            return asyncio.run(_found(here, centre, query)) - found.before if found.seen.statuses == {201: size} else -1

        return Job(
            run, size, proof, lambda found: _seconds(found.seen), lambda found: found.seen.good, lambda found: found.seen.again, again=True
        )  # fmt: skip

    return prepare


class Inserted(NamedTuple):
    """What pgbench did, and what was counted before."""

    before: int
    ran: pgbench.Ran


def inserting(script: Callable[[Place, Centre], str], clients: int, query: str) -> Callable[[int], Job]:
    """Return what lets pgbench do what a script says for so many seconds; `query` must then find one more for each time."""

    def prepare(seconds: int) -> Job:
        here, centre = _centre()
        path = Path(here.folder) / f"{centre.tenant}.sql"
        path.write_text(script(here, centre), encoding="utf-8")

        def run() -> Inserted:
            return Inserted(asyncio.run(_found(here, centre, query)), pgbench.run(here.app_dsn, path, seconds, clients))

        def proof(found: Inserted) -> int:
            return seconds if asyncio.run(_found(here, centre, query)) - found.before == found.ran.every else -1

        return Job(run, seconds, proof, lambda found: found.ran.each, lambda found: [one.took for one in found.ran.taken], again=True)

    return prepare


def one_row(here: Place, centre: Centre) -> str:
    """Return a script that inserts one plain row."""
    return INSERT.format(tenant=centre.tenant)


def the_same_rows(here: Place, centre: Centre) -> str:
    """Return a script that inserts the rows of an invoice as the service leaves them, which signs some to show them."""

    async def made() -> str:
        async with direct(here.owner_dsn, centre.tenant) as con:
            return await nine_rows.script(con, centre.tenant)

    requests = [centre.request("/v1/invoices", body) for body in centre.invoices(CONNECTIONS)]
    uvloop.run(closed(port_of("BENCH_OURS"), requests, 8, again=True))
    return asyncio.run(made())


def batches(size: int) -> Job:
    """Sign invoices by batches of a thousand lines, one after the other."""
    port = port_of("BENCH_OURS")
    here, centre = _centre()
    bodies = centre.invoices(min(size, INVOICES))
    body = b"\n".join(bodies)
    uvloop.run(closed(port, [centre.request("/v1/invoices:batch", bodies[0])], 1))

    def run() -> Signed:
        before = asyncio.run(_found(here, centre))
        requests = [centre.request("/v1/invoices:batch", body) for _ in range(size // len(bodies))]
        return Signed(before, uvloop.run(closed(port, requests, 1)))

    def proof(found: Signed) -> int:
        return asyncio.run(_found(here, centre)) - found.before if set(found.seen.statuses) == {200} else -1

    return Job(run, size, proof, lambda found: found.seen.seconds / size, again=True)


def copies(size: int) -> Job:
    """Copy the same rows into the same tables from ready files, a transaction for each thousand invoices."""
    here, centre = _centre()
    port = port_of("BENCH_OURS")
    bodies = centre.invoices(min(size, INVOICES))
    uvloop.run(closed(port, [centre.request("/v1/invoices:batch", b"\n".join(bodies))], 1))
    tenants = [uuid4() for _ in range(size // len(bodies))]
    ready, end = asyncio.run(_exported(here, centre, tenants))

    async def run() -> float:
        opened = await pools.create(here.app_dsn, 1)
        try:
            # The connection and what it must ask once are no part of it.
            async with transaction(opened, centre.tenant):
                pass
            loop = asyncio.get_running_loop()
            began = loop.time()
            for tenant, files in zip(tenants, ready, strict=True):
                async with transaction(opened, tenant) as con:
                    # The ledger takes entries at its end alone, which is moved with them.
                    await con.execute(HEAD, tenant, GENESIS)
                    for table, (columns, rows, data) in files.items():
                        await copy_blocks(con, table, tenant, columns, _pieces(data), rows)
                    await con.execute(ADVANCE, tenant, *end)
            return loop.time() - began
        finally:
            await opened.close()

    def proof(_: float) -> int:
        return asyncio.run(_counted(here, tenants))

    return Job(lambda: uvloop.run(run()), size, proof, lambda seconds: seconds / size)


async def _counted(here: Place, tenants: list[UUID]) -> int:
    found = 0
    for tenant in tenants:
        async with direct(here.owner_dsn, tenant) as con:
            found += await con.fetchval("SELECT count(*) FROM invoice")
    return found


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 524_288):
        yield data[start : start + 524_288]


async def _exported(here: Place, centre: Centre, tenants: list[UUID]) -> tuple[list[dict[str, Ready]], tuple[int, bytes]]:
    """Return for each tenant the files of what the one batch of a centre left, as if it were that tenant's, and the end of its ledger."""
    con: Any = await asyncpg.connect(here.admin_dsn)
    try:
        files: dict[str, Ready] = {}
        end = await con.fetchrow("SELECT value, hash FROM counter WHERE tenant_id = $1 AND kind = 'ledger'", centre.tenant)
        for table in TABLES:
            names = [
                row[0]
                for row in await con.fetch(
                    "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
                    " AND attgenerated = '' AND attname <> 'tenant_id' ORDER BY attnum",
                    table,
                )
            ]
            parts: list[bytes] = []

            async def take(data: bytes, parts: list[bytes] = parts) -> None:
                parts.append(data)

            query = f"SELECT tenant_id, {', '.join(names)} FROM {table} WHERE tenant_id = $1"  # noqa: S608  # names of the catalogue
            said = await con.copy_from_query(query, centre.tenant, output=take, format="binary")
            files[table] = names, int(said.split()[1]), b"".join(parts)
        await con.executemany(
            "INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, 'Centre de charge')",
            [(tenant, tenant.hex[-9:].upper()) for tenant in tenants],
        )
    finally:
        await con.close()
    old = centre.tenant.bytes
    changed = [
        {table: (names, rows, data.replace(old, tenant.bytes)) for table, (names, rows, data) in files.items()} for tenant in tenants
    ]
    return changed, tuple(end)


def quoting(service: str) -> Callable[[int], Job]:
    """Return what asks for quotes: body in, answer out, nothing written."""

    def prepare(size: int) -> Job:
        port = port_of(service)
        _, centre = _centre()
        bodies = centre.invoices(min(size, INVOICES))
        uvloop.run(closed(port, [centre.request("/v1/quotes", bodies[0])], 1))
        requests = [centre.request("/v1/quotes", bodies[order % len(bodies)]) for order in range(size)]
        return Job(
            lambda: uvloop.run(closed(port, requests, CONNECTIONS)), size, lambda seen: seen.statuses.get(200, -1), _seconds,
            lambda seen: seen.good, again=True,
        )  # fmt: skip

    return prepare


def itself(size: int) -> int:
    """Return how many there are to be."""
    return size


SAME_ROWS: Final = Contender("pgbench, the same rows", inserting(the_same_rows, CLIENTS, STORED), programs=("pgbench",), size=3, quick=1)
# Nobody waits for the counters there, and nobody shares the disk.
ONE_CLIENT: Final = Contender(
    "pgbench, the same rows, one client", inserting(the_same_rows, 1, STORED), programs=("pgbench",), size=3, quick=1
)  # fmt: skip
ONE_ROW: Final = Contender(
    "pgbench, one plain row", inserting(one_row, CLIENTS, "SELECT count(*) FROM bench_post"), programs=("pgbench",), size=3, quick=1
)  # fmt: skip
RACES: Final = (
    Race(
        "post", "sign one invoice a request, 64 connections, on disk", 6000, 800, clock="wall", answer=itself,
        ours=(Contender("shared commits", posting("BENCH_OURS", CONNECTIONS)),),
        peers=(
            SAME_ROWS, ONE_CLIENT, ONE_ROW,
            Contender("one transaction a request", posting("BENCH_ALONE", CONNECTIONS, COMMITS), size=2000, quick=300),
        ),
    ),
    Race(
        "post-wide", "sign one invoice a request, 256 connections and 2 processes, on disk", 6000, 1000, clock="wall", answer=itself,
        ours=(Contender("shared commits", posting("BENCH_TWO", MANY_CONNECTIONS)),), peers=(SAME_ROWS, ONE_ROW),
    ),
    Race(
        "bulk", "sign batches of 1,000 lines", 10_000, 2000, clock="wall", answer=itself,
        ours=(Contender("batches", batches),), peers=(Contender("COPY of ready files", copies),),
    ),
    Race(
        "route", "answer with a quote: key, checks, price, counts", 6000, 1000, clock="wall", answer=itself,
        ours=(Contender("quotes", quoting("BENCH_OURS")),),
        peers=(
            Contender("bare aiohttp", quoting("BENCH_BARE")),
            Contender("FastAPI", quoting("BENCH_FAST"), needs=("fastapi", "uvicorn")),
            Contender("Litestar on Granian", quoting("BENCH_LITE"), needs=("litestar", "granian")),
            Contender("bare protocol", quoting("BENCH_PROTOCOL")),
        ),
    ),
)  # fmt: skip
