# SPDX-License-Identifier: Apache-2.0
"""Lots from columns of encoded invoices, in one thread, from columns in memory to the bytes of the file.

Plain Python does the same work with sorted, itertools and b"".join; numpy and polars order, cut and sum, and lay out no file. It does
not show encoding, nor the database.
"""

import itertools
from array import array
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from desmos_fast.lots.codec import build_encoded
from desmos_fast.lots.kernel import cut
from desmos_fast.lots.model import LotSettings, Rows
from loadtests.model import Contender, Job, Race, growing

LINE: Final = 129
DAY: Final = "2026-11-21"
MOST: Final = 200
PLACES: Final = 100
KEY: Final = ("destination", "flow", "amc_number", "security")
SUMS: Final = ("fees", "amo", "amc", "records")
Longs = npt.NDArray[np.int64]


def invented(count: int, places: int = PLACES, laid_out: bool = False) -> Rows:
    """Return columns of invoices of 5 to 8 records over some destinations, in no order; with bytes for the records if asked."""
    chance = np.random.default_rng(1)
    starts = np.concatenate(([0], np.cumsum(LINE * chance.choice((5, 5, 5, 6, 7, 8), count))))
    caisses = chance.integers(0, 100, places) * 10_000_000 + chance.integers(0, 1000, places) * 10_000
    fees = chance.choice((3000, 2650, 7000, 12_000), count)
    return Rows(
        data=bytes(starts[-1]) if laid_out else b"",
        starts=longs(starts),
        number=array("q", range(1, count + 1)),
        destination=longs(chance.choice(caisses, count)),
        amc_number=array("q", bytes(8 * count)),
        executor=longs(np.full(count, 751_234_568)),
        care=longs(np.full(count, 739_576)),
        flow=b"\x01" * count,
        security=chance.choice(np.frombuffer(b"SSSSSSSSSD", np.uint8), count).tobytes(),
        fees=longs(fees),
        amo=longs(fees * 7 // 10),
        amc=array("q", bytes(8 * count)),
    )


def longs(values: Any) -> "array[int]":
    """Return numbers as the kernels take them."""
    return array("q", np.ascontiguousarray(values, np.int64).tobytes())


def packed(columns: Sequence[Any]) -> bytes:
    """Return columns of numbers as bytes, to be compared."""
    return b"".join(np.asarray(column, np.int64).tobytes() for column in columns)


def arrays(rows: Rows) -> dict[str, Longs]:
    """Return the columns that numpy and polars work on, ready before they are timed."""
    numbers = ("destination", "amc_number", "fees", "amo", "amc")
    found: dict[str, Longs] = {name: np.array(getattr(rows, name), np.int64) for name in numbers}
    for name in ("flow", "security"):
        found[name] = np.frombuffer(getattr(rows, name), np.uint8).astype(np.int64)
    found["records"] = np.diff(np.array(rows.starts)) // LINE
    return found


def ours(size: int) -> Job:
    """Order, cut and sum with the kernel."""
    rows = invented(size)
    settings = LotSettings(date=DAY, max_invoices_per_lot=MOST)
    return Job(lambda: cut(rows, settings), size, lambda found: packed(tuple(found)))


def numpy_arranged(columns: dict[str, Longs]) -> tuple[Longs, ...]:
    """Order by one stable sort of four keys, cut where the key changes or a lot is full, sum each run."""
    keys = [columns[name] for name in KEY]
    order = np.lexsort(keys[::-1])
    sorted_keys = [key[order] for key in keys]
    changed = np.concatenate(([True], np.logical_or.reduce([key[1:] != key[:-1] for key in sorted_keys])))
    place = np.arange(len(order))
    inside = place - np.maximum.accumulate(np.where(changed, place, 0))
    heads = np.flatnonzero(inside % MOST == 0)
    sizes = np.diff(np.append(heads, len(order)))
    return (order, sizes, *(np.add.reduceat(columns[name][order], heads) for name in SUMS))


def numpy_peer(size: int) -> Job:
    """Order, cut and sum with numpy."""
    columns = arrays(invented(size))
    return Job(lambda: numpy_arranged(columns), size, lambda found: packed(tuple(found)))


def answer(size: int) -> bytes:
    """Return what numpy finds; plain Python proves the same in its turn."""
    return packed(numpy_arranged(arrays(invented(size))))


def polars_peer(size: int) -> Job:
    """Order, cut and sum as a lazy query over columns that polars already holds."""
    pl: Any = import_module("polars")
    frame = pl.DataFrame(arrays(invented(size))).with_row_index("row")
    lot = (pl.int_range(pl.len()).over(KEY) // MOST).alias("lot")
    query = (
        frame.lazy().with_columns(lot).group_by([*KEY, "lot"], maintain_order=True)
        .agg(pl.col("row"), pl.len().alias("size"), *(pl.col(name).sum() for name in SUMS))
        .sort([*KEY, "lot"])
    )  # fmt: skip

    def proof(found: Any) -> bytes:
        return packed([found["row"].explode().to_numpy(), *(found[name].to_numpy() for name in ("size", *SUMS))])

    return Job(query.collect, size, proof)


def plain_cut(rows: Rows) -> list[tuple[list[int], int, int, int, int]]:
    """Do the same as one would in Python."""
    keys = list(zip(rows.destination, rows.flow, rows.amc_number, rows.security, strict=True))
    found = []
    for _, members in itertools.groupby(sorted(range(len(keys)), key=keys.__getitem__), key=keys.__getitem__):
        while lot := list(itertools.islice(members, MOST)):
            records = sum(rows.starts[row + 1] - rows.starts[row] for row in lot) // LINE
            fees, amo, amc = [sum(column[row] for row in lot) for column in (rows.fees, rows.amo, rows.amc)]
            found.append((lot, fees, amo, amc, records))
    return found


def plain_peer(size: int) -> Job:
    """Order, cut and sum in plain Python."""
    rows = invented(size)

    def proof(found: Any) -> bytes:
        members, *sums = zip(*found, strict=True)
        return packed([list(itertools.chain.from_iterable(members)), [len(lot) for lot in members], *sums])

    return Job(lambda: plain_cut(rows), size, proof)


def plain_file(rows: Rows) -> bytes:
    """Lay the lots of a file out in Python: the cut, headers and trailers by f-string, one join. The file's own two records are blank."""
    pieces = [b" " * 128 + b"\n"]
    for number, (lot, fees, amo, amc, records) in enumerate(plain_cut(rows), 1):
        row = lot[0]
        place = f"{rows.destination[row]:09d}"
        head = f"1750000010{number % 1000:03d}{place}{place[2:5]}000{rows.flow[row]:02d}{chr(rows.security[row])}261121{0:010d}"
        tail = f"6750000010{number % 1000:03d}{len(lot):03d}{records + 2:08d}{fees:012d}{amo:012d}{amc:012d}{fees - amo:012d}"
        pieces.append(head.ljust(128).encode() + b"\n")
        pieces.extend(bytes(rows.data[rows.starts[row] : rows.starts[row + 1]]) for row in lot)
        pieces.append(tail.ljust(128).encode() + b"\n")
    pieces.append(b" " * 128 + b"\n")
    return b"".join(pieces)


def between(content: object) -> bytes:
    """Return a file without its first and its last record, which only ours lays out."""
    assert isinstance(content, bytes)
    return content[LINE:-LINE]


def ours_file(size: int) -> Job:
    """Build a whole file."""
    rows = invented(size, laid_out=True)
    settings = LotSettings(date=DAY, max_invoices_per_lot=MOST, max_lots_per_file=999)
    return Job(lambda: build_encoded(rows, "750000010", settings)[0].content, size, between)


def plain_file_peer(size: int) -> Job:
    """Build the lots of a file in plain Python."""
    rows = invented(size, laid_out=True)
    return Job(lambda: plain_file(rows), size, between)


ARRANGED: Final = "lots of columns: order, cut, sums"
RACES: Final = (
    Race(
        "arrange", ARRANGED, 500_000, 20_000,
        ours=(Contender("kernel", ours),),
        peers=(
            Contender("polars", polars_peer, needs=("polars",)), Contender("numpy", numpy_peer),
            Contender("plain Python", plain_peer, size=100_000),
        ),
        answer=answer, clock="wall",
    ),
    Race(
        "lots-file", "whole file of lots from columns", 100_000, 5_000,
        ours=(Contender("build", ours_file),), peers=(Contender("plain Python", plain_file_peer, size=20_000),),
        answer=lambda size: between(plain_file(invented(size, laid_out=True))),
    ),
    growing("growth-lots", ARRANGED, ours, answer, 10_000, 1_000),
)  # fmt: skip
