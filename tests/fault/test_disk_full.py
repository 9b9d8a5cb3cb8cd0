# SPDX-License-Identifier: Apache-2.0
"""A disk that is full while it is written to: a coded error, nothing half written under its name, and on it goes once there is room."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import msgspec
import pytest

from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.db.roles import OWNER
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE
from desmos_fast.lots.recipients.model import EVERYONE, Breaker, Directory, Patience, Recipient, Recipients, Route
from desmos_fast.lots.transports.cft import CONTROL, CftTransport
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import Parcel, Transport, TransportFailed
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.server import make_concentrator, server_context
from desmos_fast.simulator.world import World
from tests.api.conftest import MASTER, finess
from tests.db.databases import Place, empty
from tests.db.places import ask
from tests.fault import builders
from tests.invariants.lived import service
from tests.lots.transports.authority import Authority
from tests.lots.transports.test_https import listening, transport

PAGE = 4096
PARCEL = Parcel("750000010-000001.b2", bytes(range(256)) * 128)
FILLER = ".filler"
Disk = Callable[[Path, int], Path]


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Give small disks, of so many bytes; who may not mount one skips."""
    with ExitStack() as closing:

        def mounted(path: Path, size: int) -> Path:
            path.mkdir(parents=True, exist_ok=True)
            ran = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, text=True)
            if ran.returncode != 0:
                pytest.skip(f"no disk can be mounted here: {ran.stderr.strip()}")
            closing.callback(lambda: subprocess.run(["umount", "--lazy", path], check=True))
            return path

        yield mounted


def leave(folder: Path, room: int) -> None:
    """Fill a disk but for so many bytes."""
    (folder / FILLER).unlink(missing_ok=True)
    free = os.statvfs(folder)
    with (folder / FILLER).open("wb") as filler:
        filler.write(bytes(max(free.f_bavail * free.f_frsize - room, 0)))


def names(folder: Path) -> set[str]:
    """Return what lies in a folder, but what fills it."""
    return {path.name for path in folder.iterdir()} - {FILLER}


@contextmanager
def refused(folder: Path) -> Iterator[None]:
    """Expect a file to be refused for want of room, without any trace under its name."""
    before = names(folder)
    with pytest.raises(TransportFailed, match="No space left") as caught:
        yield
    assert caught.value.code == "transport_failed"
    assert names(folder) == before


async def test_a_folder_takes_a_file_whole_or_not_at_all(disk: Disk, tmp_path: Path) -> None:
    folder = disk(tmp_path / "disk", 32 * PAGE)
    sender = DirectoryTransport(folder)
    needed = len(PARCEL.content)
    for room in range(0, needed, PAGE):
        leave(folder, room)
        with refused(folder):
            await sender.put(PARCEL)
    leave(folder, needed + PAGE)
    await sender.put(PARCEL)
    assert names(folder) == {PARCEL.name} and (folder / PARCEL.name).read_bytes() == PARCEL.content


async def test_a_spool_tells_its_monitor_of_whole_files_alone(disk: Disk, tmp_path: Path) -> None:
    folder = disk(tmp_path / "disk", 32 * PAGE)
    sender = CftTransport(folder, "CPAM", "FSE")
    leave(folder, len(PARCEL.content) - PAGE)
    with refused(folder):
        await sender.put(PARCEL)
    # There is room for the file, and none for what tells of it.
    leave(folder, len(PARCEL.content))
    with pytest.raises(TransportFailed, match="No space left"):
        await sender.put(PARCEL)
    assert names(folder) == {PARCEL.name} and (folder / PARCEL.name).read_bytes() == PARCEL.content
    (folder / FILLER).unlink()
    await sender.put(PARCEL)
    assert names(folder) == {PARCEL.name, PARCEL.name + CONTROL}
    assert (folder / (PARCEL.name + CONTROL)).read_bytes() == sender.control(PARCEL)


async def test_a_concentrator_without_room_says_come_again(disk: Disk, tmp_path: Path) -> None:
    folder = disk(tmp_path / "disk", 32 * PAGE)
    authority = Authority(tmp_path)
    client, server = authority.pair("client"), authority.pair("server")
    leave(folder, PAGE)
    async with listening(make_concentrator(folder), server_context(server.certificate_file, server.key_file, authority.file)) as url:
        sender = transport(url, authority, client)
        with pytest.raises(TransportFailed, match="503"):
            await sender.put(PARCEL)
        assert names(folder) == set()
        (folder / FILLER).unlink()
        await sender.put(PARCEL)
    assert (folder / PARCEL.name).read_bytes() == PARCEL.content


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made


async def test_a_worker_waits_for_room_and_sends_once(disk: Disk, tmp_path: Path, place: Place) -> None:
    folder = disk(tmp_path / "disk", 32 * PAGE)
    number = finess()
    async with direct(place.owner_dsn) as con:
        tenant = (await identity.add_centre(con, number, "Centre sans place")).id
    who = builders.context(tenant, number)
    pool = await pools.create(place.app_dsn, 8)
    try:
        await builders.bill(pool, who, 5)
        built = await builders.build(pool, who)
        leave(folder, 0)
        tried = Tried(DirectoryTransport(folder))
        patient: dict[str, Any] = {"retries": Patience(tries=1000, first_s=0.01, longest_s=0.02), "breaker": Breaker(failures=1000)}
        recipients = Recipients({EVERYONE: Recipient(name=EVERYONE, way=Directory(folder=str(folder)), **patient)}, (Route(to=EVERYONE),))
        sender = Sender(pool, Keyring(MASTER), recipients, {EVERYONE: tried}, system_clock)
        sending = asyncio.create_task(queue.run(pool, {SEND_FILE: sender}, asyncio.Event(), once=True))
        await asyncio.wait_for(tried.often.wait(), 60)
        assert names(folder) == set() and sender.sent == 0
        (folder / FILLER).unlink()
        await asyncio.wait_for(sending, 60)
        assert (sender.sent, sender.dead) == (len(built.files), 0)
    finally:
        await pool.close()
    assert names(folder) == {file.name for file in built.files}
    async with direct(place.owner_dsn, tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM event WHERE name = 'file.sent'") == len(built.files)


class Tried:
    """A transport that says when it was refused some times."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.left = 6
        self.often = asyncio.Event()

    async def put(self, parcel: Parcel) -> None:
        """Hand over."""
        try:
            await self.inner.put(parcel)
        except TransportFailed:
            self.left -= 1
            if self.left == 0:
                self.often.set()
            raise


# --- the database


@contextmanager
def on(cluster: Cluster, folder: Path, template: str) -> Iterator[Place]:
    """Give a database whose tables lie on a disk."""
    home = Path(ask(cluster.admin_dsn(), "SELECT current_setting('data_directory')")).stat()
    space = folder / "space"
    space.mkdir(mode=0o700)
    os.chown(space, home.st_uid, home.st_gid)
    name = f"small_{uuid7().hex}"
    ask(cluster.admin_dsn(), f"CREATE TABLESPACE {name} LOCATION '{space}'", "SELECT 1")
    try:
        ask(cluster.admin_dsn(), f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} TABLESPACE {name}", "SELECT 1")
        try:
            yield Place(name, cluster.admin_dsn(name), cluster.owner_dsn(name), cluster.app_dsn(name))
        finally:
            ask(cluster.admin_dsn(), f"DROP DATABASE {name} WITH (FORCE)", "SELECT 1")
    finally:
        ask(cluster.admin_dsn(), f"DROP TABLESPACE {name}", "SELECT 1")


class Desk:
    """One centre that asks plainly."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self.session = session
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}

    async def post(self, path: str, body: bytes, key: UUID) -> tuple[int, str | None, Any]:
        """Write under a key; return status, when to come again, and what was said."""
        headers = self.headers | {"Idempotency-Key": str(key)}
        async with self.session.post(self.url + path, data=body, headers=headers) as response:
            return response.status, response.headers.get("Retry-After"), msgspec.json.decode(await response.read())


async def until_full(desk: Desk, body: bytes) -> tuple[int, UUID]:
    """Sign the same batch until it is refused; return how many were signed, and the key of the one that was not."""
    for count in range(200):
        key = uuid7()
        status, wait, said = await desk.post("/v1/invoices:batch", body, key)
        if status != 200:
            assert (status, said["code"]) == (503, "database_unavailable"), said
            assert wait is not None and 1 <= int(wait) <= 5
            return count, key
        assert said["refused"] == 0, said
    raise AssertionError("the disk is never full")


async def kept(pool: Pool, tenant: UUID) -> tuple[int, int]:
    """Return how many invoices and counted numbers there are."""
    async with pool.acquire() as con, con.transaction():
        await con.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        last = await con.fetchval("SELECT coalesce(max(value), 0) FROM counter WHERE kind = 'invoice'")
        return int(await con.fetchval("SELECT count(*) FROM invoice")), int(last)


async def full_and_not(place: Place, folder: Path, home: Path) -> None:
    number = finess()
    async with direct(place.owner_dsn) as con:
        tenant = (await identity.add_centre(con, number, "Centre sans place")).id
        key = await identity.new_key(con, number, "test", pepper=secret(load(), "api_keys"))
    body = builders.batch(number, 50)
    async with service(place) as (url, pool), aiohttp.ClientSession() as session:
        desk = Desk(session, url, key)
        status, _, first = await desk.post("/v1/invoices:batch", body, uuid7())
        assert status == 200, first
        each = first["accepted"]
        assert first["refused"] == 0
        leave(folder, 400 << 10)
        count, refused_key = await until_full(desk, body)
        signed = each * (count + 1)
        assert await kept(pool, tenant) == (signed, signed), "whole or not at all, and no number lost"
        # It is still refused, and what was signed is still there to be read.
        status, _, _ = await desk.post("/v1/invoices:batch", body, refused_key)
        assert status == 503
        (folder / FILLER).unlink()
        status, _, said = await desk.post("/v1/invoices:batch", body, refused_key)
        assert (status, said["accepted"]) == (200, each)
        status, _, built = await desk.post("/v1/lots:build", b"{}", uuid7())
        assert (status, built["invoices"]) == (200, signed + each)
        assert await kept(pool, tenant) == (signed + each, signed + each)
    report = await check(Where(place.owner_dsn, place.app_dsn, home), Limits(), lambda _done, _of: None)
    assert report.holds, [(finding.check, finding.examples) for verdict in report.verdicts for finding in verdict.failed]


def test_a_database_without_room_refuses_and_goes_on(
    disk: Disk, cluster: Cluster, template: str, open_folder: Path, tmp_path: Path
) -> None:
    size = int(ask(cluster.admin_dsn(template), "SELECT pg_database_size(current_database())"))
    folder = disk(open_folder / f"disk-{uuid7().hex}", size + (24 << 20))
    folder.chmod(0o711)
    with on(cluster, folder, template) as place:
        asyncio.run(full_and_not(place, folder, tmp_path))
        (folder / FILLER).unlink(missing_ok=True)


# --- the command


def test_files_built_by_hand_are_written_together_or_not_at_all(disk: Disk, tmp_path: Path) -> None:
    folder = disk(tmp_path / "disk", 16 * PAGE)
    invoices = tmp_path / "invoices.ndjson"
    invoices.write_bytes(b"".join(map(line, Day(World(11)).invoices(200))))
    settings = tmp_path / "settings.json"
    settings.write_text('{"date":"2026-11-20","first_lot":1,"file_sequence":1}', encoding="utf-8")
    command = [sys.executable, "-m", "desmos_fast.cli", "lots", "build", str(invoices), "--settings", str(settings), "--out", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 3 and "No space left" in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr and names(folder) == set()
    (tmp_path / "roomy").mkdir()
    ran = subprocess.run([*command[:-1], str(tmp_path / "roomy")], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and "summary.json" in names(tmp_path / "roomy"), ran.stderr
