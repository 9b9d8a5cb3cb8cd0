# SPDX-License-Identifier: Apache-2.0
"""A service that goes away is told by a real Prometheus and Alertmanager, with the rules that are committed, in the promised time.

The promise of 99.9 % around the clock is the one that a test can wait for at any hour: what speaks in the service window alone is
played through promtool, which has its own clock.
"""

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from tests.api import worker
from tests.api.conftest import Desk

RULES: Final = Path(__file__).parents[2] / "monitoring" / "rules"
PROGRAMS: Final = ("prometheus", "prometheus-alertmanager")
# Four evaluations of 15 s burn 2 % of 43.2 minutes, the first of them up to 15 s later; the alert is looked at up to 15 s after the last.
PROMISED_S: Final = 90.0
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)), reason="not there: scripts/system-packages promtool prometheus-alertmanager"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Receiver:
    """What an Alertmanager tells."""

    def __init__(self) -> None:
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        for alert in (await request.json())["alerts"]:
            self.told.append((time.monotonic(), alert))
        self.came.set()
        return web.Response()

    async def wait(self, name: str, limit_s: float) -> tuple[float, dict[str, Any]]:
        """Return when an alert was told, and the alert."""
        async with asyncio.timeout(limit_s):
            while True:
                for at, alert in self.told:
                    if alert["labels"]["alertname"] == name and alert["labels"].get("basis") == "24x7":
                        return at, alert
                self.came.clear()
                await self.came.wait()


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, int]]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield receiver, port
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def running(log: Path, *command: str) -> Any:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


async def until_ready(url: str, limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.1)


async def query(port: int, expr: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": expr}) as reply:
        told = await reply.json()
    assert told["status"] == "success", told
    found: list[dict[str, Any]] = told["data"]["result"]
    return found


async def until_told(port: int, expr: str, limit_s: float) -> None:
    ends = time.monotonic() + limit_s
    while not await query(port, expr):
        assert time.monotonic() < ends, f"{expr} never came"
        await asyncio.sleep(0.5)


def configure(folder: Path, service: int, alerts: int, receiver: int) -> None:
    route = {"receiver": "test", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    receivers = [{"name": "test", "webhook_configs": [{"url": f"http://127.0.0.1:{receiver}/"}]}]
    (folder / "alertmanager.yml").write_text(json.dumps({"route": route, "receivers": receivers}))
    told = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "15s"},
        "rule_files": [str(RULES / "*.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alerts}"]}]}]},
        "scrape_configs": [{"job_name": "desmos-fast", "static_configs": [{"targets": [f"127.0.0.1:{service}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(told))


async def test_an_outage_reaches_people_within_the_promised_time(desk: Desk, tmp_path: Path) -> None:
    service, prometheus, alerts = free_port(), free_port(), free_port()
    async with receiving() as (receiver, port):
        configure(tmp_path, service, alerts, port)
        arguments = "serve", "--port", str(service), "--processes", "1"
        served = worker.start(desk, tmp_path / "home", *arguments, DESMOS_OWNER_DSN=desk.house.owner_dsn)
        try:
            await until_ready(f"http://127.0.0.1:{service}/readyz")
            alertmanager = (
                "prometheus-alertmanager", f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/am",
                f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address=",
            )  # fmt: skip
            server = (
                "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address=127.0.0.1:{prometheus}",
            )  # fmt: skip
            with running(tmp_path / "am.log", *alertmanager), running(tmp_path / "prometheus.log", *server):
                await until_ready(f"http://127.0.0.1:{prometheus}/-/ready")
                await until_told(prometheus, 'up{job="desmos-fast"} == 1 and on () desmos_service_window', 40)
                assert receiver.told == [] and await query(prometheus, 'ALERTS{alertstate="firing"}') == []
                [window] = await query(prometheus, "desmos_service_window")
                assert window["value"][1] in ("0", "1")
                killed = time.monotonic()
                served.send_signal(signal.SIGKILL)
                at, alert = await receiver.wait("DesmosBudgetBurnsFast", PROMISED_S + 5)
                assert at - killed <= PROMISED_S
                assert (alert["status"], alert["labels"]["severity"], alert["labels"]["percent"]) == ("firing", "page", "99.9")
                assert alert["annotations"]["runbook"] == "docs/runbooks/availability.md#desmosbudgetburnsfast"
        finally:
            served.kill()
            served.wait(20)
            assert served.stdout is not None
            served.stdout.close()
