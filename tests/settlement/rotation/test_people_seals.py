# SPDX-License-Identifier: Apache-2.0
"""Master keys change while people sign in with their code generators: each is sealed anew, and nobody notices."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.app import make_app
from desmos_fast.base.settings import load
from desmos_fast.db import pool as pools
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.keyring import Keyring, KeyUse
from desmos_fast.db.secrets import secret
from desmos_fast.identity.people.seals import HOUSE, head_of, seal, unseal
from desmos_fast.settlement.rotation import service, store
from desmos_fast.settlement.rotation.model import RotationStuck
from tests.api import people
from tests.api.conftest import House
from tests.api.wire import Wire
from tests.db.databases import Place, empty
from tests.settlement.rotation.sources import Numbered, ring


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as place:
        yield place


class Moving:
    """A clock that goes on by two steps of a code generator each time that somebody signs in."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@pytest.fixture
async def served(place: Place) -> AsyncIterator[tuple[House, Moving]]:
    pool, clock, wire = await pools.create(place.app_dsn, 4), Moving(), Wire(place.app_dsn)
    await wire.mend()
    app = make_app(load(), pool, Keyring(source=Numbered()), clock=clock)
    server = TestServer(app)
    await server.start_server(auto_decompress=False)
    async with aiohttp.ClientSession() as session:
        yield House(str(server.make_url("")).rstrip("/"), place.owner_dsn, wire, pool, app, session), clock
    await server.close()
    await pool.close()
    await wire.close()


async def rotate(place: Place, people: bytes | None) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    await service.rotate(place.owner_dsn, Numbered(), lambda done, of: told.append((done, of)), people=people, grace_s=0)
    return told


async def accounts(place: Place) -> list[store.Row]:
    async with place.admin() as con:
        return [store.Row(*row) for row in await con.fetch("SELECT id, sealed FROM account WHERE sealed IS NOT NULL")]


async def test_who_signs_in_meanwhile_notices_nothing(place: Place, served: tuple[House, Moving], monkeypatch: pytest.MonkeyPatch) -> None:
    house, clock = served
    monkeypatch.setattr(service, "BATCH", 1)
    desk, former = await house.desk(), secret(load(), "people")
    users, generators = [], []
    for _ in range(3):
        user = await people.with_password(desk, "biller")
        generator, _codes = await people.enrolled(await people.seat(desk, user), clock.now)
        users.append(user)
        generators.append(generator)
    # One is from before master keys sealed them.
    first, *_others = rows = await accounts(place)
    plain, nonce = unseal(ring(KeyUse()).of(HOUSE), None, first.id, first.sealed), os.urandom(12)
    old = nonce + AESGCM(former).encrypt(nonce, plain.encode(), first.id.bytes)
    await people.sql(house, "UPDATE account SET sealed = $2 WHERE id = $1", first.id, old)
    ended = asyncio.Event()

    async def coming() -> int:
        came = 0
        while not ended.is_set():
            clock.now += 60
            for user, generator in zip(users, generators, strict=True):
                reply = await people.sign_in(desk, user, code=generator.code(clock.now))
                assert reply.status == 201, reply.body
                came += 1
        return came

    work = asyncio.create_task(coming())
    for number in (1, 2):
        told = await rotate(place, former)
        assert told[-1] == (3, 3)
        keys = ring(KeyUse(number, number)).of(HOUSE)
        for row in await accounts(place):
            assert row.sealed.startswith(head_of(number))
            assert unseal(keys, None, row.id, row.sealed) in {one.totp.secret for one in generators}
    ended.set()
    assert await work >= len(users), "nobody signed in meanwhile"
    assert {row.id for row in await accounts(place)} == {row.id for row in rows}


async def test_who_begins_anew_meanwhile_keeps_the_new_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, name = ring(KeyUse()).of(HOUSE), "00000000-0000-7000-8000-000000000001"
    async with place.admin() as con:
        await con.execute(
            "INSERT INTO account (id, login, sealed, since, made_at) VALUES ($1, 'a@b.c', $2, now(), now())", name, seal(keys, HOUSE, "OLD")
        )
    anew = seal(keys, HOUSE, "NEW")
    reseal = store.reseal_accounts

    async def late(*args: object) -> None:
        async with place.admin() as con:
            await con.execute("UPDATE account SET sealed = $1", anew)
        await reseal(*args)  # type: ignore[arg-type]

    async with place.admin() as con:
        rows = [store.Row(*row) for row in await con.fetch("SELECT id, sealed FROM account")]
    monkeypatch.setattr(store, "reseal_accounts", late)
    async with place.admin() as con:
        await store.reseal_accounts(con, rows, [b"what was read before"])
        assert await con.fetchval("SELECT sealed FROM account") == anew


async def test_a_seal_that_nothing_opens_stops_the_change_and_loses_nothing(place: Place) -> None:
    async with place.admin() as con:
        await con.execute(
            "INSERT INTO account (id, login, sealed, since, made_at) VALUES (gen_random_uuid(), 'a@b.c', $1, now(), now())", bytes(60)
        )
    with pytest.raises(Exception, match="does not open"):
        await rotate(place, bytes(32))
    assert [row.sealed for row in await accounts(place)] == [bytes(60)]
    async with place.admin() as con:
        assert [one.alone for one in await service.show(con)] == [False, False]


async def test_what_is_left_of_people_keeps_both_keys(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last word counts them too."""
    async with place.admin() as con:
        account = await con.fetchval(
            "INSERT INTO account (id, login, since, made_at) VALUES (gen_random_uuid(), 'a@b.c', now(), now()) RETURNING id"
        )
        await con.execute("UPDATE account SET sealed = $1", seal(ring(KeyUse()).of(HOUSE), account, "SECRET"))

    async def nothing(*_: object) -> None:
        """Move nobody."""

    monkeypatch.setattr(store, "reseal_accounts", nothing)
    with pytest.raises(RotationStuck, match="1 rows and 0 indexes"):
        await rotate(place, None)
