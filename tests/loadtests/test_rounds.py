# SPDX-License-Identifier: Apache-2.0
"""Processes and rounds: who is timed, who is not and why, and in what order."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loadtests import child, rounds
from loadtests.model import Outcome, Race
from tests.loadtests import toys

MODULE = "tests.loadtests.toys"
SUM, WEIGHT, NO_ANSWER, GROWTH, ASKED, FRESH, SLOW = toys.RACES


def measured(race: Race, count: int = 2, told: list[str] | None = None) -> dict[str, Outcome]:
    return rounds.measure(MODULE, race, count, 0.001, quick=True, told=(told if told is not None else []).append)


def test_each_round_takes_everyone_in_turn_and_who_failed_no_more() -> None:
    told: list[str] = []
    outcomes = measured(SUM, 3, told)
    names = [line.removeprefix("sum: ") for line in told]
    assert names[:4] == [f"{name}, round 1 of 3" for name in ("formula", "loop", "wrong", "broken")]
    assert names[4:] == [f"{name}, round {number} of 3" for number in (2, 3) for name in ("formula", "loop")]
    assert [len(outcomes[name].samples) for name in ("formula", "loop")] == [3, 3]
    assert all(sample.value > 0 and sample.probe > 0 and sample.memory > 1 << 20 for sample in outcomes["loop"].samples)


def test_a_wrong_result_is_not_timed() -> None:
    outcome = measured(SUM)["wrong"]
    assert outcome.samples == ()
    assert "not the right one" in outcome.reason


def test_what_breaks_says_how_and_what_is_not_installed_says_so() -> None:
    outcomes = measured(SUM)
    assert outcomes["broken"].reason == "it broke: ValueError: no such thing"
    assert outcomes["absent"].reason == "no_such_module_at_all is not installed"


def test_without_an_answer_nobody_is_timed() -> None:
    assert measured(NO_ANSWER)["formula"] == Outcome(1, (), "it broke: ZeroDivisionError: integer division or modulo by zero")


def test_a_value_may_be_read_from_the_result() -> None:
    outcomes = measured(WEIGHT)
    assert [sample.value for sample in outcomes["large"].samples] == [55.0, 55.0]
    assert [sample.value for sample in outcomes["small"].samples] == [45.0, 45.0]


def test_sizes_are_those_of_the_race_unless_a_contender_has_its_own() -> None:
    assert [rounds.size_of(GROWTH, each, quick=False) for each in GROWTH.contenders] == [100, 1_000, 10_000, 100_000]
    assert [rounds.size_of(GROWTH, each, quick=True) for each in GROWTH.contenders] == [10, 100, 1_000, 10_000]
    assert [rounds.size_of(WEIGHT, each, quick=False) for each in WEIGHT.contenders] == [101, 10]


@pytest.mark.parametrize("race", [WEIGHT, FRESH], ids=lambda race: race.name)
def test_every_sample_has_a_process_of_its_own(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    begin = subprocess.Popen

    def watched(command: list[str], **options: Any) -> Any:
        started.append(command)
        return begin(command, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    measured(race, 2)
    names = [each.name for each in race.contenders]
    assert [command[5] for command in started][:2] == ["answer", "answer"]
    assert [command[5] for command in started][2:] == names * 2
    assert all(command[:3] == [sys.executable, "-m", "loadtests.child"] for command in started)


def test_a_run_that_is_timed_more_than_once_gives_its_median(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 4.0, 0.0, 1.0, 0.0, 2.0])
    monkeypatch.setitem(child.CLOCKS, "processor", lambda: next(times))
    monkeypatch.setattr(sys, "stdin", ["\n"])
    child.main([MODULE, "sum", "formula", "10", "0", child.digest(45)])
    ready, found = map(json.loads, capsys.readouterr().out.splitlines())
    assert ready == {"again": True} and found["value"] == 0.2


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the contenders whose processes are started, as they are."""
    started: list[str] = []
    begin = subprocess.Popen

    def watched(command: list[str], **options: Any) -> Any:
        started.append(command[5])
        return begin(command, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    return started


def test_a_process_that_stays_is_proved_once_and_timed_in_each_round(started: list[str]) -> None:
    told: list[str] = []
    outcomes = rounds.measure(MODULE, SUM, 3, 0.001, quick=True, told=told.append, stay=True)
    assert [started.count(name) for name in ("formula", "loop", "wrong", "broken")] == [1, 1, 1, 1]
    assert told[4:6] == ["sum: formula, round 2 of 3", "sum: loop, round 2 of 3"]
    assert [len(outcomes[name].samples) for name in ("formula", "loop")] == [3, 3]
    assert outcomes["broken"].reason == "it broke: ValueError: no such thing" and "not the right one" in outcomes["wrong"].reason


def test_what_cannot_be_run_again_has_a_new_process_each_time() -> None:
    outcomes = rounds.measure(MODULE, WEIGHT, 2, 0.001, quick=True, told=lambda _: None, stay=True)
    assert [sample.value for sample in outcomes["large"].samples] == [55.0, 55.0]


def test_what_begins_anew_each_time_stays_and_is_proved_each_time(started: list[str]) -> None:
    outcomes = rounds.measure(MODULE, FRESH, 3, 0.001, quick=True, told=lambda _: None, stay=True)
    assert [started.count(name) for name in ("sound", "unsound")] == [1, 1]
    assert [sample.value for sample in outcomes["sound"].samples] == [1.0, 2.0, 3.0]
    assert outcomes["unsound"].samples == () and "not the right one" in outcomes["unsound"].reason


def test_who_says_nothing_is_ended_with_all_that_he_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    monkeypatch.setenv("SLEEPER", str(told))
    monkeypatch.setattr(rounds, "PATIENCE", 8)
    outcomes = rounds.measure(MODULE, SLOW, 2, 0.001, quick=True, told=lambda _: None)
    assert outcomes["asleep"] == Outcome(1, (), "it did not end within 8 s")
    deadline = time.monotonic() + 60
    while alive(int(told.read_text(encoding="ascii"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


def test_latencies_are_kept_as_shares() -> None:
    [sample] = measured(ASKED, 1)["asked"].samples
    assert [sample.latency[share] for share in ("p1", "p50", "p99", "p99.9")] == [1, 50, 99, 100]
    assert sample.refused == 7


def test_digests_tell_results_apart() -> None:
    assert child.digest(b"12") == child.digest(bytearray(b"12")) == child.digest(memoryview(b"12"))
    assert len({child.digest(each) for each in (b"12", "12", 12, (1, 2), [1, 2], [b"12"])}) == 6
