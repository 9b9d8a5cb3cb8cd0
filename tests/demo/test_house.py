# SPDX-License-Identifier: Apache-2.0
"""Child processes that end, hang or never get ready, and how it is said."""

import re
import signal
from pathlib import Path

import pytest

from desmos_fast.demo import house as houses
from desmos_fast.demo.house import House
from desmos_fast.demo.processes import Child, ChildFailed
from desmos_fast.demo.service import next_day


def test_a_child_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    child = Child(["no-such-command"], {}, tmp_path / "logs" / "child.log")
    child.start()
    with pytest.raises(ChildFailed, match="no-such-command` ended with status 2") as told:
        child.wait_for(re.compile(rb"never"), 30)
    assert "No such command" in told.value.hint
    child.stop()


def test_only_what_this_start_said_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"http://127.0.0.1:1 from an earlier start\n")
    child = Child(["--help"], {}, log)
    child.start()
    assert child.wait_for(re.compile(rb"http://|Usage"), 30) == "Usage"
    assert log.read_bytes().startswith(b"http://127.0.0.1:1 from an earlier start\n")
    child.stop()


def test_a_child_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    child = Child(["worker", "--wait", "60"], {"DESMOS_DATA_DIR": str(tmp_path)}, tmp_path / "child.log")
    child.start()
    with pytest.raises(ChildFailed, match="not ready after 0 s"):
        child.wait_for(re.compile(rb"never"), 0.1)
    child.check()
    child.stop()
    # Before the program can take the signal, it ends by it.
    with pytest.raises(ChildFailed, match=f"status (-{signal.SIGTERM:d}|{128 + signal.SIGTERM})"):
        child.check()


def test_a_house_that_cannot_start_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    house = House(tmp_path / "data")
    house.service.log = tmp_path / "serve.log"
    with pytest.raises(ChildFailed, match="serve --port 0 --grace 0 --processes 1` ended with status 1"), house:
        raise AssertionError("a house without a folder does not open")
    assert house.service.process is not None and house.service.process.poll() == 1
    assert house.worker.process is None


def test_a_command_of_the_house_that_fails_says_why(tmp_path: Path) -> None:
    house = House(tmp_path)
    with pytest.raises(ChildFailed, match="`desmos-fast centre` ended with status 3") as told:
        house.command("centre", "add", "750000010", "--name", "X")
    assert "not running" in told.value.hint


def test_a_command_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(houses, "COMMAND_TIMEOUT_S", 0.01)
    with pytest.raises(ChildFailed, match="more than 0 s"):
        House(tmp_path).command("--help")


def test_days_are_numbered_after_the_last_one(tmp_path: Path) -> None:
    assert next_day(tmp_path) == (1, tmp_path / "days" / "001")
    (tmp_path / "days" / "041").mkdir()
    (tmp_path / "days" / "notes").mkdir()
    assert next_day(tmp_path) == (42, tmp_path / "days" / "042")
    assert (tmp_path / "days" / "042").is_dir()
