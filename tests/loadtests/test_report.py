# SPDX-License-Identifier: Apache-2.0
"""The JSON, the table, the fingerprint, the chart."""

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from loadtests import chart, machine, record, report
from loadtests.judge import NOTHING_YET, Row
from loadtests.suite import Measured

NAMED = ("id", "work", "peer", "ours", "peer_value", "ratio", "goal", "stretch", "met", "spread", "rounds")
GOOD = Row(
    id="G4", work="objects", peer="f-strings", ours=5e-7, peer_value=2e-5, ratio=40.0, goal=30.0, stretch=45.0, met=True, gate=True,
    spread=0.1, rounds=7, direction=">=", memory=3 << 20,
)  # fmt: skip
OPEN = Row(id="G8", work="subset", peer="CP-SAT", goal=1.0, direction="<=", reason=NOTHING_YET)
SHOWN = Row(id=None, work="seal", peer="row by row", ours=1e-7, peer_value=2e-7, ratio=2.0, spread=0.0, rounds=5, reason="no goal")


def test_the_json_has_the_keys_that_others_rely_on() -> None:
    told = json.loads(msgspec.json.encode(record.of({"cpu": "one"}, [Measured("toys", None, {}, (GOOD, OPEN))])))
    assert list(told) == ["machine", "goals", "races"]
    assert all(tuple(row)[: len(NAMED)] == NAMED for row in told["goals"])
    assert told["goals"][0]["ratio"] == 40.0 and told["goals"][0]["met"] is True
    assert told["goals"][1]["met"] is None and told["goals"][1]["reason"] == NOTHING_YET


def test_the_table_says_what_came_of_each() -> None:
    late = Row(id="G5", work="one", peer="", ours=1e-6, ratio=1.1, goal=1.0, met=False, gate=True, direction="<=", spread=0.0)
    bad = Row(id="G5", work="two", peer="", ours=1e-6, ratio=1.3, goal=1.0, met=False, gate=False, direction="<=", spread=0.0)
    best = Row(id="G6", work="lots", peer="", ours=1e-6, ratio=0.1, goal=0.35, stretch=0.2, met=True, gate=True, direction="<=", spread=0.0)
    assert [report.verdict(row) for row in (GOOD, OPEN, SHOWN, late, bad, best)] == [
        "met", NOTHING_YET, "", "within the margin", "NOT MET", "stretch",
    ]  # fmt: skip
    again = msgspec.structs.replace(GOOD, refused=1200)
    shown = msgspec.structs.replace(SHOWN, refused=1)
    assert [report.verdict(row) for row in (again, shown)] == ["met; 1,200 refused and asked again", "1 refused and asked again"]
    console = Console(width=200, file=io.StringIO())
    with console.capture() as capture:
        console.print(report.table([GOOD, OPEN]))
    text = capture.get()
    assert "500 ns" in text and "20 µs" in text and "≥ 30" in text and NOTHING_YET in text and "3.0 MiB" in text
    narrow = Console(width=80, file=io.StringIO())
    with narrow.capture() as capture:
        narrow.print(report.table([GOOD, OPEN], wide=False))
    assert "3.0 MiB" not in capture.get() and "≥ 30" in capture.get() and "40" in capture.get()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "s", "-"), (1.5, "s", "1.5 s"), (0.0125, "s", "12.5 ms"), (3.2e-10, "s", "0.32 ns"), (3 * 2**20, "B", "3.0 MiB")],
)
def test_values_are_readable(value: float | None, unit: str, text: str) -> None:
    assert report.amount(value, unit) == text


def test_the_fingerprint_names_no_host_and_no_path() -> None:
    told = machine.fingerprint()
    assert {"cpu", "cores", "memory_bytes", "kernel", "python", "libraries", "compiler", "flags", "revision"} <= set(told)
    text = json.dumps(told)
    assert "/" not in text and str(Path.home()) not in text
    assert socket.gethostname() not in text.replace(str(told["kernel"]), "")
    assert "-O" in str(told["flags"])


def test_the_probe_is_work_of_a_known_result(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < machine.probe() < 1e-5
    monkeypatch.setattr(machine, "PROBE_RESULT", 0)
    with pytest.raises(ArithmeticError):
        machine.probe()


MEMORY = """
from loadtests.machine import forget_peak, peak_memory
before = peak_memory()
block = b"x" * (64 << 20)
held = peak_memory()
del block
still = peak_memory()
forget_peak()
print(held - before, still - held, peak_memory() - before)
"""


def test_peak_memory_is_that_of_this_process_until_it_is_forgotten() -> None:
    parent = bytearray(b"x" * (128 << 20))
    ran = subprocess.run([sys.executable, "-c", MEMORY], cwd=machine.ROOT, capture_output=True, text=True, timeout=60, check=True)
    grown, still, forgotten = (int(number) / 2**20 for number in ran.stdout.split())
    assert 60 < grown < 80 and len(parent) == 128 << 20, "what a parent holds is no part of it"
    assert abs(still) < 1 and abs(forgotten) < 8


def test_bars_are_times_the_goal_or_times_the_peer() -> None:
    lower = Row(id="G6", work="lots", peer="polars", ratio=0.1, goal=0.35, met=True, gate=True, direction="<=")
    assert [chart.reach(row) for row in (GOOD, lower, SHOWN, OPEN)] == [40 / 30, pytest.approx(3.5), 2.0, None]
    near, far = (Row(id="G1", work="", peer="", met=False, gate=gate) for gate in (True, False))
    assert len({chart.colour(row) for row in (GOOD, near, far, SHOWN)}) == 4


def test_the_chart_is_drawn_when_there_is_something_to_draw(tmp_path: Path) -> None:
    target = tmp_path / "below" / "bench.svg"
    pytest.importorskip("matplotlib")
    known = {"cpu": "one", "cores": 2, "python": "3", "revision": "r"}
    assert not chart.draw([OPEN], known, target) and not target.exists()
    assert chart.draw([GOOD, OPEN, SHOWN], known, target)
    assert "<svg" in target.read_text(encoding="utf-8")
