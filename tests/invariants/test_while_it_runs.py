# SPDX-License-Identifier: Apache-2.0
"""The checks see one moment of each centre: what the service is doing meanwhile is never taken for a fault."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from desmos_fast.base.identifiers import finess_is_valid
from desmos_fast.db.embedded import Cluster
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from tests.db.databases import Place, empty
from tests.invariants.lived import live

CENTRES = [number for number in map(str, range(750001000, 750001040)) if finess_is_valid(number)]


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template) as made:
        yield made


async def test_the_checks_hold_while_the_service_works(place: Place, tmp_path: Path) -> None:
    where = Where(place.owner_dsn, place.app_dsn, tmp_path)
    working = asyncio.create_task(live(place, tmp_path, CENTRES))
    looked = []
    while not working.done():
        report = await check(where, Limits(), lambda _done, _of: None)
        assert [finding for verdict in report.verdicts for finding in verdict.failed] == []
        looked.append((report.centres, sum(verdict.looked for verdict in report.verdicts)))
    assert len(await working) == len(CENTRES)
    assert len(set(looked)) > 3, "too quick to have seen the service at work"
