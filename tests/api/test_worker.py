# SPDX-License-Identifier: Apache-2.0
"""Files that leave: by the worker as a real child process, killed where it hurts, and by a transport that fails."""

import asyncio
import io
import os
import random
import signal
import stat
import subprocess
import time
from pathlib import Path
from uuid import UUID

import orjson
import pytest

from desmos_fast.lots import jobs
from desmos_fast.lots.recipients.model import Patience
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import Parcel, TransportFailed
from tests.api.conftest import Desk, person
from tests.api.post import build, column, content, drain, events, shares, sign
from tests.api.worker import start

pytestmark = pytest.mark.usefixtures("empty_queue")

QUICK = Patience(tries=3, first_s=0.05, longest_s=0.1)


def mailed(home: Path) -> Path:
    return home / "letterbox" / "to_payers"


async def ended(child: "subprocess.Popen[bytes]", timeout_s: float = 60.0) -> tuple[int, str]:
    output, _ = await asyncio.to_thread(child.communicate, timeout=timeout_s)
    return child.returncode, output.decode()


async def once(desk: Desk, home: Path) -> tuple[int, str]:
    return await ended(start(desk, home, "worker", "--once"))


async def assert_sent_once(desk: Desk, folder: Path) -> None:
    """Every file of the centre is in the folder with the bytes that the service shows, and was said to be sent once."""
    files = [str(name) for name in await column(desk, "SELECT id FROM file ORDER BY sequence")]
    names = await column(desk, "SELECT name FROM file ORDER BY sequence")
    assert sorted(name for name in os.listdir(folder) if desk.finess in name) == sorted(names)
    for file, name in zip(files, names, strict=True):
        assert (folder / name).read_bytes() == await content(desk, file)
    assert sorted(subject for _, subject in await events(desk, "file.sent")) == sorted(UUID(file) for file in files)
    assert set(await column(desk, "SELECT state FROM file")) == {"sent"} == set(await column(desk, "SELECT state FROM lot"))
    assert {tuple(states) for _, *states in await shares(desk)} == {("sent", "sent")}
    assert len(await events(desk, "share.sent")) == len(await shares(desk))


async def test_a_worker_of_its_own_sends_what_waits_and_ends(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", "02_dental_ccam", "07_amc_apart")
    await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    status, output = await once(desk, tmp_path / "home")
    assert (status, output) == (0, "4 sent, 0 given up\n")
    await assert_sent_once(desk, mailed(tmp_path / "home"))
    for path in (mailed(tmp_path / "home"), mailed(tmp_path / "home").parent, *mailed(tmp_path / "home").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0, path
    assert await column(desk, "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'send_file'") == [0]
    assert await once(desk, tmp_path / "home") == (0, "0 sent, 0 given up\n")


@pytest.mark.parametrize("point", ["before the folder", "inside the folder", "after the folder", "before the commit"])
async def test_a_worker_killed_at_its_worst_loses_and_doubles_nothing(desk: Desk, tmp_path: Path, point: str) -> None:
    await sign(desk, "02_dental_ccam")
    await build(desk)
    home = tmp_path / "home"
    killed = start(desk, home, point, "worker", module="tests.api.worker")
    assert (await ended(killed))[0] == -signal.SIGKILL
    assert await events(desk, "file.sent") == []
    begun = time.monotonic()
    status, output = await once(desk, home)
    assert (status, output) == (0, "1 sent, 0 given up\n")
    assert time.monotonic() - begun < 15, "another worker takes the job within seconds"
    await assert_sent_once(desk, mailed(home))


async def test_a_worker_killed_amid_its_files_loses_and_doubles_nothing(desk: Desk, tmp_path: Path) -> None:
    await desk.post("/v1/invoices:batch", b"\n".join(orjson.dumps(desk.invoice()) for _ in range(40)))
    await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    home, said = tmp_path / "home", [0]
    for most in (3, 11, 23):
        child = start(desk, home, "worker")
        # Killed while it is at it: some files are in the folder and not yet said to be sent, some are begun.
        while len(os.listdir(mailed(home)) if mailed(home).exists() else ()) < most:  # noqa: ASYNC110
            await asyncio.sleep(random.uniform(0.0, 0.01))
        child.kill()
        await ended(child)
        said.append(len(await events(desk, "file.sent")))
    status, output = await once(desk, home)
    assert (status, output) == (0, f"{40 - said[-1]} sent, 0 given up\n")
    assert said == sorted(said) and 0 < said[-1] < 40, said
    await assert_sent_once(desk, mailed(home))


async def test_a_worker_that_is_asked_to_stop_ends_well(desk: Desk, tmp_path: Path) -> None:
    child = start(desk, tmp_path / "home", "worker")
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == b"desmos-fast worker is ready\n"
    await sign(desk, "01_ngap_visit")
    await build(desk)
    async with asyncio.timeout(20):
        while not await events(desk, "file.sent"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    assert await ended(child, 20) == (0, "")
    await assert_sent_once(desk, mailed(tmp_path / "home"))


async def test_a_worker_without_a_database_says_so_and_ends(desk: Desk, tmp_path: Path) -> None:
    await desk.house.wire.cut()
    status, output = await ended(start(desk, tmp_path / "home", "worker", "--wait", "0.5"))
    assert status == 3 and output.startswith("desmos-fast: the database is away") and "Traceback" not in output


class Failing:
    """A transport that fails so many times, then works."""

    def __init__(self, folder: Path, times: int) -> None:
        self.port, self.times, self.tries = DirectoryTransport(folder), times, 0

    async def put(self, parcel: Parcel) -> None:
        """Fail, or hand over."""
        self.tries += 1
        if self.tries <= self.times:
            raise TransportFailed("the folder is away")
        await self.port.put(parcel)


async def test_a_transport_that_fails_is_tried_again(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    sender = await drain(desk, Failing(tmp_path, 2), QUICK)
    assert (sender.sent, sender.dead) == (1, 0)
    await assert_sent_once(desk, tmp_path)


async def test_a_file_that_cannot_be_sent_is_dead_held_and_sent_after_all(desk: Desk, tmp_path: Path, log: io.StringIO) -> None:
    await sign(desk, "01_ngap_visit", order=903)
    built = await build(desk)
    failing = Failing(tmp_path, 4)
    sender = await drain(desk, failing, QUICK)
    assert (sender.sent, sender.dead, failing.tries) == (0, 1, QUICK.tries)
    assert await column(desk, "SELECT state FROM file") == ["dead"]
    assert [subject for _, subject in await events(desk, "file.dead")] == [UUID(built["files"][0]["id"])]
    assert await shares(desk) == [("amo", "lotted", "lotted")], "its shares stay in their lot"
    assert built["files"][0]["id"] in log.getvalue() and person(903)[:13] not in log.getvalue()
    status, output = await ended(start(desk, tmp_path / "home", "jobs", "list", "--json"))
    held = orjson.loads(output)
    assert (status, held["job"], held["for"]["file"], held["reason"]) == (0, "send_file", built["files"][0]["id"], "the folder is away")
    assert (await ended(start(desk, tmp_path / "home", "jobs", "retry", "--all"))) == (0, "1 to be tried again\n")
    sender = await drain(desk, failing, QUICK)
    assert (sender.sent, sender.dead) == (1, 0)
    await assert_sent_once(desk, tmp_path)


async def test_only_a_held_job_is_tried_again(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    (waiting,) = await column(desk, "SELECT id FROM pgqueuer")
    status, output = await ended(start(desk, tmp_path / "home", "jobs", "retry", str(waiting)))
    assert (status, output.splitlines()[0]) == (1, f"desmos-fast: no job {waiting} is held")
    assert await ended(start(desk, tmp_path / "home", "jobs", "list")) == (0, "")


async def test_another_file_under_the_name_is_never_overwritten(desk: Desk, tmp_path: Path) -> None:
    """What will not get better is not tried again."""
    await sign(desk, "01_ngap_visit")
    built = await build(desk)
    other = tmp_path / built["files"][0]["name"]
    other.write_bytes(b"another file")
    sender = await drain(desk, tmp_path, QUICK)
    assert (sender.sent, sender.dead) == (0, 1)
    assert other.read_bytes() == b"another file"
    assert await column(desk, "SELECT detail->>'code' FROM event WHERE name = 'file.dead'") == ["transport_name_taken"]


async def test_a_database_that_goes_away_does_not_cost_a_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    monkeypatch.setattr(jobs, "DATABASE_PAUSE_S", 0.05)
    wire, loop = desk.house.wire, asyncio.get_running_loop()

    class Cutting(Failing):
        async def put(self, parcel: Parcel) -> None:
            await super().put(parcel)
            if self.tries == 1:
                await wire.cut()
                loop.call_later(1.0, lambda: mending.append(asyncio.ensure_future(wire.mend())))

    mending: list[asyncio.Future[None]] = []
    await drain(desk, Cutting(tmp_path, 0))
    await asyncio.gather(*mending)
    await assert_sent_once(desk, tmp_path)
    assert await column(desk, "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'send_file'") == [0]


def test_the_longest_wait_between_tries_doubles_up_to_its_limit() -> None:
    patience = Patience(tries=12, first_s=1.0, longest_s=300.0)
    assert [patience.longest_delay_s(tried) for tried in (0, 1, 2, 8, 9, 10, 5000)] == [1, 2, 4, 256, 300, 300, 300]
