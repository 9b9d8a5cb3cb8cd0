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
from loadtests import suite

ROOT = Path(__file__).parents[2]


def program(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "desmos_fast.cli", "bench", *arguments]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=100)


def test_the_command_and_the_benchmarks_have_the_same_names() -> None:
    assert tuple(suite.SUITES) == bench.NAMES


def test_a_suite_is_measured_and_told_in_json() -> None:
    ran = program("metrics", "--quick", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    [goal] = [row for row in told["goals"] if row["id"] == "G14"]
    assert goal["ratio"] > 0 and len(goal["ratios"]) == goal["rounds"] == suite.QUICK_ROUNDS
    assert told["machine"]["cores"] == os.cpu_count() and told["machine"]["probe_seconds"] > 0
    assert [race["name"] for race in told["races"]] == ["request"]
    assert "report: build/bench/report.html" in ran.stderr


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
