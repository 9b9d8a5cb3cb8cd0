# SPDX-License-Identifier: Apache-2.0
"""What `deploy/` holds does what its pages say: units that systemd takes, a proxy that runs, a container file that names what is there."""

import asyncio
import ipaddress
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from typer.main import get_command

from api.server import Orders, open_port, serve
from desmos_fast.agents import wire
from desmos_fast.cli import app
from tests.api.conftest import Desk, House
from tests.api.crew import Line, Load
from tests.api.smuggling import ONE, REFUSED
from tests.api.test_limits import Handler, raw, spoken

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
PROGRAM = "/opt/desmos-fast/bin/desmos-fast"
HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")


def assert_is_a_command(words: list[str]) -> None:
    """Refuse a command, or an option of one, that the program does not have."""
    assert words[0].rpartition("/")[2] == "desmos-fast"
    command: Any = get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        command, *rest = command.commands[rest[0]], *rest[1:]
    known = {name for option in command.params for name in option.opts}
    assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_run_commands_that_there_are(unit: Path) -> None:
    text = unit.read_text()
    for command in re.findall(rf"^ExecStart=({PROGRAM} .*)$", text, re.MULTILINE):
        assert_is_a_command(shlex.split(command))
    assert unit.suffix == ".timer" or f"ExecStart={PROGRAM}" in text
    assert "User=root" not in text


@pytest.mark.parametrize("name", ["desmos-fast", "desmos-fast-worker"])
def test_what_is_to_run_always_is_never_given_up(name: str) -> None:
    """A start without its database ends within two seconds: any number of starts that systemd counts is used up by a short outage."""
    lines = (DEPLOY / "systemd" / f"{name}.service").read_text().splitlines()
    assert "StartLimitIntervalSec=0" in lines
    (restart,) = [line for line in lines if line.startswith("Restart=")]
    assert restart in ("Restart=on-failure", "Restart=always")
    (pause,) = [line for line in lines if line.startswith("RestartSec=")]
    assert int(pause.removeprefix("RestartSec=")) >= 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, str(ROOT / "scripts/desmos-fast")))
    units = [str(tmp_path / unit.name) for unit in UNITS]
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60)
    ours = [line for line in (run.stdout + run.stderr).splitlines() if "desmos-fast" in line]
    assert (run.returncode, ours) == (0, [])
    spoilt = tmp_path / UNITS[0].name
    spoilt.write_text(spoilt.read_text().replace("[Service]", "[Service]\nTypo=yes"))
    told = subprocess.run(["systemd-analyze", "verify", "--man=no", str(spoilt)], capture_output=True, text=True, timeout=60).stderr
    assert "Typo" in told, "it would say so"


def test_the_container_names_what_there_is() -> None:
    lines = (DEPLOY / "container" / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert copied and all((ROOT / path).exists() for path in copied)
    packages = {"ext", "desmos_fast", "api", "readers", "monitoring"}
    assert packages <= set(copied), "everything that the distribution holds"
    assert [line.split()[1] for line in lines if line.startswith("USER ")] == ["desmos-fast"]
    assert_is_a_command(json.loads(lines[-1].removeprefix("CMD ")))
    (health,) = [line for line in lines if line.startswith("HEALTHCHECK")]
    assert "/readyz" in health and "DESMOS_PORT" in health
    compile(json.loads(health[health.index("CMD ") + 4 :])[2], "HEALTHCHECK", "exec")
    # The other format of images has no place for it.
    assert "podman build --format docker " in lines[1] and "podman build --format docker " in (ROOT / "docs/how-to/deploy.md").read_text()


def test_the_page_says_what_lets_a_worker_write_elsewhere() -> None:
    unit = (DEPLOY / "systemd" / "desmos-fast-worker.service").read_text()
    line = "ReadWritePaths=/var/spool/cft/out"
    assert "ProtectSystem=strict" in unit and line in unit and line in (ROOT / "docs/how-to/deploy.md").read_text()
    assert 'folder = "/var/spool/cft/out"' in (ROOT / "docs/reference/transports.md").read_text(), "the folder of the example"


# --- HAProxy

with_haproxy = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy here: scripts/system-packages haproxy")


@dataclass
class Behind:
    """Two services behind the proxy."""

    house: House
    folder: Path
    ports: list[int]
    services: list[tuple[asyncio.Task[None], Orders] | None]
    seen: list[tuple[int, str, str | None]]
    proxy: int
    upgrades: list[str] = field(default_factory=list)

    async def start(self, place: int) -> None:
        """Have one service serve on its port, and believe the proxy."""
        application, orders, ready = self.house.application(), Orders(), asyncio.Event()

        @web.middleware
        async def spy(request: web.Request, handler: Handler) -> web.StreamResponse:
            if "Upgrade" in request.headers and request.path != wire.PATH:
                self.upgrades.append(request.path)
            if request.path != "/readyz":
                self.seen.append((place, request.path, request.remote))
            return await handler(request)

        application.middlewares.insert(0, spy)
        listeners = open_port("127.0.0.1", self.ports[place])
        self.ports[place] = listeners[0].getsockname()[1]
        trusted = (ipaddress.ip_network("127.0.0.1"),)
        task = asyncio.create_task(serve(application, listeners, orders, listening=ready.set, grace_s=2.0, proxies=trusted))
        await asyncio.wait_for(ready.wait(), 10)
        self.services[place] = task, orders

    async def stop(self, place: int) -> None:
        """Ask one service to leave, and wait until it has."""
        found = self.services[place]
        assert found is not None
        found[1].stop.set()
        await asyncio.wait_for(found[0], 30)
        self.services[place] = None

    async def up(self) -> None:
        """Wait until the proxy sends requests to both."""
        async with asyncio.timeout(20):
            while True:
                before = len(self.seen)
                for _ in range(4):
                    async with Line(self.proxy) as line:
                        await line.send("GET", "/livez")
                if {place for place, _, _ in self.seen[before:]} == {0, 1}:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def behind(house: House, folder: Path) -> AsyncIterator[Behind]:
    """Run the example with ports of this machine in place of those of a house, faster checks, and no certificate."""
    assert HAPROXY is not None
    (free,) = open_port("127.0.0.1", 0)
    proxy = free.getsockname()[1]
    free.close()
    one = Behind(house, folder, [0, 0], [None, None], [], proxy)
    for place in (0, 1):
        await one.start(place)
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    for shown, taken in (
        ("bind :443 ssl crt /etc/haproxy/desmos-fast.pem alpn h2,http/1.1", f"bind 127.0.0.1:{proxy}"),
        ("10.0.0.11:8080", f"127.0.0.1:{one.ports[0]}"), ("10.0.0.12:8080", f"127.0.0.1:{one.ports[1]}"),
        ("inter 1s fall 2 rise 2", "inter 200ms fall 5 rise 1"),
        ("log /dev/log local0 info", "log stdout format raw local0 emerg"), ("timeout http-request 5s", "timeout http-request 1s"),
    ):  # fmt: skip
        assert text.count(shown) == (2 if shown.startswith("10.") else 1), shown
        text = text.replace(shown, taken)
    config = folder / "haproxy.cfg"
    config.write_text(text)
    running = await asyncio.create_subprocess_exec(HAPROXY, "-f", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    await one.up()
                    break
                except (OSError, EOFError):
                    await asyncio.sleep(0.05)
        yield one
    finally:
        running.kill()
        await running.wait()
        for place, found in enumerate(one.services):
            if found is not None:
                await one.stop(place)


@with_haproxy
async def test_each_service_may_leave_and_come_back_behind_the_proxy(house: House, desk: Desk, tmp_path: Path) -> None:
    async with behind(house, tmp_path) as one:
        one.seen.clear()
        load = Load(desk, one.proxy, kept=3, fresh=2)
        running = asyncio.create_task(load.run())
        for place in (0, 1):
            await asyncio.sleep(0.3)
            await one.stop(place)
            await asyncio.sleep(0.3)
            one.seen.clear()
            await asyncio.sleep(0.3)
            assert {where for where, _, _ in one.seen} == {1 - place}, "the other one does everything"
            await one.start(place)
            await one.up()
        load.stop.set()
        await running
        assert load.failed == []
        assert load.written > 50 and await desk.count("invoice") == load.written


@with_haproxy
async def test_the_proxy_says_whose_a_request_is_and_lets_none_hide_in_another(house: House, desk: Desk, tmp_path: Path) -> None:
    async with behind(house, tmp_path) as one:
        await none_hides(one)
        one.seen.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", one.proxy, local_addr=("127.0.0.5", 0))
        line = Line(one.proxy, desk.key, (reader, writer))
        for _ in range(10):
            assert (await line.send("GET", "/v1/lots", X_Forwarded_For="203.0.113.9"))[0] == 200
        assert line.opened == 0, "its connection is kept"
        line.close()
        assert {address for _, _, address in one.seen} == {"127.0.0.5"}
        async with Line(one.ports[0], desk.key) as direct:
            assert (await direct.send("GET", "/metrics"))[0] == 200
        async with Line(one.proxy) as outside:
            assert (await outside.send("GET", "/metrics"))[0] == 404


@with_haproxy
async def test_the_agents_of_workstations_get_through_the_proxy(house: House, tmp_path: Path) -> None:
    async with behind(house, tmp_path) as one, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{one.proxy}{wire.PATH}") as channel:
            said = wire.from_service.decode((await channel.receive(timeout=5)).data)
            assert isinstance(said, wire.Challenge)
        one.seen.clear()
        async with session.get(f"http://127.0.0.1:{one.proxy}/v1/nothing", headers={"Connection": "Upgrade", "Upgrade": "h2c"}) as reply:
            assert (reply.status, one.upgrades) == (401, [])


async def none_hides(one: Behind) -> None:
    """Whatever the proxy makes of it: nothing hidden arrives, and who asks next gets the answer to his own."""
    async with Line(one.proxy) as next_one:
        for name, case in (REFUSED | ONE).items():
            statuses, _ = await spoken(one.proxy, raw(case), wait_s=0.15)
            # What the proxy itself read as two requests is two, and both answers are the sender's.
            assert "/hidden" not in [path for _, path, _ in one.seen] or len(statuses) == 2, name
            one.seen.clear()
            for turn in range(2):
                status, body = await next_one.send("GET", "/v1/nothing", X_Request_Id=f"mine-{turn}")
                assert status == 401 and f"mine-{turn}".encode() in body, name
