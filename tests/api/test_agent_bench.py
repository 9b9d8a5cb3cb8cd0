# SPDX-License-Identifier: Apache-2.0
"""From a card that is put into a virtual reader to the answer of the API: the agent as its own program, the card service as it comes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from readers.simulator import cards
from readers.simulator.vpcd import Fault
from tests.api.conftest import Desk
from tests.api.test_readers import ask, frames
from tests.api.worker import ROOT
from tests.api.workstations import new_code, readers_of, until
from tests.readers.bench import FIRST, SECOND, Bench
from tests.readers.conftest import bench, service

__all__ = ("bench", "service")
pytestmark = pytest.mark.together


def _start(command: list[str], env: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as errors:
        return subprocess.Popen(command, cwd=ROOT, env=env, stderr=errors)


@pytest.fixture
async def agent(desk: Desk, bench: Bench, tmp_path: Path) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Enrol a workstation and run its agent, both by the command line; it ends when it is told to, and never logs what a card says."""
    command, folder, log = [sys.executable, "-m", "desmos_fast.cli", "agent"], str(tmp_path / "agent"), tmp_path / "log"
    screen = tmp_path / "screen" / "notify-send"
    screen.parent.mkdir()
    screen.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/shown\n', encoding="utf-8")
    screen.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{screen.parent}:{os.environ['PATH']}"}
    enrol = [*command, "enrol", "--service", desk.house.url, "--folder", folder]
    typed = (await new_code(desk, "Accueil 3") + "\n").encode()
    done = await asyncio.to_thread(subprocess.run, enrol, cwd=ROOT, env=env, input=typed, capture_output=True, timeout=60)
    assert done.returncode == 0 and b"Accueil 3 is enrolled" in done.stdout, done.stderr
    running = _start([*command, "run", "--folder", folder], env, log)
    try:
        yield running
    finally:
        running.terminate()
        assert await asyncio.to_thread(running.wait, 10) == 128 + 15
    said = log.read_text(encoding="utf-8")
    assert "Traceback" not in said and "99999" not in said and "card_inserted" in said, said


async def readers(desk: Desk) -> dict[str, str]:
    """Wait for both readers, and return their ids."""
    found = await until(lambda: readers_of(desk), lambda found: sum(one["online"] for one in found) == 2, 15)
    return {one["name"]: one["id"] for one in found}


async def test_a_card_is_read_when_it_comes(desk: Desk, bench: Bench, agent: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    person, other = cards.invented(1), cards.invented(2)
    there, now = await readers(desk), asyncio.get_running_loop().time
    asked = asyncio.create_task(ask(desk, there[SECOND], 20))
    await asyncio.sleep(0.3)
    assert not asked.done()
    began = now()
    await asyncio.to_thread(bench.slots[1].insert, cards.vitale2(person))
    reply = await asked
    took = now() - began
    assert (reply.status, reply.json["card"], reply.json["identity"]) == (200, "vitale2", person.expected())
    # The card service looks every 400 ms.
    assert took < 3
    # Another card, in the other slot; both at once.
    await bench.put(0, cards.vitale2(other))
    both = await asyncio.gather(ask(desk, there[FIRST]), ask(desk, there[SECOND]))
    assert [one.json["identity"] for one in both] == [other.expected(), person.expected()]
    notices = tmp_path / "shown"
    notices.touch()
    shown = await until(lambda: asyncio.to_thread(notices.read_text), lambda said: said.count("\n") == 3)
    assert shown.count("Une carte a été lue") == 3 and FIRST in shown and SECOND in shown and "99999" not in shown
    stream = frames(desk.house.url, desk, **{"Last-Event-ID": "0"})
    told = [await anext(stream) for _ in range(7)]
    await stream.aclose()
    assert [one["event"] for one in told[1:]] == [
        "agent_started", "service_up", "reader_added", "reader_added", "card_inserted", "card_inserted",
    ]  # fmt: skip


async def test_a_card_that_is_torn_out_and_a_service_that_dies_have_their_codes_and_pass(
    desk: Desk, bench: Bench, agent: "subprocess.Popen[bytes]"
) -> None:
    person = cards.invented(3)
    there = await readers(desk)
    await bench.put(0, cards.vitale2(person), Fault(at=3, kind="pull"))
    assert (await ask(desk, there[FIRST])).code == "card_removed"
    await asyncio.to_thread(bench.service.kill)
    assert (await ask(desk, there[FIRST], 1)).code in ("pcsc_service", "reader_away")
    await asyncio.to_thread(bench.service.start)
    there = await readers(desk)
    await bench.put(0, cards.vitale2(person))
    assert (await ask(desk, there[FIRST])).json["identity"] == person.expected()
