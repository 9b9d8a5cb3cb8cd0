# SPDX-License-Identifier: Apache-2.0
"""What the supervisor, the load balancer and Prometheus ask; no key, no centre's data."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from aiohttp import web

from api.keys import CLOCK, COUNTING, KEYRING, LIFE, POOL
from api.problems import retry_after
from desmos_fast.base import window
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db import health
from monitoring import metrics

routes: Final = web.RouteTableDef()
LAG_PERIOD_S: Final = 0.1
# What a process takes is told every five seconds.
USAGE_TURNS: Final = 50
# Five days of service: for so long a service that is away is known to be away while it should be there.
EDGES: Final = 10
# What is asked for at each scrape changes once a month.
_whole: Final = functools.lru_cache(maxsize=8)(window.open_seconds)
LAG_MOST_S: Final = 0.5


@routes.get("/livez")
async def livez(_request: web.Request) -> web.StreamResponse:
    """Answer as long as the loop turns."""
    return web.json_response({"status": "alive"})


async def trouble(request: web.Request) -> str:
    """Return the first reason not to send requests here, or an empty text."""
    life = request.app[LIFE]
    if life.leaving and not life.replaced:
        return "stopping"
    if life.lag_s > LAG_MOST_S:
        return "slow_loop"
    try:
        found = (await health.state(request.app[POOL])).trouble
    except OutsideFailed:
        return "database"
    return found or ("" if request.app[KEYRING].knows else "keys")


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.StreamResponse:
    """Say whether this process can serve: not stopping, a loop on time, a writable database of this version within 50 ms."""
    reason = await trouble(request)
    metrics.ready.set(0 if reason else 1)
    if reason:
        return web.json_response({"status": "not_ready", "reason": reason}, status=503, headers={"Retry-After": retry_after()})
    return web.json_response({"status": "ready"})


@routes.get("/metrics")
async def exposition(request: web.Request) -> web.StreamResponse:
    """Give every metric to Prometheus."""
    tell_connections(request.app)
    tell_window(request.app[CLOCK]())
    await request.app[COUNTING].refresh()
    return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})


def tell_connections(app: web.Application) -> None:
    """Show how the connections to the database are used."""
    pool = app[POOL]
    idle = pool.get_idle_size()
    metrics.set_connections(idle=idle, used=pool.get_size() - idle)


def tell_window(now: datetime) -> None:
    """Show what the service window of the contract is at an aware instant."""
    month, year = window.month_of(now), window.year_of(now)
    periods = {}
    for period, (start, end) in (("month", month), ("year", year)):
        periods["window", period] = _whole(start, end)
        periods["24x7", period] = (end - start).total_seconds()
    opened = _whole(window.SINCE, month[0]) + window.open_seconds(month[0], now)
    coming = [(edge, at.timestamp()) for edge, at in itertools.islice(window.edges(now), EDGES)]
    metrics.set_window(is_open=window.is_open(now), edges=coming, open_s=opened, periods=periods)


async def counting(app: web.Application) -> AsyncIterator[None]:
    """End the counting of figures with the application."""
    yield
    await app[COUNTING].close()


async def watch_loop(app: web.Application) -> AsyncIterator[None]:
    """Measure, while the application lives, how late the loop wakes up."""

    metrics.processes.set(1)

    async def measure() -> None:
        loop = asyncio.get_running_loop()
        for turn in itertools.count():
            if turn % USAGE_TURNS == 0:
                metrics.tell_usage()
            asked = loop.time()
            await asyncio.sleep(LAG_PERIOD_S)
            lag = max(0.0, loop.time() - asked - LAG_PERIOD_S)
            app[LIFE].lag_s = lag
            metrics.event_loop_lag_seconds.set(lag)
            # Another process may be asked for the figures of all.
            tell_connections(app)

    task = asyncio.create_task(measure())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
