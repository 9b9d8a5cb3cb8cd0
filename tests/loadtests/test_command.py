# SPDX-License-Identifier: Apache-2.0
"""`desmos-fast bench`: its names, its JSON, and what it says where there is nothing to measure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desmos_fast.commands import bench
from loadtests import command, gate, suite

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


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    for package in ("desmos_fast", "api", "monitoring", "ext"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    ran = program("pricing", root=tmp_path)
    assert ran.returncode == 3 and "make bench" in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize("module", ["loadtests", "numpy", "matplotlib"])
def test_the_program_does_not_load_the_benchmarks(module: str) -> None:
    code = f"import sys, desmos_fast.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
