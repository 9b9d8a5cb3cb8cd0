# SPDX-License-Identifier: Apache-2.0
"""Lots from columns of encoded invoices: our kernels beside plain Python, and beside polars for the grouping where it is installed.

Shows the cost a row in one thread, from columns in memory to the bytes of the file. It does not show encoding, nor the database.
The plain Python peer does the same work with sorted, itertools and b"".join; polars groups and sums, and lays out no file.
"""

import argparse
import itertools
import random
from array import array
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from desmos_fast.lots.codec import build_encoded
from desmos_fast.lots.model import LotSettings, Rows
from ext import lots
from loadtests.rounds import compare

LINE = 129
MOST = 200


def invented(count: int, places: int, seed: int = 1) -> Rows:
    """Columns of `count` invoices of 5 to 8 records over `places` destinations, in no order."""
    chance = random.Random(seed)
    records = [chance.choice((5, 5, 5, 6, 7, 8)) for _ in range(count)]
    starts = array("q", itertools.accumulate([0, *(LINE * number for number in records)]))
    caisses = [chance.randrange(100) * 10_000_000 + chance.randrange(1000) * 10_000 for _ in range(places)]
    fees = [chance.choice((3000, 2650, 7000, 12_000)) for _ in range(count)]
    return Rows(
        data=bytes(starts[-1]),
        starts=starts,
        destination=array("q", [chance.choice(caisses) for _ in range(count)]),
        amc_number=array("q", [0] * count),
        executor=array("q", [751_234_568] * count),
        flow=b"\x01" * count,
        security=bytes(chance.choice(b"SSSSSSSSSD") for _ in range(count)),
        fees=array("q", fees),
        amo=array("q", [fee * 7 // 10 for fee in fees]),
        amc=array("q", [0] * count),
    )


def plain_cut(rows: Rows) -> list[tuple[list[int], int, int, int, int]]:
    """What `arrange` does, as one would write it in Python."""
    keys = list(zip(rows.destination, rows.flow, rows.amc_number, rows.security, strict=True))
    found = []
    for _, members in itertools.groupby(sorted(range(len(keys)), key=keys.__getitem__), key=keys.__getitem__):
        while lot := list(itertools.islice(members, MOST)):
            records = sum(rows.starts[row + 1] - rows.starts[row] for row in lot) // LINE
            fees, amo, amc = [sum(column[row] for row in lot) for column in (rows.fees, rows.amo, rows.amc)]
            found.append((lot, fees, amo, amc, records))
    return found


def plain_file(rows: Rows) -> bytes:
    """A whole file in Python: the cut, headers and trailers by f-string, one join."""
    pieces = ["000".ljust(128).encode() + b"\n"]
    for number, (lot, fees, amo, amc, records) in enumerate(plain_cut(rows), 1):
        row = lot[0]
        place = f"{rows.destination[row]:09d}"
        head = f"1750000010{number % 1000:03d}{place}{place[2:5]}000{rows.flow[row]:02d}{chr(rows.security[row])}261121{0:010d}"
        tail = f"6750000010{number % 1000:03d}{len(lot):03d}{records + 2:08d}{fees:012d}{amo:012d}{amc:012d}{fees - amo:012d}"
        pieces.append(head.ljust(128).encode() + b"\n")
        pieces.extend(rows.data[rows.starts[row] : rows.starts[row + 1]] for row in lot)
        pieces.append(tail.ljust(128).encode() + b"\n")
    pieces.append("999".ljust(128).encode() + b"\n")
    return b"".join(pieces)


def arranged(rows: Rows) -> object:
    return lots.arrange(
        rows.destination, rows.flow, rows.amc_number, rows.security, rows.executor,
        rows.fees, rows.amo, rows.amc, rows.starts, LINE, MOST, False,
    )  # fmt: skip


def polars_cut(rows: Rows) -> Callable[[], object]:
    """The same grouping and sums as a lazy query over columns that polars already holds."""
    pl: Any = import_module("polars")
    ends = rows.starts[1:]
    frame = pl.DataFrame(
        {
            "destination": list(rows.destination), "flow": list(rows.flow), "amc_number": list(rows.amc_number),
            "security": list(rows.security), "fees": list(rows.fees), "amo": list(rows.amo), "amc": list(rows.amc),
            "records": [(end - start) // LINE for start, end in zip(rows.starts, ends, strict=False)],
        }
    ).with_row_index("row")  # fmt: skip
    key = ["destination", "flow", "amc_number", "security"]
    lot = (pl.int_range(pl.len()).over(key) // MOST).alias("lot")
    query = (
        frame.lazy().with_columns(lot).group_by([*key, "lot"], maintain_order=True)
        .agg(pl.col("row"), pl.col("fees").sum(), pl.col("amo").sum(), pl.col("amc").sum(), pl.col("records").sum())
        .sort([*key, "lot"])
    )  # fmt: skip
    run: Callable[[], object] = query.collect
    return run


def run(count: int, places: int, rounds: int) -> None:
    rows = invented(count, places)
    name = f"{count} rows, {places} destinations"
    compare(f"order, cut, sums: {name}", count, lambda: arranged(rows), lambda: plain_cut(rows), rounds)
    if find_spec("polars") is not None:
        compare(f"same, peer polars: {name}", count, lambda: arranged(rows), polars_cut(rows), rounds)
    if len(plain_cut(rows)) <= 999:
        settings = LotSettings(date="2026-11-21", max_invoices_per_lot=MOST, max_lots_per_file=999)
        compare(f"whole file: {name}", count, lambda: build_encoded(rows, "750000010", settings), lambda: plain_file(rows), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    rounds = 5 if quick else 9
    print(f"{rounds} rounds in turn; peers: plain Python{', polars' if find_spec('polars') else ' (polars is not installed)'}")
    for count, places in ((1_000, 10),) if quick else ((1_000, 10), (100_000, 100), (100_000, 20_000)):
        run(count, places, rounds)


if __name__ == "__main__":
    main()
