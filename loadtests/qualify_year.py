# SPDX-License-Identifier: Apache-2.0
"""A year of bank credits of a large centre, qualified and judged by its truth: `python -m loadtests.qualify_year --invoices 1000000`.

Forty payers, two of them operators; orders and statements are invented at three levels of noise. It tells how many credits were confirmed,
how many wrongly, how many of those that pay something were found, by which rule, and how long that took. It shows no database and no real
bank.
"""

import argparse
import json
import time
from collections import Counter
from typing import Any

from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.model import Settings
from loadtests.machine import forget_peak, peak_memory
from tests.generators.labelled import LEVELS, Level
from tests.generators.labelled_year import labelled_year, qualified


def judge(seed: int, invoices: int, level: Level) -> dict[str, Any]:
    """Invent, qualify, compare."""
    year = labelled_year(seed, invoices, level)
    forget_peak()
    began = time.perf_counter()
    matches = decide_credits(year.bank, year.orders, year.payers, Settings())
    seconds = time.perf_counter() - began
    found = qualified(year, matches)
    return {
        "level": level, "seed": seed, "orders": len(year.orders), "bank lines": len(year.bank), "seconds": round(seconds, 2),
        "peak MiB": peak_memory() // 2**20, "confirmed": found.confirmed, "wrong": found.wrong, "found": found.found,
        "paying": found.paying, "doubtful": len(year.doubtful), "rules": dict(Counter(f"{match.rule} {match.status}" for match in matches)),
    }  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=1_000_000, help="How many invoices stand behind the orders.")
    parser.add_argument("--seeds", type=int, default=1, help="How many years a level.")
    asked = parser.parse_args()
    told = [judge(seed, asked.invoices, level) for level in LEVELS for seed in range(1, asked.seeds + 1)]
    for one in told:
        print(json.dumps(one))
    if any(one["wrong"] for one in told):
        raise SystemExit("a credit was confirmed wrongly")


if __name__ == "__main__":
    main()
