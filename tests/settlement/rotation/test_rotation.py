# SPDX-License-Identifier: Apache-2.0
"""The master key changes while a centre works: every row moves, no patient is torn apart, and nothing of the old key is left."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer

from api.app import make_app
from desmos_fast.base.settings import load
from desmos_fast.base.types import TenantId
from desmos_fast.db import kernel, masters, secrets
from desmos_fast.db import pool as pools
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.keyring import Keyring, KeyUnknown, KeyUse, TenantKeys
from desmos_fast.db.masters import KeyFiles
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.settlement.rotation import service, store
from desmos_fast.settlement.rotation.model import RotationRuns, RotationStuck
from desmos_fast.simulator.day import DEFAULT_DAY, Day, line
from desmos_fast.simulator.world import World
from tests.db.databases import Place, empty
from tests.db.rows import insert
from tests.invariants.lived import FINESS, MASTER, SEED, Caller, live
from tests.settlement.rotation.sources import Numbered, ring

# Lines that name an invoice by biller and number: those of its own patient and the others.
JOINED = """
    SELECT count(*), count(*) FILTER (WHERE l.insured_key = i.insured_key), count(DISTINCT i.insured_key)
      FROM order_line AS l JOIN invoice AS i ON i.tenant_id = l.tenant_id AND i.biller = l.biller AND i.number = l.invoice_number
"""
INDEXES = "SELECT insured_key FROM invoice UNION SELECT insured_key FROM order_line WHERE insured_key IS NOT NULL"
# Rows that are under the former index of a patient who moved.
LEFT_BEHIND = """
    SELECT (SELECT count(*) FROM invoice JOIN moved_index ON former = insured_key)
           + (SELECT count(*) FROM order_line JOIN moved_index ON former = insured_key)
"""
LEFT_OVER = "SELECT count(*) FROM pg_trigger WHERE tgname = 'follows'"


@pytest.fixture(scope="module")
def day(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, TenantId]]:
    """Let a centre live a day, and give the database as a template."""
    with empty(cluster, template=template) as place:
        tenants = asyncio.run(live(place, tmp_path_factory.mktemp("lived"), FINESS[:1]))
        yield place.name, tenants[FINESS[0]]


@pytest.fixture
def lived(cluster: Cluster, day: tuple[str, TenantId]) -> Iterator[tuple[Place, TenantId]]:
    with empty(cluster, template=day[0]) as place:
        yield place, day[1]


async def facts(place: Place, tenant: TenantId) -> tuple[int, ...]:
    async with place.app(tenant) as con:
        (row,) = await con.fetch(JOINED)
        return tuple(row)


async def opened(place: Place, tenant: TenantId, keys: TenantKeys) -> dict[tuple[str, UUID], bytes]:
    """Open everything that is sealed."""
    async with direct(place.owner_dsn, tenant) as con:
        found: dict[tuple[str, UUID], bytes] = {}
        for name in await store.tables(con):
            rows = [row for row in await con.fetch(f"SELECT id, sealed FROM {name}") if row["sealed"]]
            plain = kernel.unseal(keys, name, tenant, [row["id"] for row in rows], [row["sealed"] for row in rows])
            found |= {(name, row["id"]): content for row, content in zip(rows, plain, strict=True)}
        return found


async def rotate(place: Place) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    await service.rotate(place.owner_dsn, Numbered(), lambda done, of: told.append((done, of)), grace_s=0)
    return told


async def check_moved(place: Place, tenant: TenantId, number: int) -> None:
    """Check that everything is under a master key, and that no other one is needed."""
    keys = ring(KeyUse(number, number)).under(tenant, KeyUse(number, number))
    blind = TenantKeys(keys.seal, keys.index, keys.insured, keys.number)
    held = await opened(place, tenant, blind)
    nirs = {nir for name in ("invoice", "return_file") for nir in service._patients(name, [held[one] for one in held if one[0] == name])}
    async with place.admin() as con:
        indexes = {row[0] for row in await con.fetch(INDEXES)}
        assert await con.fetchval(LEFT_OVER) == 0
        assert await con.fetchval("SELECT count(*) FROM moved_index") == 0
        assert await con.fetchval("SELECT to_regclass('order_line_moving')") is None
    assert indexes == set(kernel.blind_index(blind, sorted(nirs)))


async def test_everything_moves_and_says_what_it_said(lived: tuple[Place, TenantId]) -> None:
    place, tenant = lived
    first = ring(KeyUse()).of(tenant)
    before, joined = await opened(place, tenant, first), await facts(place, tenant)
    assert joined[1] > 50
    told = await rotate(place)
    assert told[-1] == (len(before), len(before))
    await check_moved(place, tenant, 1)
    assert await opened(place, tenant, ring(KeyUse(1, 1)).of(tenant)) == before
    assert await facts(place, tenant) == joined
    with pytest.raises(KeyUnknown):
        await opened(place, tenant, TenantKeys(first.seal, first.index))
    # And once more, from the second key to the third.
    assert (await rotate(place))[-1] == (len(before), len(before))
    await check_moved(place, tenant, 2)
    async with place.admin() as con:
        assert [one.alone for one in await service.show(con)] == [False, True, True]


async def test_a_patient_is_never_torn_apart_while_the_service_works(
    lived: tuple[Place, TenantId], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at any instant finds the same lines with their patients; what is billed and announced meanwhile joins them."""
    place, tenant = lived
    monkeypatch.setattr(service, "BATCH", 5)
    joined = await facts(place, tenant)
    pool = await pools.create(place.app_dsn, 4)
    keyring = Keyring(source=Numbered())
    server = TestServer(make_app(load(), pool, keyring))
    await server.start_server()
    ended = asyncio.Event()
    async with direct(place.owner_dsn) as con:
        key = await identity.new_key(con, FINESS[0], "test", pepper=secret(load(), "api_keys"))

    async def looking() -> int:
        looks = 0
        while not ended.is_set():
            found = await facts(place, tenant)
            assert found[:2] == joined[:2]
            async with place.app(tenant) as con:
                assert await con.fetchval(LEFT_BEHIND) == 0
            looks += 1
        return looks

    async def billing(caller: Caller) -> int:
        # Patients of the day before come again, under whatever key the service has by then.
        again = [orjson.loads(line(one)) for one in Day(World(SEED, finess=FINESS[0]), DEFAULT_DAY).invoices(120)]
        sent = 0
        while not ended.is_set():
            one = {name: value for name, value in again[sent % len(again)].items() if name != "number"}
            assert await caller.send("/v1/invoices", orjson.dumps(one)) in (201, 422), "no request fails"
            sent += 1
            if sent % 10 == 0:
                assert await caller.send("/v1/reconciliations", b"") == 200
        return sent

    try:
        async with aiohttp.ClientSession() as session:
            caller = Caller(session, str(server.make_url("")).rstrip("/"), key)
            work = [asyncio.create_task(looking()), asyncio.create_task(billing(caller))]
            await service.rotate(place.owner_dsn, Numbered(), lambda *_: None, grace_s=3)
            ended.set()
            looks, sent = await asyncio.gather(*work)
            assert looks > 20 and sent > 20
            assert await caller.send("/v1/reconciliations", b"") == 200
        await check_moved(place, tenant, 1)
    finally:
        ended.set()
        await server.close()
        await pool.close()


async def test_a_rotation_that_is_killed_goes_on(lived: tuple[Place, TenantId]) -> None:
    place, tenant = lived
    before, joined = await opened(place, tenant, ring(KeyUse()).of(tenant)), await facts(place, tenant)
    for most in (30, 80):
        program = [sys.executable, "-m", "tests.settlement.rotation.sources", place.owner_dsn]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:  # noqa: ASYNC220
            assert child.stdout is not None
            told = next(done for said in child.stdout if (done := int(said.split()[0])) >= most)
            with pytest.raises(RotationRuns):
                await rotate(place)
            child.kill()
        assert 0 < told < len(before), "it was killed in the midst of it"
        await check_followed(place, tenant)
        # Both keys work: every row opens, and every line is with its patient.
        assert await opened(place, tenant, ring(KeyUse(1, 0)).of(tenant)) == before
        assert await facts(place, tenant) == joined
    await rotate(place)
    await check_moved(place, tenant, 1)
    assert await opened(place, tenant, ring(KeyUse(1, 1)).of(tenant)) == before


async def check_followed(place: Place, tenant: TenantId) -> None:
    """Check that a line and a reminder under the former index of a patient who moved come to stand under the present one."""
    async with place.admin() as con:
        undone = con.transaction()
        await undone.start()
        ((former, present),) = await con.fetch("SELECT former, index FROM moved_index LIMIT 1")
        order = await con.fetchval("SELECT order_id FROM order_line WHERE insured_key IS NOT NULL LIMIT 1")
        await insert(con, "order_line", tenant_id=tenant, order_id=order, line=9999, insured_key=former)
        assert await con.fetchval("SELECT insured_key FROM order_line WHERE order_id = $1 AND line = 9999", order) == present
        await insert(con, "reminder", tenant_id=tenant, rule="patient", debtor=former.hex())
        await insert(con, "reminder", tenant_id=tenant, rule="amo", debtor="amo:01750")
        assert {row[0] for row in await con.fetch("SELECT debtor FROM reminder")} == {present.hex(), "amo:01750"}
        await undone.rollback()


async def test_reminders_move_with_their_patients(lived: tuple[Place, TenantId]) -> None:
    place, tenant = lived
    async with place.admin() as con:
        ((invoice, insured),) = await con.fetch("SELECT id, insured_key FROM invoice LIMIT 1")
        await insert(con, "reminder", tenant_id=tenant, rule="patient", debtor=insured.hex())
        await rotate(place)
        moved = await con.fetchval("SELECT insured_key FROM invoice WHERE id = $1", invoice)
        assert moved != insured and await con.fetchval("SELECT debtor FROM reminder") == moved.hex()


async def test_the_former_key_stays_while_a_line_is_left_under_it(lived: tuple[Place, TenantId]) -> None:
    """A line whose patient no return tells any more keeps both keys in use, and says so."""
    place, tenant = lived
    async with place.admin() as con:
        ((order, number),) = await con.fetch("SELECT order_id, line FROM order_line LIMIT 1")
        await con.execute("UPDATE order_line SET insured_key = $1 WHERE order_id = $2 AND line = $3", b"x" * 32, order, number)
    with pytest.raises(RotationStuck, match="1 indexes"):
        await rotate(place)
    async with place.admin() as con:
        assert [one.alone for one in await service.show(con)] == [False, False]


async def test_an_operator_changes_the_key_on_the_command_line(lived: tuple[Place, TenantId], tmp_path: Path) -> None:
    place, tenant = lived
    secrets.put(tmp_path / "home", "master", MASTER)

    async def run(*arguments: str) -> str:
        told = {"DESMOS_DATA_DIR": str(tmp_path / "home"), "DESMOS_DSN": place.app_dsn, "DESMOS_OWNER_DSN": place.owner_dsn}
        command = [sys.executable, "-m", "desmos_fast.cli", "keys", *arguments]
        done = await asyncio.to_thread(subprocess.run, command, env=os.environ | told, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert await run("show") == "0  seals indexes alone\n"
    assert await run("make") == "key 1 is made\n"
    made = secrets.kept(tmp_path / "home", "master_1")
    rows = len(await opened(place, tenant, Keyring(MASTER).of(tenant)))
    assert await run("rotate", "--grace", "0") == f"key 1 for key 0: {rows} rows sealed anew\n"
    assert secrets.kept(tmp_path / "home", "master_1") == made, "the key that was made before is the one"
    assert await run("show") == "0  seals indexes\n1  seals indexes alone\n"
    ring_of_files = Keyring(source=KeyFiles(tmp_path / "home"))
    ring_of_files.follow(KeyUse(1, 1))
    assert len(await opened(place, tenant, ring_of_files.of(tenant))) == rows


async def test_a_ring_writes_nothing_before_it_knows_the_keys_in_use(lived: tuple[Place, TenantId]) -> None:
    place, tenant = lived
    await rotate(place)
    unaware = Keyring(source=Numbered())
    with pytest.raises(pools.DatabaseDown):
        unaware.of(tenant)


class Without(Numbered):
    """The keys of a host that was not given the new one."""

    def load(self, number: int) -> bytes:
        if number:
            raise secrets.SecretMissing("master_1 is missing")
        return super().load(number)


async def test_a_host_without_the_new_key_writes_nothing_by_the_former_one(lived: tuple[Place, TenantId]) -> None:
    place, tenant = lived
    pool = await pools.create(place.app_dsn, 1)
    try:
        left_out, later = Keyring(source=Without()), Keyring(source=Without())
        await masters.look(pool, left_out)
        assert left_out.knows and left_out.of(tenant).number == 0
        async with place.admin() as con:
            await con.execute("INSERT INTO master_key (id, made_at, seals_at) VALUES (1, now(), now())")
        # What is sealed under the former key is found and moved as long as the change goes on.
        with pytest.raises(secrets.SecretMissing):
            await masters.look(pool, left_out)
        assert left_out.of(tenant).number == 0
        await rotate(place)
        # A patient whom this host indexed from now on would have nothing to do with the same one of before.
        for one in (left_out, later):
            with pytest.raises(secrets.SecretMissing):
                await masters.look(pool, one)
            with pytest.raises(pools.DatabaseDown):
                one.of(tenant)
            assert not one.knows
    finally:
        await pool.close()
