# SPDX-License-Identifier: Apache-2.0
"""Files and their recipients: who takes which, when, how fast, and what happens to one that fails."""

import asyncio
import os
import random
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp import web

from desmos_fast.base.clock import PARIS, paris_date, system_clock
from desmos_fast.lots.recipients.model import (
    DAYS,
    Breaker,
    Directory,
    Pace,
    Patience,
    Recipient,
    Recipients,
    Route,
    Schedule,
)
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import Parcel, Transport, TransportFailed
from desmos_fast.simulator.server import make_concentrator, server_context
from monitoring import metrics
from tests.api.conftest import Desk, person
from tests.api.post import build, column, content, events, rows, send, sign
from tests.api.worker import start
from tests.lots.transports import test_https, test_sftp, test_smtp
from tests.lots.transports.authority import Authority
from tests.lots.transports.test_cft import collect

pytestmark = pytest.mark.usefixtures("empty_queue")

QUICK = Patience(tries=4, first_s=0.02, longest_s=0.05)


def recipient(name: str, **parts: Any) -> Recipient:
    return Recipient(name=name, way=Directory(folder="/nowhere"), **({"retries": QUICK} | parts))


def by_flow(**parts: Any) -> Recipients:
    """Return two: `amc` takes flow 2, `amo` the rest."""
    return Recipients({name: recipient(name, **parts) for name in ("amc", "amo")}, (Route(to="amc", flow=2), Route(to="amo")))


def folders(path: Path, *names: str) -> dict[str, Transport]:
    for name in names:
        (path / name).mkdir(exist_ok=True)
    return {name: DirectoryTransport(path / name) for name in names}


class Away:
    """A transport whose other side is away."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def put(self, parcel: Parcel) -> None:
        """Fail."""
        self.tried.append(parcel.name)
        raise TransportFailed("away")


def written(path: Path) -> Path:
    """Write a file of recipients that parts files by flow."""
    for name in ("amc", "amo"):
        (path / name).mkdir(exist_ok=True)
    file = path / "recipients.toml"
    tables = [f'[recipients.{name}]\ntransport = "directory"\nfolder = "{path / name}"\n' for name in ("amc", "amo")]
    file.write_text("".join(tables) + '[[routes]]\nflow = 2\nto = "amc"\n[[routes]]\nto = "amo"\n', encoding="utf-8")
    return file


async def test_no_file_goes_to_two_recipients(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_RECIPIENTS", str(written(tmp_path)))
    await sign(desk, "01_ngap_visit", "07_amc_apart")
    built = await build(desk)
    assert [{lot["flow"] for lot in file["lots"]} for file in built["files"]] == [{1}, {2}]
    child = start(desk, tmp_path / "home", "worker", "--once", DESMOS_RECIPIENTS=str(tmp_path / "recipients.toml"))
    output, _ = await asyncio.to_thread(child.communicate, timeout=60)
    assert (child.returncode, output) == (0, b"2 sent, 0 given up\n")
    for name, file in zip(("amo", "amc"), built["files"], strict=True):
        assert os.listdir(tmp_path / name) == [file["name"]]
        assert (tmp_path / name / file["name"]).read_bytes() == await content(desk, file["id"])
    assert not (tmp_path / "home" / "letterbox").exists()
    told = await column(desk, "SELECT detail->>'recipient' FROM event WHERE name = 'file.sent' ORDER BY detail->>'name'")
    assert told == ["amo", "amc"]


async def test_a_file_whose_lots_part_since_is_held_and_sent_once_they_do_not(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart")
    built = await build(desk)
    assert len(built["files"]) == 1
    both = by_flow()
    sender = await send(desk, both, folders(tmp_path, "amc", "amo"))
    assert (sender.sent, sender.dead) == (0, 1)
    assert await column(desk, "SELECT detail->>'code' FROM event WHERE name = 'file.dead'") == ["recipients_mixed"]
    assert os.listdir(tmp_path / "amc") + os.listdir(tmp_path / "amo") == []
    async with rows(desk) as con:
        await con.execute("UPDATE pgqueuer SET status = 'queued', execute_after = now()")
    sender = await send(desk, Recipients(both.by_name, (Route(to="amc"),)), folders(tmp_path, "amc", "amo"))
    assert (sender.sent, sender.dead) == (1, 0)
    assert os.listdir(tmp_path / "amc") == [built["files"][0]["name"]]


async def test_a_file_for_a_closed_recipient_waits_for_its_opening(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    closed = by_flow(schedule=Schedule(hours=("08:00-12:00",)))
    night = datetime(2027, 3, 27, 22, 0, tzinfo=PARIS).astimezone(UTC)
    sender = await send(desk, closed, folders(tmp_path, "amc", "amo"), lambda: night)
    assert (sender.sent, sender.dead, os.listdir(tmp_path / "amo")) == (0, 0, [])
    async with rows(desk) as con:
        (waits,) = await con.fetch(
            "SELECT status::text, attempts, extract(epoch FROM execute_after - now())::float AS delay_s FROM pgqueuer"
        )
        assert (waits["status"], waits["attempts"]) == ("queued", 0), "to wait is no try"
        # One hour is left out in this night.
        assert 9 * 3600 - 30 < waits["delay_s"] < 9 * 3600 + 15
        await con.execute("UPDATE pgqueuer SET execute_after = now()")
    morning = datetime(2027, 3, 28, 8, 0, tzinfo=PARIS).astimezone(UTC)
    sender = await send(desk, closed, folders(tmp_path, "amc", "amo"), lambda: morning)
    assert (sender.sent, len(os.listdir(tmp_path / "amo"))) == (1, 1)


async def test_a_worker_that_is_to_end_leaves_what_waits_and_says_so(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    file, in_three_days = tmp_path / "recipients.toml", DAYS[(paris_date(system_clock()).weekday() + 3) % 7]
    table = f'[recipients.one]\ntransport = "directory"\nfolder = "{tmp_path}"\n[recipients.one.schedule]\ndays = ["{in_three_days}"]\n'
    file.write_text(table, encoding="utf-8")
    child = start(desk, tmp_path / "home", "worker", "--once", DESMOS_RECIPIENTS=str(file))
    output, _ = await asyncio.to_thread(child.communicate, timeout=60)
    assert (child.returncode, output) == (0, b"0 sent, 0 given up, 1 wait for their recipient\n")


async def test_a_worker_shows_its_metrics(desk: Desk, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    child = start(desk, tmp_path / "home", "worker", "--metrics-port", str(port))
    try:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == b"desmos-fast worker is ready\n"
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            shown = await answer.text()
        assert 'desmos_files_dead_total{recipient="*"} 0.0' in shown and 'desmos_recipient_broken{recipient="*"} 0.0' in shown
    finally:
        child.terminate()
        await asyncio.to_thread(child.communicate, timeout=60)


async def test_a_worker_with_an_unsound_file_tells_its_faults_and_sends_nothing(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    file = tmp_path / "recipients.toml"
    for text, told in (
        ('transport = "ftp"\n', b"recipients.one.transport: what is sent could be read by anybody; use sftp"),
        ('transport = "directory"\nfolder = "/nowhere/at/all"\n', b"recipients.one.folder: there is no such folder"),
    ):
        file.write_text(f"[recipients.one]\n{text}", encoding="utf-8")
        child = start(desk, tmp_path / "home", "worker", "--once", DESMOS_RECIPIENTS=str(file))
        output, _ = await asyncio.to_thread(child.communicate, timeout=60)
        assert child.returncode == 1 and told in output and b"Traceback" not in output
    assert await column(desk, "SELECT state FROM file") == ["queued"]


async def test_one_recipient_that_is_away_costs_the_others_nothing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_RECIPIENTS", str(written(tmp_path)))
    await sign(desk, *["07_amc_apart"] * 8)
    await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    away = Away()
    both = by_flow(breaker=Breaker(failures=2, pause_s=900.0), pace=Pace(at_once=1))
    sender = await send(desk, both, folders(tmp_path, "amo") | {"amc": away})
    assert (sender.sent, sender.dead) == (8, 0)
    assert len(away.tried) == 2, "then it is left alone"
    assert sender.gates["amc"].broken and not sender.gates["amo"].broken
    async with rows(desk) as con:
        tries = sorted(row["attempts"] for row in await con.fetch("SELECT attempts FROM pgqueuer WHERE status = 'queued'"))
        assert len(tries) == 8 and sum(tries) == 2, "who was not tried has all of its tries"
        await con.execute("UPDATE pgqueuer SET execute_after = now()")
    assert b'desmos_recipient_broken{recipient="amc"} 1.0' in metrics.exposition()
    sender = await send(desk, both, folders(tmp_path, "amo", "amc"))
    assert (sender.sent, len(os.listdir(tmp_path / "amc"))) == (8, 8)
    assert b'desmos_recipient_broken{recipient="amc"} 0.0' in metrics.exposition()


async def test_a_concentrator_that_fails_one_time_in_three_has_each_file_once(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, *["01_ngap_visit"] * 20)
    built = await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    chance, did = random.Random(11), Counter[str]()
    keys, folder = tmp_path / "keys", tmp_path / "received"
    keys.mkdir()
    folder.mkdir()

    @web.middleware
    async def failing(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        kinds = ["dropped", "taken and dropped", "busy", "taken and garbled", "slow"]
        does = chance.choice(kinds) if chance.random() < 0.33 else "works"
        did[does] += 1
        if does == "busy":
            return web.Response(status=503)
        if does != "dropped":
            answer = await handler(request)
        if does == "slow":
            await asyncio.sleep(1.5)
        if "dropped" in does:
            assert request.transport is not None
            request.transport.abort()
        return answer if does == "works" else web.Response(status=201, body=b'{"name": "other.b2", "sha256": "00"}')

    authority = Authority(keys)
    client, server = authority.pair("client"), authority.pair("server")
    app = make_concentrator(folder)
    app.middlewares.append(failing)
    context = server_context(server.certificate_file, server.key_file, authority.file)
    async with test_https.listening(app, context) as url:
        patient = {"retries": Patience(tries=100, first_s=0.01, longest_s=0.05), "breaker": Breaker(failures=1000)}
        one = recipient("amo", pace=Pace(at_once=4), **patient)
        transport = test_https.transport(url, authority, client, timeout_s=1.0)
        sender = await send(desk, Recipients({"amo": one}, (Route(to="amo"),)), {"amo": transport})
    assert (sender.sent, sender.dead) == (20, 0) and did.total() - did["works"] >= 5, did
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        file["name"]: await content(desk, file["id"]) for file in built["files"]
    }
    assert len(await events(desk, "file.sent")) == 20


async def test_no_more_than_so_many_a_minute_are_sent(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, *["01_ngap_visit"] * 5)
    await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    begun = asyncio.get_running_loop().time()
    sender = await send(desk, by_flow(pace=Pace(per_minute=60)), folders(tmp_path, "amc", "amo"))
    assert (sender.sent, sender.dead) == (5, 0)
    assert asyncio.get_running_loop().time() - begun >= 4.0


async def test_a_dead_file_is_counted_by_the_name_of_its_recipient(desk: Desk, tmp_path: Path) -> None:
    def dead() -> float:
        return metrics.REGISTRY.get_sample_value("desmos_files_dead_total", {"recipient": "amo"}) or 0.0

    await sign(desk, "01_ngap_visit", order=903)
    await build(desk)
    before = dead()
    sender = await send(desk, by_flow(), {"amo": Away(), "amc": Away()})
    assert (sender.sent, sender.dead, dead()) == (0, 1, before + 1)
    assert len(await events(desk, "file.dead")) == 1
    shown = metrics.exposition().decode()
    assert desk.finess not in shown and person(903)[:13] not in shown


class Received(NamedTuple):
    """The other side of a transport: what to write of it in a file of recipients, and the content of each file that has an effect there."""

    table: str
    files: Callable[[], list[bytes]]
    given: Callable[[], int] = lambda: 2
    """How often something was given, where that can be told."""


@asynccontextmanager
async def other_side(kind: str, folder: Path, authority: Authority) -> AsyncIterator[Received]:
    """Run the other side of a transport."""
    client, server = (authority.pair(f"{kind}-{side}", kind="rsa") for side in ("client", "server"))
    keys = f'certificate_file = "{client.certificate_file}"\nkey_file = "{client.key_file}"\nca_file = "{authority.file}"\n'

    def there() -> list[bytes]:
        return [path.read_bytes() for path in folder.iterdir()]

    if kind == "cft":
        taken: dict[str, bytes] = {}

        def collected() -> list[bytes]:
            taken.update(collect(folder))
            return list(taken.values())

        yield Received(f'transport = "cft"\nfolder = "{folder}"\npartner = "P"\nidf = "I"\n', collected)
    elif kind == "https":
        context = server_context(server.certificate_file, server.key_file, authority.file)
        async with test_https.listening(make_concentrator(folder), context) as url:
            yield Received(f'transport = "https"\nurl = "{url}"\n{keys}', there)
    elif kind == "sftp":
        ssh = test_sftp.Keys(folder.parent)
        files = f'host_key_file = "{ssh.host_key_file}"\nkey_file = "{ssh.key_file}"\n'
        async with test_sftp.listening(ssh, folder) as port:
            yield Received(f'transport = "sftp"\nhost = "127.0.0.1"\nport = {port}\nuser = "desmos"\n{files}', there)
    else:
        box = test_smtp.Mailbox(server, authority)
        to = f'sender = "a@b.example"\nto = "box@payer.example"\nrecipient_certificate_file = "{server.certificate_file}"\n'
        async with test_smtp.listening(box, server) as port:
            table = f'transport = "smtp"\nhost = "127.0.0.1"\nport = {port}\n{to}{keys}'
            yield Received(table, lambda: [content for _, content in box.files.values()], lambda: len(box.seen))


@pytest.mark.parametrize("kind", ["cft", "smtp", "sftp", "https"])
async def test_a_worker_killed_after_it_gave_a_file_has_no_second_effect(desk: Desk, tmp_path: Path, kind: str) -> None:
    folder, keys = tmp_path / "received", tmp_path / "keys"
    folder.mkdir()
    keys.mkdir()
    await sign(desk, "01_ngap_visit")
    built = await build(desk)
    async with other_side(kind, folder, Authority(keys)) as there:
        file = tmp_path / "recipients.toml"
        file.write_text(f"[recipients.payer]\n{there.table}", encoding="utf-8")
        home, env = tmp_path / "home", {"DESMOS_RECIPIENTS": str(file)}
        killed = start(desk, home, "before the commit", "worker", module="tests.api.worker", **env)
        await asyncio.to_thread(killed.communicate, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert await events(desk, "file.sent") == [] and len(there.files()) == 1, "given, and not yet said"
        child = start(desk, home, "worker", "--once", **env)
        output, _ = await asyncio.to_thread(child.communicate, timeout=60)
        assert (child.returncode, output) == (0, b"1 sent, 0 given up\n")
        assert there.files() == [await content(desk, built["files"][0]["id"])]
        assert there.given() == 2
    assert len(await events(desk, "file.sent")) == 1 and await column(desk, "SELECT state FROM file") == ["sent"]
