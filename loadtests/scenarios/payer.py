# SPDX-License-Identifier: Apache-2.0
"""A payer goes down for a third of the time: files wait, centres notice nothing, and all of it is delivered once afterwards."""

import asyncio
import contextlib
import hashlib
import re
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar, Final
from urllib.request import urlopen

from aiohttp import web

from desmos_fast.db.tenant import direct
from desmos_fast.demo.processes import Child
from desmos_fast.simulator.server import make_concentrator, server_context
from loadtests.scenarios import arrivals
from loadtests.scenarios.driver import Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Asked, Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.scenarios.town import Town, spread
from tests.lots.transports.authority import Authority

RECIPIENTS: Final = """
[recipients.payer]
transport = "https"
url = "https://127.0.0.1:{port}/files"
certificate_file = "{client.certificate_file}"
key_file = "{client.key_file}"
ca_file = "{authority.file}"
timeout_s = 5
[recipients.payer.retries]
tries = 100
first_s = 0.2
longest_s = 2
[recipients.payer.breaker]
failures = 3
pause_s = 1
[[routes]]
to = "payer"
"""
READY: Final = re.compile(rb"desmos-fast worker is ready")
START_S: Final = 60.0
BROKEN: Final = re.compile(rb'^desmos_recipient_broken\{recipient="payer"\} 1', re.MULTILINE)
PEOPLE: Final = 10.0
BUILDS: Final = 2.0
DOWN: Final = (0.3, 0.6)
LOOK_S: Final = 0.1
DRAIN_S: Final = 120.0
FILES: Final = "SELECT name, state, sha256 FROM file WHERE tenant_id = ANY($1)"


class Payer(Scenario):
    """The payer is away for a while."""

    name = "payer"
    says = "the payer is down from 30 % to 60 % of the time, while centres sign and build"
    centres: ClassVar[int] = 20
    judged = "people"
    apart = True

    def __init__(self, town: Town, asked: Asked) -> None:
        super().__init__(town, asked)
        assert town.place is not None
        self.folder: Path = town.place.folder.parent / "payer"
        self.received = self.folder / "received"
        self.broken = False
        self.waiting = 0
        self.drained_s = float("nan")

    def visits(self) -> list[Visit]:
        """Let people come, and centres build."""
        people = ordinary(self.draw, self.town.desks, PEOPLE * self.asked.load, self.asked.seconds, "people")
        pick = spread(self.draw, self.town.desks)
        times = arrivals.steady(self.draw, BUILDS * self.asked.load, self.asked.seconds)
        return people + [Visit(due, "builds", [pick().post("build lots", "/v1/lots:build", b"{}")]) for due in times]

    async def prepare(self) -> None:
        """Make the payer's keys and the file of recipients."""
        for folder in (self.folder, self.received):
            folder.mkdir(exist_ok=True)
        self.authority = Authority(self.folder)
        self.server, client = self.authority.pair("server"), self.authority.pair("client")
        with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.metrics = free.getsockname()[1], other.getsockname()[1]
        told = RECIPIENTS.format(port=self.port, client=client, authority=self.authority)
        (self.folder / "recipients.toml").write_text(told, encoding="utf-8")

    @contextlib.asynccontextmanager
    async def _up(self) -> AsyncIterator[None]:
        runner = web.AppRunner(make_concentrator(self.received), access_log=None)
        await runner.setup()
        context = server_context(self.server.certificate_file, self.server.key_file, self.authority.file)
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=context, reuse_address=True).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def beside(self) -> None:
        """Run a worker, take the payer away and bring it back, and wait until nothing is queued any more."""
        assert self.town.place is not None
        env = {**self.town.place.environment, "DESMOS_RECIPIENTS": str(self.folder / "recipients.toml")}
        worker = Child(["worker", "--metrics-port", str(self.metrics)], env, self.folder / "worker.log")
        began = time.monotonic()
        leaves, comes = (began + share * self.asked.seconds for share in DOWN)
        await asyncio.to_thread(worker.start)
        try:
            async with self._up():
                await asyncio.to_thread(worker.wait_for, READY, START_S)
                await asyncio.sleep(leaves - time.monotonic())
            while time.monotonic() < comes or not self.broken and time.monotonic() < comes + DRAIN_S:
                self.broken = self.broken or await asyncio.to_thread(self._is_broken)
                await asyncio.sleep(LOOK_S)
            waited = await self._queued()
            self.waiting = len(waited)
            async with self._up():
                back = time.monotonic()
                await self._drained(waited, back + DRAIN_S)
                self.drained_s = time.monotonic() - back
                await asyncio.sleep(began + self.asked.seconds - time.monotonic())
                await self._drained(None, time.monotonic() + DRAIN_S)
        finally:
            await asyncio.to_thread(worker.stop)

    def _is_broken(self) -> bool:
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            return BROKEN.search(answer.read()) is not None

    async def _files(self) -> list[tuple[str, str, str]]:
        assert self.town.place is not None
        async with direct(self.town.place.admin_dsn) as con:
            rows = await con.fetch(FILES, [desk.centre.tenant for desk in self.town.desks])
        return [(row["name"], row["state"], bytes(row["sha256"]).hex()) for row in rows]

    async def _queued(self) -> set[str]:
        return {name for name, state, _ in await self._files() if state == "queued"}

    async def _drained(self, names: set[str] | None, deadline: float) -> None:
        """Wait until files of these names, or all, are queued no more."""
        while (left := await self._queued()) and (names is None or left & names) and time.monotonic() < deadline:  # noqa: ASYNC110
            # The worker is a process of its own: there is nothing else to wait for.
            await asyncio.sleep(LOOK_S)

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """The breaker opened; nothing was lost, doubled or given up; nobody noticed."""
        files = await self._files()
        kept = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.received.glob("*.b2")}
        sent = {name: sha256 for name, state, sha256 in files if state == "sent"}
        queued, lost = sum(state != "sent" for _, state, _ in files), sorted(set(sent) - set(kept))
        return [
            Proof("the breaker left the payer alone", self.broken, f"{self.waiting} files waited when it came back"),
            Proof("nothing was lost, changed or given up", bool(sent) and sent == kept and not queued,
                  f"{len(files)} files built, {len(sent)} sent, {len(kept)} received, {len(lost)} of them missing"),
            Proof("what waited was delivered", not queued, f"{self.drained_s:.1f} s after the payer was back"),
            undisturbed(samples, "people"),
        ]  # fmt: skip
