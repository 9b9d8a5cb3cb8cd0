# SPDX-License-Identifier: Apache-2.0
"""A service that goes away is told by a real Prometheus and Alertmanager, over the way that `deploy/prometheus` sets up.

Of the committed rules a page comes when 2 % of the budget of 30 days went, after 52 seconds; promtool plays that. Here a tenth of it
speaks, and each second is looked at: what makes the rules is the same, and so is all that stands between a service and a person. The
promise of 99.9 % around the clock is the one that a test can wait for at any hour.
"""

import asyncio
import contextlib
import datetime
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

from monitoring.slo import rules
from monitoring.slo.reading import FOLDER as CONTRACT
from monitoring.slo.reading import read_contract
from monitoring.slo.rules import rule_files
from monitoring.slo.yaml import dump
from tests.api import worker
from tests.api.conftest import Desk

ROOT: Final = Path(__file__).parents[2]
SET_UP: Final = ROOT / "deploy" / "prometheus"
RULES: Final = ROOT / "monitoring" / "rules"
# Those that count seconds; the others are the committed ones.
TIMED: Final = frozenset({"sli.yaml", "slo.yaml"})
PROGRAMS: Final = ("prometheus", "prometheus-alertmanager")
STEP_S: Final = 1
# A tenth of 2 % of 43.2 minutes, in seconds.
BURNT_S: Final = 0.002 * 43.2 * 60
# The 90 s within which the committed rules speak, less those of the budget that are not waited for.
PROMISED_S: Final = 90.0 - 0.018 * 43.2 * 60
LONG_S: Final = 90.0
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)), reason="not there: scripts/system-packages promtool prometheus-alertmanager"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Receiver:
    """What an Alertmanager tells."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.told += (await request.json())["alerts"]
        self.came.set()
        return web.Response()

    async def wait(self, name: str, limit_s: float) -> dict[str, Any]:
        """Return an alert once it is told."""
        async with asyncio.timeout(limit_s):
            while True:
                for alert in self.told:
                    if alert["labels"]["alertname"] == name and alert["labels"].get("basis") == "24x7":
                        return alert
                self.came.clear()
                await self.came.wait()


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, int]]:
    receiver = Receiver()
    app = web.Application()
    # Nothing but a page: tickets have another place.
    app.router.add_post("/pages", receiver.take)
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


def changed(path: Path, *pairs: tuple[str, str]) -> str:
    """Return a file of the set-up with some of its words changed, each of which must be there."""
    told = path.read_text(encoding="utf-8")
    for word, instead in pairs:
        assert word in told, word
        told = told.replace(word, instead)
    return told


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, service: int, alerts: int, receiver: int) -> None:
    """Write the set-up for ports of our own, and rules that look each second and let a tenth of what is burnt speak."""
    contract = shutil.copytree(CONTRACT, folder / "contract", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    settings = contract / "settings.toml"
    settings.write_text(changed(settings, ("budget_share = 0.02\n", "budget_share = 0.002\n")), encoding="utf-8")
    monkeypatch.setattr(rules, "STEP_S", STEP_S)
    made = rule_files(read_contract(contract))
    (folder / "rules").mkdir()
    for path in RULES.glob("*.yaml"):
        told = dump(made[path.name]) if path.name in TIMED else path.read_text(encoding="utf-8")
        (folder / "rules" / path.name).write_text(told, encoding="utf-8")
    ports = [("127.0.0.1:9093", f"127.0.0.1:{alerts}"), ("127.0.0.1:8080", f"127.0.0.1:{service}")]
    places = ("/etc/prometheus/desmos-fast/*.yaml", f"{folder}/rules/*.yaml")
    (folder / "prometheus.yml").write_text(changed(SET_UP / "prometheus.yml", *ports, places, ("interval: 15s", f"interval: {STEP_S}s")))
    (folder / "alertmanager.yml").write_text(changed(SET_UP / "alertmanager.yml", ("127.0.0.1:9099", f"127.0.0.1:{receiver}")))


async def test_an_outage_reaches_people_once_its_share_of_the_budget_went(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, prometheus, alerts = free_port(), free_port(), free_port()
    async with receiving() as (receiver, port):
        configure(tmp_path, monkeypatch, service, alerts, port)
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
                killed = time.time()
                served.send_signal(signal.SIGKILL)
                alert = await receiver.wait("DesmosBudgetBurnsFast", LONG_S)
                began = datetime.datetime.fromisoformat(alert["startsAt"]).timestamp()
                # Not at the first scrape that fails: once the share went, and no later than was promised.
                assert BURNT_S - 2 * STEP_S <= began - killed <= PROMISED_S
                assert (alert["status"], alert["labels"]["severity"], alert["labels"]["percent"]) == ("firing", "page", "99.9")
                assert alert["annotations"]["runbook"] == "docs/runbooks/availability.md#desmosbudgetburnsfast"
        finally:
            served.kill()
            served.wait(20)
            assert served.stdout is not None
            served.stdout.close()
