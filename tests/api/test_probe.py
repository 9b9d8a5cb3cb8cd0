# SPDX-License-Identifier: Apache-2.0
"""The probe against a service that works, one that is away, and one that is slow; in a process of its own it shows metrics."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from desmos_fast.base.clock import system_clock
from desmos_fast.client import Client, Retries
from desmos_fast.simulator import probe as module
from desmos_fast.simulator.probe import Probe
from tests.api.conftest import Desk
from tests.api.test_alerting import free_port
from tests.api.worker import ROOT


def client(desk: Desk, key: str | None = None) -> Client:
    return Client(desk.house.url, key or desk.key, retries=Retries(tries=1))


async def test_a_round_signs_for_good_only_now_and_then(desk: Desk) -> None:
    async with client(desk) as http:
        probe = Probe(http, desk.finess, system_clock, sign_every=3)
        rounds = [await probe.round() for _ in range(4)]
    assert [one.good for one in rounds] == [True] * 4, rounds
    assert [one.steps.keys() - {"try", "preview"} for one in rounds] == [{"sign"}, set(), set(), {"sign"}]
    assert await desk.count("invoice") == 2


async def test_two_bad_rounds_of_three_are_an_outage_and_one_is_none(desk: Desk) -> None:
    async with client(desk) as http:
        probe = Probe(http, desk.finess, system_clock, sign_every=100)
        assert (await probe.round()).good and not probe.failing
        await desk.house.wire.cut()
        one = await probe.round()
        assert (one.good, one.fault) == (False, "unreachable") and not probe.failing
        await desk.house.wire.mend()
        assert (await probe.round()).good and not probe.failing
        await desk.house.wire.cut()
        outcomes = [((await probe.round()).good, probe.failing)]
        await desk.house.wire.mend()
        outcomes += [((await probe.round()).good, probe.failing) for _ in range(3)]
    # Bad, good, bad: two of the last three; then the first of them is no longer among them.
    assert outcomes == [(False, True), (True, False), (True, False), (True, False)]


async def test_what_is_refused_is_told_by_its_code_and_names_nobody(desk: Desk) -> None:
    async with client(desk, "dsf_test_" + "A" * 43) as http:
        found = await Probe(http, desk.finess, system_clock).round()
    assert (found.good, found.fault) == (False, "refused")


async def test_what_is_slow_is_bad(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    async with client(desk) as http:
        found = await Probe(http, desk.finess, system_clock).round()
    assert (found.good, found.fault) == (False, "slow")


def command(desk: Desk, key: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "desmos_fast.cli", "probe", desk.house.url, "--centre", desk.finess, "--key-file", str(key), "--every", "1",
        *more,
    ]  # fmt: skip


@pytest.fixture
def key(desk: Desk, tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(desk.key + "\n")
    return path


async def test_the_command_makes_one_round_or_many_and_shows_metrics(desk: Desk, key: Path) -> None:
    done = await asyncio.to_thread(subprocess.run, command(desk, key, "--once"), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, json.loads(done.stdout)["good"]) == (0, True), done.stderr
    port = free_port()
    # A second later, as it takes its numbers from the clock.
    await asyncio.sleep(1.1)
    running = await asyncio.create_subprocess_exec(
        *command(desk, key, "--metrics-port", str(port)), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    rounds: list[dict[str, Any]] = [json.loads(await asyncio.wait_for(running.stdout.readline(), 30)) for _ in range(2)]
    assert all(one["good"] for one in rounds)
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/metrics") as reply:
        shown = await reply.text()
    good = [text for text in shown.splitlines() if text.startswith('desmos_probe_rounds_total{outcome="good"')]
    counted = sum(float(text.rsplit(" ", 1)[1]) for text in good)
    assert counted >= 2 and 'desmos_probe_failing{transaction="invoice"} 0.0' in shown
    running.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running.wait(), 20) == 0


async def test_a_live_key_is_refused_and_a_service_that_is_away_is_status_3(desk: Desk, tmp_path: Path, key: Path) -> None:
    live = tmp_path / "live"
    live.write_text("dsf_live_" + "A" * 43)
    done = await asyncio.to_thread(subprocess.run, command(desk, live, "--once"), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "test key" in done.stderr
    away = [part if part != desk.house.url else f"http://127.0.0.1:{free_port()}" for part in command(desk, key, "--once")]
    done = await asyncio.to_thread(subprocess.run, away, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, json.loads(done.stdout)["fault"]) == (3, "unreachable")
