# SPDX-License-Identifier: Apache-2.0
"""`desmos-fast bench`: its names, its JSON, and what it says where there is nothing to measure."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from desmos_fast.commands import bench
from loadtests import command, gate, suite
from loadtests.model import Contender, Job, Outcome, Race, Sample

ROOT = Path(__file__).parents[2]


def program(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "desmos_fast.cli", "bench", *arguments]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=100)


def test_the_command_and_the_benchmarks_have_the_same_names() -> None:
    assert tuple(suite.SUITES) == bench.NAMES


def test_a_suite_is_measured_told_and_held_against_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(gate, "FOLDER", tmp_path / "baseline")
    monkeypatch.setattr(gate, "HISTORY", tmp_path / "kept.ndjson")
    assert command.run(["metrics"], quick=True, as_json=True, keep=True)
    said = capsys.readouterr()
    told = json.loads(said.out)
    [goal] = [row for row in told["goals"] if row["id"] == "G14"]
    assert goal["ratio"] > 0 and len(goal["ratios"]) == goal["rounds"] == suite.QUICK_ROUNDS
    assert told["machine"]["cores"] == os.cpu_count() and told["machine"]["probe_seconds"] > 0
    assert [race["name"] for race in told["races"]] == ["request"]
    assert "report.html" in said.err and goal["work"] in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "run.json").read_bytes().strip() == said.out.encode().strip()
    baseline = gate.read(gate.path_of(quick=True))
    assert baseline is not None and len(baseline.rows) == 3
    # Nothing is so fast: each run from now on is slower.
    faster = {key: gate.Point(point.id, ">=", (1e9,) * 3) for key, point in baseline.rows.items()}
    gate.write(gate.Baseline(baseline.day, baseline.revision, baseline.cpu, 2, True, faster), gate.path_of(quick=True))
    assert not command.run(["metrics"], quick=True, as_json=False, hold=True)
    assert "3 have become slower" in capsys.readouterr().err
    assert [len(path.read_bytes().splitlines()) for path in (tmp_path / "history.ndjson", tmp_path / "kept.ndjson")] == [2, 1]


def test_an_unknown_name_is_wrong_usage() -> None:
    ran = program("cooking")
    assert ran.returncode == 2 and "cooking" in ran.stderr and "codec" in ran.stderr


@pytest.mark.parametrize("asked", [("--centres", "1" + "0" * 20), ("--centres", "3", "--invoices-per-day", "1" + "0" * 20)])
def test_a_number_that_nobody_has_is_wrong_usage_and_takes_no_time(asked: tuple[str, ...]) -> None:
    ran = program("capacity", *asked)
    assert ran.returncode == 2 and asked[-2] in ran.stderr


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    for package in ("desmos_fast", "api", "monitoring", "ext"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    ran = program("pricing", root=tmp_path)
    assert ran.returncode == 3 and "make bench" in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize("module", ["loadtests", "numpy", "matplotlib"])
def test_the_program_does_not_load_the_benchmarks(module: str) -> None:
    code = f"import sys, desmos_fast.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.fixture
def toy_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two suites that are measured without a process, the first with something around it; what is measured is told."""
    measured: list[str] = []

    def measure(module: str, race: Race, *_: object, **__: object) -> dict[str, Outcome]:
        measured.append(f"{module} {race.name}")
        if os.environ.get("TOY_BREAKS") == race.name:
            raise OSError("no more of it")
        return {each.name: Outcome(10, (Sample(1e-6, 5e-8, 1),) * 3) for each in race.contenders}

    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(suite, "SUITES", {"around": ("around",), "bare": ("bare",)})
    monkeypatch.setattr(suite, "measure", measure)
    modules = {f"loadtests.suites.{name}": types.SimpleNamespace(RACES=(race(f"{name}-1"), race(f"{name}-2"))) for name in suite.SUITES}

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        measured.append("raised")
        try:
            yield
        finally:
            measured.append("taken down")

    modules["loadtests.suites.around"].surroundings = around
    monkeypatch.setattr(suite, "importlib", types.SimpleNamespace(import_module=modules.__getitem__))
    return measured


def race(name: str) -> Race:
    return Race(name, f"work of {name}", 10, 10, (Contender("ours", lambda _: Job(int)),), (Contender("peer", lambda _: Job(int)),), str)


def test_what_needs_something_around_it_comes_last_and_it_is_raised_once(toy_suites: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["around", "bare"], quick=True, as_json=True)
    of_bare, of_around = ([f"loadtests.suites.{name} {name}-{number}" for number in (1, 2)] for name in ("bare", "around"))
    assert toy_suites == [*of_bare, "raised", *of_around, "taken down"]
    said = capsys.readouterr()
    assert [row["race"] for row in json.loads(said.out)["goals"]] == ["around-1", "around-2", "bare-1", "bare-2"]
    assert [line.split(":")[0] for line in said.err.splitlines()][:2] == ["bare", "around"]


def test_what_breaks_says_why_and_is_all_that_is_measured_again(
    toy_suites: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOY_BREAKS", "bare-1")
    command.run(["around", "bare"], quick=True, as_json=True)
    said = capsys.readouterr()
    rows = {row["race"]: row for row in json.loads(said.out)["goals"]}
    assert rows["bare-1"]["ratio"] is None and rows["bare-1"]["reason"] == "ours: it broke: OSError: no more of it"
    assert rows["bare-2"]["ratio"] == rows["around-1"]["ratio"] == 1
    assert "bare: 0 s" in said.err and "not all of it could be measured" in said.err
    toy_suites.clear()
    monkeypatch.setenv("TOY_BREAKS", "")
    command.run(["around", "bare"], quick=True, as_json=True, resume=True)
    said = capsys.readouterr()
    assert toy_suites == ["loadtests.suites.bare bare-1", "loadtests.suites.bare bare-2"] and "around: stays" in said.err
    assert [row["ratio"] for row in json.loads(said.out)["goals"]] == [1, 1, 1, 1]


def test_who_is_told_to_end_takes_down_what_stands(toy_suites: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(suite, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        command.run(["around"], quick=True, as_json=False)
    assert toy_suites == ["raised", "taken down"] and signal.getsignal(signal.SIGTERM) is before


def test_an_interrupted_run_goes_on(toy_suites: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def raised_for(_: suite.Stage, module: str) -> None:
        if module.endswith("around"):
            raise KeyboardInterrupt

    def go(resume: bool = False) -> None:
        command.run(["around", "bare"], quick=True, as_json=False, resume=resume)

    with monkeypatch.context() as now:
        now.setattr(suite.Stage, "raised_for", raised_for)
        with pytest.raises(KeyboardInterrupt):
            go()
    toy_suites.clear()
    go(resume=True)
    assert "bare: stays" in capsys.readouterr().err
    assert toy_suites[1:3] == ["loadtests.suites.around around-1", "loadtests.suites.around around-2"]
    toy_suites.clear()
    # Another run owes nothing to the one before.
    go()
    assert len(toy_suites) == 6
