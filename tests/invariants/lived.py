# SPDX-License-Identifier: Apache-2.0
"""Centres that lived a day through the real service: invoices, lots, files, answers of payers and bank, a reconciliation."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiohttp.test_utils import TestServer

from api.app import make_app
from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import load
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE, BuildRequest
from desmos_fast.lots.recipients.reading import letterbox as to_the_letterbox
from desmos_fast.lots.transports.opening import open_transports
from desmos_fast.simulator import folder
from desmos_fast.simulator.concentrator import answer_folder
from desmos_fast.simulator.day import DEFAULT_DAY, Day, line
from desmos_fast.simulator.world import World
from tests.db.databases import Place

MASTER: Final = b"m" * 32
SEED: Final = 7
INVOICES: Final = 120
FINESS: Final = ("750000010", "750000119")


class Caller:
    """One centre as it talks to the service."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._url = url
        self._key = key

    async def get(self, path: str) -> Any:
        """Ask."""
        async with self._session.get(self._url + path, headers={"Authorization": f"Bearer {self._key}"}) as response:
            return orjson.loads(await response.read())

    async def send(self, path: str, body: bytes) -> int:
        """Write under a new key and return the status."""
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": str(uuid7())}
        async with self._session.post(self._url + path, data=body, headers=headers) as response:
            return response.status

    async def post(self, path: str, body: bytes = b"") -> Any:
        """Write under a new key and return what was answered."""
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": str(uuid7())}
        async with self._session.post(self._url + path, data=body, headers=headers) as response:
            said = await response.read()
            assert response.status < 300, said
            return orjson.loads(said)


@asynccontextmanager
async def service(place: Place) -> AsyncIterator[tuple[str, Pool]]:
    """Give the address and the pool of the real application over a database."""
    pool = await pools.create(place.app_dsn, 8)
    server = TestServer(make_app(load(), pool, Keyring(MASTER)))
    try:
        await server.start_server()
        yield str(server.make_url("")).rstrip("/"), pool
    finally:
        await server.close()
        await pool.close()


async def live(place: Place, data_dir: Path, centres: Sequence[str] = FINESS) -> dict[str, TenantId]:
    """Have each centre live one day, after the other and with another seed; return their ids by FINESS."""
    tenants = {}
    letterbox = data_dir / "letterbox"
    (letterbox / "to_payers").mkdir(parents=True)
    async with service(place) as (url, pool), aiohttp.ClientSession() as session:
        for place_of, finess in enumerate(centres):
            async with direct(place.owner_dsn) as con:
                tenants[finess] = (await identity.add_centre(con, finess, "Centre de test")).id
                key = await identity.new_key(con, finess, "test", pepper=secret(load(), "api_keys"))
            await day(Caller(session, url, key), pool, letterbox, SEED + place_of, finess)
    return tenants


async def day(caller: Caller, pool: Pool, letterbox: Path, seed: int, finess: str) -> None:
    """Live one day."""
    world = World(seed, finess=finess)
    invoices = list(Day(world, DEFAULT_DAY).invoices(INVOICES))
    signed = await caller.post("/v1/invoices:batch", b"".join(map(line, invoices[:-2])))
    assert signed["accepted"] > INVOICES / 2
    # Two come alone: a draft, and one that waits for the next lot.
    await caller.post("/v1/invoices?draft=true", line(invoices[-2]))
    settings = folder.settings_of(world, DEFAULT_DAY, INVOICES)
    asked = {name: getattr(settings, name) for name in BuildRequest.__struct_fields__}
    await caller.post("/v1/lots:build", orjson.dumps(asked))
    await caller.post("/v1/invoices", line(invoices[-1]))
    recipients = to_the_letterbox(letterbox.parent)
    sender = Sender(pool, Keyring(MASTER), recipients, open_transports(recipients), system_clock)
    await queue.run(pool, {SEND_FILE: sender}, asyncio.Event(), once=True)
    assert sender.sent == 1
    # A reconciliation after each file: credits come before their orders, orders before their credits.
    entries = 0
    for answered in answer_folder(letterbox, seed, biller=finess):
        for path in (*answered.arl, answered.bank, *answered.rsp, answered.bank):
            await caller.post("/v1/bank-statements" if path == answered.bank else "/v1/returns", path.read_bytes())
            last = (await caller.post("/v1/reconciliations"))["entries"]
            entries += last
    assert entries > 0
    assert last == 0, "the second time the same statement comes, there is nothing new"
    await rejects(caller)


async def rejects(caller: Caller) -> None:
    """Bill again what can be, and bring a return that nobody can read."""
    refused = (await caller.get("/v1/rejects"))["rejects"]
    again = [f"/v1/rejects/{one['invoice']}/{one['part']}:recycle" for one in refused if one["recycle"]]
    tried = [await caller.send(path, b'{"why":"essai"}') for path in again]
    assert 201 in tried and set(tried) <= {201, 409, 422}
    assert await caller.send("/v1/returns", b"000 is no return") == 422
