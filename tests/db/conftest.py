# SPDX-License-Identifier: Apache-2.0
"""A migrated database for each module that asks for one; its tests share it and each has centres of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from desmos_fast.base.types import TenantId
from desmos_fast.db import pool as pools
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.pool import Pool
from tests.db.databases import Place, empty


@pytest.fixture(scope="module")
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made


@pytest.fixture
async def pool(place: Place) -> AsyncIterator[Pool]:
    """One connection, so that what one test does to it the next statement sees."""
    opened = await pools.create(place.app_dsn, 1)
    yield opened
    opened.terminate()


@pytest.fixture
async def tenant(place: Place) -> TenantId:
    """Give a new centre."""
    return await place.centre()
