# SPDX-License-Identifier: Apache-2.0
"""Compare the kernel of pricing and its twin over many invoices, going on where a former run stopped."""

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.generators.pricing_compare import WANTED, compare

ROOT = Path(__file__).parents[2]
CODE = (
    "ext/pri*.so", "ext/tariffs*.so", "desmos_fast/billing/pricing/*.py", "desmos_fast/nomenclature/**/*.csv", "tests/oracle/pricing*.py",
    "tests/generators/pricing*.py", "tests/billing/pricing/packs.py",
)  # fmt: skip
EACH = 2000
SHOWN = 3


def fingerprint() -> str:
    """Return a digest of everything that is compared: blocks done with other code are done again."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in CODE for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def one(seed: int, count: int) -> dict[str, Any]:
    """Compare a block, and say in what JSON can hold what came of it."""
    found = compare(seed, count)
    return {
        "seed": seed, "count": count, "invoices": found.invoices, "acts": found.acts, "faults": found.faults, "different": found.different,
        "seen": found.seen, "differences": [repr(each) for each in found.differences[:SHOWN]],
    }  # fmt: skip


def results(blocks: list[tuple[int, int]], jobs: int, log: Path) -> Iterator[dict[str, Any]]:
    """Yield what each block gave, from the log where it stands there already."""
    log.parent.mkdir(parents=True, exist_ok=True)
    code = fingerprint()
    kept = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(each["seed"], each["count"]): each for each in kept if each["code"] == code}
    yield from (done[block] for block in blocks if block in done)
    left = [block for block in blocks if block not in done]
    with ProcessPoolExecutor(jobs) as pool, log.open("a") as lines:
        for found in pool.map(one, *zip(*left, strict=True)) if left else ():
            lines.write(json.dumps({**found, "code": code}) + "\n")
            lines.flush()
            yield found


def together(blocks: list[tuple[int, int]], jobs: int, log: Path) -> int:
    """Add up all blocks; say what differed, and what was never there. Returns the status of the command."""
    sums: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    start = time.perf_counter()
    console = Console(stderr=True)
    columns = (TextColumn("invoices compared"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[different]} different"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(count for _, count in blocks), different=0)
        for found in results(blocks, jobs, log):
            sums.update({name: found[name] for name in ("invoices", "acts", "faults", "different")})
            seen.update(found["seen"])
            for each in found["differences"]:
                bar.console.print(f"seed {found['seed']}: {each}", markup=False)
            bar.update(task, advance=found["count"], different=sums["different"])
    print(
        ", ".join(f"{sums[name]} {name}" for name in ("invoices", "acts", "faults", "different")) + f"; {time.perf_counter() - start:.0f} s"
    )
    for name, count in sorted(seen.items()):
        print(f"  {name}: {count}")
    lacks = sorted(WANTED - set(seen))
    for name in lacks:
        print(f"never there: {name}")
    return 1 if sums["different"] or lacks else 0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.generators.pricing", description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000, help=f"invoices, in blocks of {EACH}, each of a seed and a pack")
    options.add_argument("--seed", type=int, default=0, help="the first seed")
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    options.add_argument("--log", type=Path, default=ROOT / "build" / "priced.ndjson", help="what was compared already")
    given = options.parse_args()
    return together([(seed, EACH) for seed in range(given.seed, given.seed + -(-given.count // EACH))], given.jobs, given.log)


if __name__ == "__main__":
    sys.exit(main())
