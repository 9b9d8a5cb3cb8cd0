# SPDX-License-Identifier: Apache-2.0
"""The real application on a real port, over the real database behind a wire that can be cut."""

import asyncio
import contextlib
import copy
import io
import itertools
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import orjson
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from api import logs
from api.app import make_app
from api.protocol import Runner
from desmos_fast.base.identifiers import luhn_sum_is_zero, nir_key
from desmos_fast.base.settings import load
from desmos_fast.base.types import KeyKind, TenantId, uuid7
from desmos_fast.db import pool as pools
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.migrate import migrate
from desmos_fast.db.pool import Pool
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from tests.api import contract
from tests.api.wire import Wire
from tests.db.databases import Place, empty

GOLDEN: Final = Path(__file__).parents[1] / "golden"
MASTER: Final = b"m" * 32


# Not drawn: two of some hundreds would be the same one day, and a test may seed what draws.
_BODIES: Final = itertools.count(100_000)


def finess() -> str:
    """Make a FINESS that no other test has, with its right key."""
    body = f"75{next(_BODIES) % 10**6:06d}"
    return next(body + str(key) for key in range(10) if luhn_sum_is_zero(body + str(key)))


def person(order: int = 12) -> str:
    """Make the NIR of a synthetic person."""
    body = f"2550899999{order:03d}"
    return f"{body}{nir_key(body):02d}"


class Reply(msgspec.Struct):
    """One answer, read whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """Return the body as what it says."""
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """Return the stable code of a problem."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.body
        return str(self.json["code"])


@dataclass
class Desk:
    """One centre, its key, and the way it talks to the service."""

    house: "House"
    tenant: TenantId
    finess: str
    key: str

    def invoice(self, name: str = "01_ngap_visit", **changes: object) -> dict[str, Any]:
        """Return an invoice of this centre for a synthetic person, without a number."""
        made: dict[str, Any] = copy.deepcopy(orjson.loads((GOLDEN / f"{name}.ndjson").read_bytes().splitlines()[0]))
        del made["number"]
        return made | {"biller": self.finess, "insured_nir": person()} | changes

    async def get(self, path: str) -> Reply:
        """Ask."""
        return await self.house.send("GET", path, {"Authorization": f"Bearer {self.key}"})

    async def post(self, path: str, body: object, key: str | None = None, **headers: str) -> Reply:
        """Write, under a new key unless one is given."""
        sent = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": str(uuid7()) if key is None else key, **headers}
        return await self.house.send("POST", path, sent, body if isinstance(body, bytes) else orjson.dumps(body))

    async def insist(self, path: str, body: object, key: str) -> Reply:
        """Write under one key until it is answered, as clients do: the database may learn late that the wire of a first try was cut."""
        async with asyncio.timeout(60):
            while (reply := await self.post(path, body, key)).status in (409, 503):
                assert reply.status == 503 or reply.code == "idempotency_key_running", reply.body
                assert 1 <= int(reply.headers["Retry-After"]) <= 5
                await asyncio.sleep(0.02)
        return reply

    async def count(self, table: str) -> int:
        """Count this centre's rows of a table, beside the service."""
        async with direct(self.house.owner_dsn, self.tenant) as con:
            return int(await con.fetchval(f"SELECT count(*) FROM {table}"))


@dataclass
class House:
    """The service under test."""

    url: str
    owner_dsn: str
    wire: Wire
    pool: Pool
    app: web.Application
    session: aiohttp.ClientSession

    def application(self) -> web.Application:
        """Put one more application together, over the same database."""
        return make_app(load(), self.pool, Keyring(MASTER))

    async def desk(self, kind: KeyKind = "test") -> Desk:
        """Register a centre with a key."""
        number = finess()
        async with direct(self.owner_dsn) as con:
            centre = await identity.add_centre(con, number, "Centre de test")
            return Desk(self, centre.id, number, await identity.new_key(con, number, kind, pepper=secret(load(), "api_keys")))

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Reply:
        """Send one request as it is."""
        async with self.session.request(method, self.url + path, headers=headers, data=body) as response:
            reply = Reply(response.status, await response.read(), response.headers)
        contract.check(method, path, reply.status, reply.headers.get("Content-Type", ""), reply.body)
        return reply


@pytest.fixture(scope="session")
def served(cluster: Cluster) -> Cluster:
    """Migrate the database that the service finds by itself."""
    asyncio.run(migrate(cluster.owner_dsn("desmos")))
    return cluster


@pytest.fixture
async def house(served: Cluster) -> AsyncIterator[House]:
    async with opened(served.app_dsn("desmos"), served.owner_dsn("desmos")) as house:
        yield house


@pytest.fixture
def place_apart(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as place:
        yield place


@pytest.fixture
async def house_apart(place_apart: Place) -> AsyncIterator[House]:
    """Give a house in which no other test left a centre."""
    async with opened(place_apart.app_dsn, place_apart.owner_dsn) as house:
        yield house


class Served(TestServer):
    """Our own connections, as the program has them."""

    async def _make_runner(self, **kwargs: Any) -> Runner:
        return Runner(self.app, **kwargs)


@contextlib.asynccontextmanager
async def opened(app_dsn: str, owner_dsn: str) -> AsyncIterator[House]:
    wire = Wire(app_dsn)
    await wire.mend()
    pool = await pools.create(wire.dsn, 4)
    app = make_app(load(), pool, Keyring(MASTER))
    server = Served(app)
    # As the program serves it: bodies that come compressed are ours to undo.
    await server.start_server(auto_decompress=False)
    async with aiohttp.ClientSession() as session:
        yield House(str(server.make_url("")).rstrip("/"), owner_dsn, wire, pool, app, session)
    await server.close()
    await pool.close()
    await wire.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Take what is logged from `info` up, as the service writes it."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    logs.configure("info", stream := io.StringIO())
    yield stream
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


@pytest.fixture
async def desk(house: House) -> Desk:
    return await house.desk()


@pytest.fixture
async def nobody_tried(house: House) -> AsyncIterator[None]:
    """Count no try of other tests, which come from the same address, nor for them."""
    for after in (False, True):
        async with direct(house.owner_dsn) as con:
            await con.execute("DELETE FROM attempt")
        if not after:
            yield


@pytest.fixture
async def empty_queue(desk: Desk) -> None:
    """Forget the jobs of other tests: they share one queue."""
    async with direct(desk.house.owner_dsn) as con:
        await con.execute("DELETE FROM pgqueuer")


@pytest.fixture
async def second(house: House) -> AsyncIterator[str]:
    """Serve by one more process's worth of application, with what it knows for itself; say where."""
    server = TestServer(house.application())
    await server.start_server(auto_decompress=False)
    yield str(server.make_url("")).rstrip("/")
    await server.close()
