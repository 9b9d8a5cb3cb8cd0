# SPDX-License-Identifier: Apache-2.0
"""Eight builders of one centre, killed at any moment: every number is given once, without a gap, from 999 on to 1."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desmos_fast.db import pool as pools
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from tests.api.conftest import finess
from tests.db.databases import Place, empty
from tests.fault import builders
from tests.fault.test_kill import chaos_seed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made


async def numbered(place: Place, start: int, kills: int) -> tuple[list[int], int]:
    """Let builders be killed; return what each lot took the counter to, and how many were killed."""
    number = finess()
    async with direct(place.owner_dsn) as con:
        centre = await identity.add_centre(con, number, "Centre des pannes")
    if start:
        async with direct(place.owner_dsn, centre.id) as con:
            await con.execute("INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'lot', $2, $3)", centre.id, number, start)
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.fault.builders", place.app_dsn, str(centre.id), number, str(kills), str(chaos_seed())],
        cwd=ROOT, capture_output=True, text=True, timeout=3000,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    # What the last ones had signed and not built.
    pool = await pools.create(place.app_dsn, 1)
    try:
        await builders.build(pool, builders.context(centre.id, number))
    finally:
        await pool.close()
    async with direct(place.owner_dsn, centre.id) as con:
        places = [row[0] for row in await con.fetch("SELECT (cycle - 1) * 999 + number FROM lot ORDER BY 1")]
        assert len(places) == len(set(places)), "no double"
        assert await con.fetchval("SELECT value FROM counter WHERE kind = 'lot'") == places[-1]
        sequences = [row[0] for row in await con.fetch("SELECT sequence FROM file ORDER BY 1")]
        assert sequences == list(range(1, len(sequences) + 1))
        assert await con.fetchval("SELECT value FROM counter WHERE kind = 'file'") == len(sequences)
        signed, live = await con.fetchval("SELECT count(*) FROM invoice"), await con.fetchval("SELECT count(*) FROM lot_share WHERE live")
        assert signed == live == len(places), "every invoice is in one live lot"
    return places, int(ran.stdout.split()[-1])


async def test_builders_that_are_killed_leave_no_gap_where_numbers_begin_again(place: Place) -> None:
    places, killed = await numbered(place, 990, 12)
    assert places == list(range(991, 991 + len(places))), "no gap"
    assert places[-1] > 999, "the numbers went round"
    assert killed == 12 + builders.BUILDERS


@pytest.mark.fault
@pytest.mark.timeout(3600)
async def test_hundreds_of_kills_over_more_than_a_round_leave_every_invariant_whole(place: Place, tmp_path: Path) -> None:
    places, _ = await numbered(place, 0, 400)
    assert places[-1] > 999, "the numbers went round"
    # A number that a lot without an answer still had is stepped over: that there is no other gap is what I3 says.
    report = await check(Where(place.owner_dsn, place.app_dsn, tmp_path), Limits(), lambda _done, _of: None)
    # Nothing was answered by the service and no file left by a worker: what looks at answers and folders sees nothing.
    assert report.holds, [(finding.check, finding.examples) for verdict in report.verdicts for finding in verdict.failed]
