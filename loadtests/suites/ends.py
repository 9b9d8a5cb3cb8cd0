# SPDX-License-Identifier: Apache-2.0
"""From the database to sealed files on disk, and from what payers say to the ledger, each a whole run of one centre.

Peers are what PostgreSQL itself must do for it, and nothing more: the same rows read out, written to a file and their shares written anew;
the same matching as one statement without evidence, events and ledger. Every contender has a new centre in one database.
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

import asyncpg

from api.logs import configure
from desmos_fast.base.types import TenantId, uuid7
from loadtests.lots_database import Asking, build, fill, send, verified
from loadtests.model import Contender, Job, Race
from loadtests.served import Place, placed, shared
from loadtests.settle_database import announce, reconcile, state

READ: Final = """
    SELECT i.id, i.number, i.care_date, i.sealed, s.part, s.payer, s.amount
      FROM invoice AS i JOIN share AS s ON s.tenant_id = i.tenant_id AND s.invoice_id = i.id
     WHERE i.tenant_id = $1 AND s.part <> 'patient' ORDER BY i.number
"""
MOVE: Final = "UPDATE share SET amount = amount WHERE tenant_id = $1 AND part <> 'patient'"


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Run one database for all rounds."""
    with shared():
        yield


def _filled(size: int) -> tuple[Place, Asking]:
    """Return the database with a new centre that has signed so many invoices."""
    # Standard output is for the figures.
    configure("error")
    here = placed()
    centre = Asking(TenantId(uuid7()), int.from_bytes(os.urandom(6)))
    asyncio.run(fill(here.owner_dsn, here.app_dsn, size, centre))
    return here, centre


def files(size: int) -> Job:
    """Build the lots and send the files as the service and its worker do."""
    here, centre = _filled(size)
    # It goes away with the database.
    out = here.folder / f"files-{centre.tenant}"
    out.mkdir()

    def run() -> tuple[dict[str, Any], float]:
        built = asyncio.run(build(here.app_dsn, centre))
        sent = asyncio.run(send(here.app_dsn, out))
        return built, built["seconds"] + sent["seconds"]

    def proof(found: tuple[dict[str, Any], float]) -> int:
        built, _ = found
        checked = verified(out, built)
        whole = checked == {"files as built": True, "claims in trailers": built["claims"]} and built["claims"] >= size
        return built["invoices"] if whole else -1

    return Job(run, size, proof, lambda found: found[1] / size)


def copied(size: int) -> Job:
    """Read the same rows out by COPY into a file that is on disk at the end, and write each share anew by one statement."""
    here, centre = _filled(size)

    async def run() -> tuple[int, float]:
        con: Any = await asyncpg.connect(here.admin_dsn)
        try:
            with tempfile.TemporaryFile() as out:
                began = time.perf_counter()
                async with con.transaction():
                    await con.copy_from_query(READ, centre.tenant, output=out, format="binary")
                    moved = await con.execute(MOVE, centre.tenant)
                out.flush()
                os.fsync(out.fileno())
                seconds = time.perf_counter() - began
            billed = await con.fetchval("SELECT count(*) FROM invoice WHERE tenant_id = $1", centre.tenant)
        finally:
            await con.close()
        return billed if int(moved.rpartition(" ")[2]) >= size else -1, seconds

    return Job(lambda: asyncio.run(run()), size, lambda found: found[0], lambda found: found[1] / size)


def ledger(size: int) -> Job:
    """Reconcile a line for each invoice as the service does, to the ledger."""
    here, centre = _filled(size)
    said = asyncio.run(announce(here.owner_dsn, here.app_dsn, centre))["lines"]

    def proof(found: dict[str, Any]) -> int:
        check = found["check"]
        sound = check["unbalanced"] == 0 and check["confirmed"] >= said * 0.9 and check["announced"] == check["cents"]
        return said if sound else -1

    return Job(lambda: asyncio.run(reconcile(here.app_dsn, centre)), size, proof, lambda found: found["seconds"] / size)


def statement(size: int) -> Job:
    """Match by one statement, which is taken back."""
    here, centre = _filled(size)
    said = asyncio.run(announce(here.owner_dsn, here.app_dsn, centre))["lines"]
    return Job(
        lambda: asyncio.run(state(here.owner_dsn, here.app_dsn, centre)), size,
        lambda found: said if found["matched"] >= said * 0.9 else -1, lambda found: found["seconds"] / size,
    )  # fmt: skip


def itself(size: int) -> int:
    """Return how many there are to be."""
    return size


RACES: Final = (
    Race(
        "files", "signed invoices in the database to sealed files on disk", 10_000, 600, clock="wall", answer=itself,
        ours=(Contender("build and send", files),), peers=(Contender("COPY and one update", copied),),
    ),
    Race(
        "ledger", "lines of payers to matches and entries of the ledger", 10_000, 600, clock="wall", answer=itself,
        ours=(Contender("reconcile", ledger),), peers=(Contender("one statement, no ledger", statement),),
    ),
)  # fmt: skip
