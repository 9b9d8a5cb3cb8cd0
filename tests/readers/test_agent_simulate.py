# SPDX-License-Identifier: Apache-2.0
"""`agent simulate`: each kind of trouble, seen by `agent read` as a user would see it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from readers.simulator import cards
from readers.simulator.chaos import BadScript, Insert, Pause, read_script
from readers.simulator.service import OWN_PORT
from tests.readers.bench import SECOND, Bench
from tests.readers.test_agent_read import code, ended, start

pytestmark = pytest.mark.together
ROOT: Final = Path(__file__).parents[2]


def play(folder: Path, *steps: dict[str, Any], options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a script."""
    script = folder / "script.ndjson"
    script.write_text("\n".join(map(json.dumps, steps)), encoding="utf-8")
    command = [sys.executable, "-m", "desmos_fast.cli", "agent", "simulate", str(script), "--port", str(OWN_PORT), *options]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=-1, stderr=-1, text=True)


def lines(running: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Wait for a script and return what it told."""
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"at": 5, "kind": "pull"}, "CARD_REMOVED"), ({"at": 0, "kind": "swap", "seed": 9}, "CARD_REMOVED"),
        ({"at": 2, "kind": "stall", "seconds": 0.2}, None),
    ],
)  # fmt: skip
def test_a_fault_happens_where_the_script_says(bench: Bench, tmp_path: Path, fault: dict[str, Any], expected: str | None) -> None:
    reading = start("--timeout", "20")
    commands = fault["at"] + 1 if expected else 10
    wait = {"do": "wait", "seconds": 10, "commands": commands}
    running = play(tmp_path, {"do": "insert", "seed": 3, "fault": fault}, wait, {"do": "wait", "seconds": 0.3})
    found = ended(reading)
    assert code(found) == expected if expected else found[1]["identity"] == cards.invented(3).expected()
    told = lines(running)
    assert [line.get("do") for line in told] == ["insert", "wait", "wait", None]
    assert told[-1]["commands"][1] == commands


def test_another_program_holds_the_card_and_lets_it_go(bench: Bench, tmp_path: Path) -> None:
    wait, hold = {"do": "wait", "seconds": 0.8}, {"do": "hold", "reader": SECOND, "seconds": 3}
    running = play(tmp_path, {"do": "insert"}, wait, hold, {"do": "wait", "seconds": 20, "commands": 10})
    assert running.stdout is not None
    assert [json.loads(running.stdout.readline())["do"] for _ in range(3)] == ["insert", "wait", "hold"]
    assert code(read_with("--timeout", "0.3")) == "CARD_BUSY"
    assert read_with("--timeout", "10")[1]["identity"] == cards.invented(0).expected()
    assert lines(running)


def read_with(*options: str) -> tuple[int, Any, list[str]]:
    """Run `agent read`."""
    return ended(start(*options))


def test_a_service_of_its_own_is_killed_and_started_and_the_card_is_read(bench: Bench, tmp_path: Path) -> None:
    bench.service.stop()
    reading = start("--timeout", "20")
    told = lines(
        play(
            tmp_path,
            {"do": "insert", "seed": 5, "fault": {"at": 4, "kind": "kill"}},
            {"do": "wait", "seconds": 8, "commands": 5},
            {"do": "wait", "seconds": 0.3},
            {"do": "start"},
            {"do": "insert", "seed": 6},
            {"do": "wait", "seconds": 8, "commands": 10},
            options=("--service-command", " ".join(bench.service.command)),
        )
    )
    # The first card was never read to its end; what was read of it is dropped with the service.
    assert ended(reading)[1]["identity"] == cards.invented(6).expected()
    assert told[-1]["commands"] == [0, 10]


def test_a_service_is_killed_by_its_process_id(bench: Bench, tmp_path: Path) -> None:
    assert lines(play(tmp_path, {"do": "kill"}, options=("--service-pid", str(bench.service.pid))))
    assert bench.service.pid is None


def test_what_cannot_be_done_is_said(bench: Bench, tmp_path: Path) -> None:
    running = play(tmp_path, {"do": "kill"})
    assert "no card service that may be killed" in running.communicate(timeout=30)[1] and running.returncode == 3
    bench.service.stop()
    running = play(tmp_path, {"do": "insert"})
    assert "there are no virtual readers here" in running.communicate(timeout=30)[1] and running.returncode == 3


def test_a_script_is_read_whole_before_anything_is_done() -> None:
    text = b'{"do":"insert","slot":0,"card":"cps3"}\n\n{"do":"wait","commands":4}\n'
    assert read_script(text) == [Insert(slot=0, card="cps3"), Pause(commands=4)]
    for wrong in (b'{"do":"explode"}', b'{"do":"pull","slot":2}', b'{"do":"insert","person":1}', b"insert", b"[]"):
        with pytest.raises(BadScript, match="line 2"):
            read_script(b'{"do":"pull"}\n' + wrong)
