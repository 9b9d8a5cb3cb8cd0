# SPDX-License-Identifier: Apache-2.0
"""Who hears the other processes keeps a connection: the fewest that are let be leave one for requests."""

import pytest

from desmos_fast.agents.relay import Relay
from desmos_fast.base.settings import MIN_POOL
from desmos_fast.db import health
from desmos_fast.db import pool as pools
from desmos_fast.db.pool import DatabaseDown
from tests.db.conftest import place
from tests.db.databases import Place

__all__ = ["place"]


async def test_the_fewest_connections_leave_one_for_requests(place: Place) -> None:
    for size in (1, MIN_POOL):
        pool = await pools.create(place.app_dsn, size)
        relay = Relay(pool, b"k" * 32)
        try:
            await relay.ready()
            if size < MIN_POOL:
                with pytest.raises(DatabaseDown):
                    await health.state(pool, 1.0)
            else:
                assert not (await health.state(pool, 1.0)).trouble
        finally:
            await relay.close()
            await pool.close()
