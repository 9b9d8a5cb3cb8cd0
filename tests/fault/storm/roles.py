# SPDX-License-Identifier: Apache-2.0
"""The processes of the storm, each of which may be killed at any moment."""

import asyncio
import contextlib
import random
from typing import Final

import orjson
from aiohttp import web

from api.app import make_app
from api.protocol import Runner
from desmos_fast.anomalies.service import LogNotifier
from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import load
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import DatabaseDown
from desmos_fast.db.tenant import transaction
from desmos_fast.lots import service as lots
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow.jobs import Watch
from desmos_fast.lots.follow.model import FileLeft
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE
from desmos_fast.lots.recipients.reading import load_recipients
from desmos_fast.lots.transports.opening import open_transports
from desmos_fast.simulator.server import make_concentrator, server_context
from tests.api.conftest import MASTER
from tests.fault.storm.house import House

WATCH_S: Final = 0.5
CANCELLED_ONE_IN: Final = 6
FOREVER_S: Final = 3600.0


async def service(house: House, _rng: random.Random) -> None:
    """Serve the real application until killed."""
    pool = await pools.create(house.app_dsn, 8)
    runner = Runner(make_app(load(), pool, Keyring(MASTER)), access_log=None)
    await runner.setup()
    await web.SockSite(runner, house.service).start()
    await asyncio.sleep(FOREVER_S)


async def worker(house: House, _rng: random.Random) -> None:
    """Send what is queued and look at what is late until killed."""
    pool = await pools.create(house.app_dsn, 8)
    recipients = load_recipients()
    sender = Sender(pool, Keyring(MASTER), recipients, open_transports(recipients), system_clock)
    stop = asyncio.Event()
    await asyncio.gather(queue.run(pool, {SEND_FILE: sender}, stop), Watch(pool, system_clock, LogNotifier(), WATCH_S).run(stop))


async def builder(house: House, rng: random.Random) -> None:
    """Build what waits and cancel some of it at once, beside the service, until killed."""
    pool = await pools.create(house.app_dsn, 1)
    while True:
        await asyncio.sleep(rng.uniform(0.0, 0.2))
        with contextlib.suppress(DatabaseDown):
            async with transaction(pool, house.tenant) as con:
                built = await lots.build(con, house.context(), settings(rng))
            for file in built.files:
                if rng.randrange(CANCELLED_ONE_IN) == 0:
                    with contextlib.suppress(FileLeft):
                        async with transaction(pool, house.tenant) as con:
                            await follow.cancel(con, house.context(), file.id, b'{"why":"essai"}')


def settings(rng: random.Random) -> bytes:
    """Draw how a build cuts its lots and files."""
    return orjson.dumps({"max_invoices_per_lot": rng.randint(1, 4), "max_lots_per_file": rng.randint(1, 3)})


async def concentrator(house: House, _rng: random.Random) -> None:
    """Take files over HTTPS, each once, until killed."""
    runner = web.AppRunner(make_concentrator(house.received), access_log=None)
    await runner.setup()
    context = server_context(house.server.certificate_file, house.server.key_file, house.authority.file)
    await web.SockSite(runner, house.concentrator, ssl_context=context).start()
    await asyncio.sleep(FOREVER_S)
