# SPDX-License-Identifier: Apache-2.0
"""Compare kernels and twins over many seeds, in several processes, going on where a former run stopped: `python -m tests.generators`."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.generators.compare import Comparison, compare

ROOT = Path(__file__).parents[2]
CODE = (
    "ext/*.so", "desmos_fast/billing/**/*.py", "desmos_fast/exchange/**/*.py", "desmos_fast/exchange/**/*.csv", "tests/oracle/*.py",
    "tests/generators/*.py",
)  # fmt: skip
SHOWN = 20


def fingerprint() -> str:
    """Return a digest of everything that is compared: seeds done with other code are done again."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in CODE for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def one(seed: int, count: int) -> dict[str, Any]:
    found = compare(seed, count)
    differences = [{"form": each.form, "given": repr(each.given), "expected": repr(each.expected), "actual": repr(each.actual)}
                   for each in found.differences[:SHOWN]]  # fmt: skip
    return {
        "seed": seed, "count": count, "counts": found.counts, "milliseconds": found.milliseconds, "coverage": vars(found.coverage),
        "different": len(found.differences), "differences": differences,
    }  # fmt: skip


def apart(seed: int, count: int) -> dict[str, Any]:
    """Compare one seed in a process of its own; one in four takes the way of processors without wide stores."""
    command = [sys.executable, "-m", "tests.generators", "--one", str(seed), "--count", str(count)]
    way = {"DESMOS_SIMD": "portable"} if seed % 4 == 3 else {}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env={**os.environ, **way})
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def results(seeds: range, count: int, jobs: int, log: Path) -> Iterator[dict[str, Any]]:
    """Yield what each seed gave, from the log where it stands there already."""
    log.parent.mkdir(parents=True, exist_ok=True)
    code = fingerprint()
    kept = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {each["seed"]: each for each in kept if (each["code"], each["count"]) == (code, count) and each["seed"] in seeds}
    yield from done.values()
    with ThreadPoolExecutor(jobs) as pool, log.open("a") as lines:
        for found in pool.map(lambda seed: apart(seed, count), [seed for seed in seeds if seed not in done]):
            lines.write(json.dumps({**found, "code": code}) + "\n")
            lines.flush()
            yield found


def together(seeds: range, count: int, jobs: int, log: Path) -> Comparison:
    """Add up all seeds, saying each on the way; a difference is printed with what gives it."""
    total, different = Comparison(), 0
    start = time.perf_counter()
    for found in results(seeds, count, jobs, log):
        total.counts.update(found["counts"])
        total.milliseconds.update(found["milliseconds"])
        for name, values in found["coverage"].items():
            total.coverage.update(name, values)
        total.differences += found["differences"]
        different += found["different"]
        print(f"seed {found['seed']}: {sum(found['counts'].values())} compared, {found['different']} different", flush=True)
        for each in found["differences"]:
            print(json.dumps(each), flush=True)
    print(f"{dict(total.counts)}: {different} different; {time.perf_counter() - start:.0f} s")
    print(f"seconds of one core: { {name: round(spent / 1000) for name, spent in total.milliseconds.items()} }")
    print(total.coverage.told())
    return total


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.generators", description=__doc__)
    options.add_argument("--seeds", type=int, default=100, help="how many")
    options.add_argument("--count", type=int, default=10_000, help="invoices of each seed")
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    options.add_argument("--log", type=Path, default=ROOT / "build" / "compared.ndjson", help="what was compared already")
    options.add_argument("--one", type=int, help="compare this seed alone and write its figures")
    given = options.parse_args()
    if given.one is not None:
        print(json.dumps(one(given.one, given.count)))
        return 0
    total = together(range(given.seeds), given.count, given.jobs, given.log)
    return 1 if total.differences or total.coverage.lacks() else 0


if __name__ == "__main__":
    sys.exit(main())
