# SPDX-License-Identifier: Apache-2.0
"""The service in several processes over the database of the tests, and clients on raw sockets that try nothing twice."""

import asyncio
import itertools
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk
from tests.api.worker import ROOT, environment

START_S: Final = 110.0
LISTENING: Final = re.compile(rb"desmos-fast listens on http://127\.0\.0\.1:([0-9]+)\n")


@dataclass
class Crew:
    """One service: the process that watches over those that serve, and its port."""

    watcher: "asyncio.subprocess.Process"
    port: int

    def pids(self) -> set[int]:
        """Return the processes that serve."""
        try:
            children = Path(f"/proc/{self.watcher.pid}/task/{self.watcher.pid}/children").read_text().split()
        except FileNotFoundError:
            return set()
        return {int(pid) for pid in children}

    async def replaced(self) -> None:
        """Have every process replaced, and wait until it is."""
        before = self.pids()
        self.watcher.send_signal(signal.SIGHUP)
        async with asyncio.timeout(START_S):
            while self.pids() & before or len(self.pids()) != len(before):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def full(self, but: set[int], size: int) -> None:
        """Wait until `size` processes serve, none of them of `but`."""
        async with asyncio.timeout(START_S):
            while self.pids() & but or len(self.pids()) != size:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def ended(self, within_s: float = 30.0) -> int:
        """Wait for the end of the service, and return its status."""
        async with asyncio.timeout(within_s):
            return await self.watcher.wait()

    async def counts(self) -> dict[str, float]:
        """Scrape the metrics on a connection of its own."""
        async with Line(self.port) as line:
            status, body = await line.send("GET", "/metrics")
        assert status == 200
        samples = re.findall(r"^([a-z][^ ]*) ([^ ]+)$", body.decode(), re.MULTILINE)
        return {name: float(value) for name, value in samples}


@dataclass
class Line:
    """A connection that sends one request after the other; anything but a whole answer is an error of the test."""

    port: int
    key: str = ""
    _ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)
    opened: int = 0

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._ends is not None:
            self._ends[1].transport.abort()
            self._ends = None

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send one request and read its answer; a new connection is opened only where the last answer closed the one before."""
        if self._ends is None:
            self._ends = await asyncio.open_connection("127.0.0.1", self.port)
            self.opened += 1
        reader, writer = self._ends
        given = {"Host": "t", "Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            given["Authorization"] = f"Bearer {self.key}"
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return await self.answer(reader)

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        """Read one answer."""
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = re.search(r"content-length: ([0-9]+)", head)
            assert length is not None, head
            answer = await reader.readexactly(int(length[1]))
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), answer


@asynccontextmanager
async def crew(desk: Desk, home: Path, *, processes: int = 2, grace_s: float = 0.3, **more: str) -> AsyncIterator[Crew]:
    """Run the service, with `more` in its environment; whatever happens nothing of it is left."""
    env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn, "TMPDIR": str(home)} | more
    pepper = home / "secrets" / "api_keys"
    if not pepper.exists():
        pepper.touch(mode=0o600)
        pepper.write_bytes((load().data_dir / "secrets" / "api_keys").read_bytes())
    watcher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "desmos_fast.cli", "serve", "--port", "0", "--processes", str(processes), "--grace", str(grace_s),
        "--connections", "4", cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    pids: set[int] = set()
    try:
        assert watcher.stdout is not None
        async with asyncio.timeout(START_S):
            said = LISTENING.fullmatch(await watcher.stdout.readline())
        assert said is not None
        running = Crew(watcher, int(said[1]))
        yield running
        pids = running.pids()
    finally:
        if watcher.returncode is None:
            watcher.kill()
            await watcher.wait()
        for pid in pids:
            assert await gone(pid), "a process outlives who watches over it"


def runs(pid: int) -> bool:
    """Say whether there is a process `pid` that has not ended: one that nobody waited for is still listed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int, within_s: float = 10.0) -> bool:
    """Wait until there is no process `pid`, and say whether there is none."""
    for _ in range(int(within_s / 0.02)):
        if not runs(pid):
            return True
        await asyncio.sleep(0.02)
    return False


@dataclass
class Load:
    """Clients that write invoices and look at them until told to stop; `kept` keep their connection, `fresh` open one each time."""

    desk: Desk
    port: int
    kept: int = 3
    fresh: int = 2
    pause_s: float = 0.03
    written: int = 0
    looked: int = 0
    failed: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run every client."""
        await asyncio.gather(*(self._client(keeping=place < self.kept) for place in range(self.kept + self.fresh)))

    async def _client(self, *, keeping: bool) -> None:
        line = Line(self.port, self.desk.key)
        for turn in itertools.count():
            if self.stop.is_set():
                line.close()
                return
            try:
                await self._turn(line, turn)
            except (OSError, EOFError, TimeoutError, AssertionError) as error:
                self.failed.append(repr(error))
                line.close()
            if not keeping:
                line.close()
            await asyncio.sleep(self.pause_s)

    async def _turn(self, line: Line, turn: int) -> None:
        if turn % 2:
            status, _ = await line.send("GET", "/v1/lots")
            assert status == 200, status
            self.looked += 1
        else:
            key = {"Idempotency_Key": str(uuid7())}
            status, body = await line.send("POST", "/v1/invoices", orjson.dumps(self.desk.invoice()), **key)
            assert status == 201, (status, body)
            self.written += 1
