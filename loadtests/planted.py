# SPDX-License-Identifier: Apache-2.0
"""Is a slowdown caught, and is noise not? `python -m loadtests.planted --suites metrics lots --percent 30 --runs 10`.

Cheap suites are measured and become the baseline of a copy of the tree. There they are run again so many times, and once with work added
inside what is timed of ours: a loop that takes so much longer. The gate must be silent on the former and name rows of the latter.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loadtests.machine import ROOT

COPIED: Final = ("desmos_fast", "api", "ext", "monitoring", "readers", "loadtests", "tests", "setup.py", "pyproject.toml", ".venv")
TIMED: Final = """        job.run()
        found.append((clock() - start) / job.items)
"""
SLOWED: Final = """        job.run()
        ours = sys.argv[3] in os.environ["OURS"].split("|")
        until = start + (clock() - start) * (1 + ours * float(os.environ["PLANTED"]) / 100)
        while clock() < until:
            pass
        found.append((clock() - start) / job.items)
"""


def copy(folder: Path) -> None:
    """Copy the tree, with a place in it for added work."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if name == ".venv":
            target.symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.c", "golden", "crashers"))
        else:
            shutil.copy(source, target)
    child = folder / "loadtests" / "child.py"
    text = child.read_text(encoding="utf-8")
    if TIMED not in text:
        raise LookupError("the place of what is timed has changed")
    child.write_text(text.replace(TIMED, SLOWED).replace("import json\n", "import json\nimport os\n", 1), encoding="utf-8")


def bench(folder: Path, suites: Sequence[str], percent: float, *options: str) -> tuple[int, dict[str, Any], str]:
    """Run the benchmark of a copy; return its status, its record, and what the gate said."""
    env = {**os.environ, "PYTHONPATH": str(folder), "PLANTED": str(percent), "OURS": "kernel|compiled|build"}
    command = [sys.executable, "-m", "desmos_fast.cli", "bench", *suites, "--quick", "--json", *options]
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    return ran.returncode, json.loads(ran.stdout), ran.stderr


def main() -> None:
    """Run it; the status is 1 when noise failed or the slowdown did not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", nargs="+", default=["metrics", "lots"], help="those whose ours is a kernel, timed by its processor")
    parser.add_argument("--percent", type=float, default=30.0, help="how much longer ours takes")
    parser.add_argument("--runs", type=int, default=10, help="how many runs of the same speed")
    parser.add_argument("--out", type=Path, help="a file for the ratios of every run, as the tests replay them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="desmos-planted-") as name:
        folder = Path(name)
        copy(folder)
        shutil.rmtree(folder / "loadtests" / "baseline", ignore_errors=True)
        _, base, _ = bench(folder, given.suites, 0, "--keep")
        noisy = [bench(folder, given.suites, 0, "--gate") for _ in range(given.runs)]
        status, slow, said = bench(folder, given.suites, given.percent, "--gate")
    alarms = [text for failed, _, text in noisy if failed]
    print(f"{len(alarms)} of {given.runs} runs of the same speed were taken for slower", *alarms, sep="\n")
    print(f"{given.percent:g} % planted: status {status}", said, sep="\n")
    if given.out:
        runs = {"base": base, "noise": [found for _, found, _ in noisy], "slow": slow}
        for found in (base, slow, *(found for _, found, _ in noisy)):
            found["races"] = []
        given.out.write_bytes(gzip.compress(json.dumps(runs).encode(), mtime=0))
    raise SystemExit(bool(alarms) or status != 1)


if __name__ == "__main__":
    main()
