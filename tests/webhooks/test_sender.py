# SPDX-License-Identifier: Apache-2.0
"""What leaves for one receiver takes nothing from another."""

import asyncio
import ssl
from pathlib import Path

import aiohttp

from desmos_fast.db.queue import AT_ONCE
from desmos_fast.webhooks.model import Outcome
from desmos_fast.webhooks.sender import Poster
from desmos_fast.webhooks.service import BATCH
from tests.api.receiver import receiving
from tests.lots.transports.authority import Authority

TIMEOUT = aiohttp.ClientTimeout(total=20.0, connect=1.0)


async def test_receivers_that_are_slow_leave_another_its_connection(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trust = ssl.create_default_context(cafile=str(authority.file))
    async with receiving(authority) as slow, receiving(authority) as quick, Poster("any", trust=trust, timeout=TIMEOUT) as poster:
        slow.fate = lambda _message, _before: "late"
        # As many as the other jobs of a worker have under way.
        waiting = [asyncio.create_task(poster.post(slow.url, b'{"id":"a"}', {})) for _ in range((AT_ONCE - 1) * BATCH)]
        async with asyncio.timeout(10):
            while len(slow.seen) < min(BATCH, len(waiting)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await poster.post(quick.url, b'{"id":"b"}', {}) == Outcome(204)
        assert await asyncio.gather(*waiting) == [Outcome(204)] * len(waiting)
