# SPDX-License-Identifier: Apache-2.0
"""The exact join of order lines to invoice parts by packed keys of 64 bytes: every pair of rows with equal keys, ours in one thread.

One right key in ten stands there twice, left keys repeat as chance has it, one left row in twenty finds nothing. Polars and DuckDB may use
every core. It does not show the packing of the keys.
"""

from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ext import join
from loadtests.model import Contender, Job, Race, growing
from loadtests.suites.lots import packed

WIDTH: Final = 64
Numbers = npt.NDArray[np.int64]


def drawn(rows: int) -> tuple[Numbers, Numbers, npt.NDArray[np.uint8]]:
    """Return which key stands in each left row and in each right row, and the bytes of the keys."""
    chance = np.random.default_rng(7)
    known = rows - rows // 10
    right = chance.permutation(np.concatenate([np.arange(known), np.arange(rows - known)]))
    left = chance.integers(0, known + known // 20, rows)
    names = np.frombuffer(chance.bytes((known + known // 20) * WIDTH), np.uint8).reshape(-1, WIDTH)
    return left, right, names


def keys(rows: int) -> tuple[bytes, bytes]:
    """Return the keys of both sides, laid end to end."""
    left, right, names = drawn(rows)
    return names[left].tobytes(), names[right].tobytes()


def proof(lefts: Any, rights: Any) -> bytes:
    """Return pairs in order of their rows, to be compared."""
    one, other = (np.asarray(rows).astype(np.int64) for rows in (lefts, rights))
    order = np.lexsort((other, one))
    return packed([one[order], other[order]])


def answer(rows: int) -> bytes:
    """Return the pairs as the keys were drawn, found by sorting numbers instead of keys."""
    left, right, _ = drawn(rows)
    order = np.argsort(right, kind="stable")
    starts = np.searchsorted(right[order], left)
    counts = np.searchsorted(right[order], left, "right") - starts
    lefts = np.repeat(np.arange(rows), counts)
    return proof(lefts, order[np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(len(lefts))])


def ours(rows: int) -> Job:
    """Join with the kernel."""
    left, right = keys(rows)
    return Job(lambda: join.pairs(left, right, WIDTH), rows, lambda found: proof(*found))


def dictionary(left: list[bytes], right: list[bytes]) -> tuple[list[int], list[int]]:
    """Join with a dictionary, as one would in Python."""
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(right):
        rows.setdefault(key, []).append(row)
    found = [(row, other) for row, key in enumerate(left) for other in rows.get(key, ())]
    return [row for row, _ in found], [other for _, other in found]


def parts(block: bytes) -> list[bytes]:
    """Return the keys of a block one by one."""
    return [block[start : start + WIDTH] for start in range(0, len(block), WIDTH)]


def dictionary_peer(rows: int) -> Job:
    """Join keys that are bytes objects already."""
    left, right = map(parts, keys(rows))
    return Job(lambda: dictionary(left, right), rows, lambda found: proof(*found))


def tables(rows: int) -> tuple[Any, Any]:
    """Return both sides as tables of Arrow, each with its key and the number of its row."""
    pa: Any = import_module("pyarrow")
    found = []
    for name, block in zip(("left", "right"), keys(rows), strict=True):
        key = pa.FixedSizeBinaryArray.from_buffers(pa.binary(WIDTH), rows, [None, pa.py_buffer(block)])
        found.append(pa.table({"key": key, name: pa.array(np.arange(rows, dtype=np.int32))}))
    return found[0], found[1]


def polars_peer(rows: int) -> Job:
    """Join with polars; its keys are binary columns of its own."""
    pl: Any = import_module("polars")
    left, right = (pl.from_arrow(table).lazy() for table in tables(rows))
    query = left.join(right, on="key").select("left", "right")
    return Job(query.collect, rows, lambda found: proof(found["left"].to_numpy(), found["right"].to_numpy()))


def duckdb_peer(rows: int) -> Job:
    """Join with DuckDB; its keys are columns of tables in memory."""
    con = import_module("duckdb").connect()
    for name, table in zip(("lefts", "rights"), tables(rows), strict=True):
        con.from_arrow(table).create(name)
    query = 'SELECT "left", "right" FROM lefts JOIN rights USING (key)'
    return Job(lambda: con.execute(query).fetchnumpy(), rows, lambda found: proof(found["left"], found["right"]))


def pyarrow_peer(rows: int) -> Job:
    """Join tables of Arrow."""
    left, right = tables(rows)
    return Job(
        lambda: left.join(right, "key", join_type="inner").select(["left", "right"]), rows,
        lambda found: proof(found["left"].to_numpy(), found["right"].to_numpy()),
    )  # fmt: skip


def pandas_peer(rows: int) -> Job:
    """Join data frames whose keys are bytes objects."""
    pd: Any = import_module("pandas")
    numbers = np.arange(rows, dtype=np.int32)
    left, right = (
        pd.DataFrame({"key": pd.Series(parts(block), dtype=object), name: numbers})
        for name, block in zip(("left", "right"), keys(rows), strict=True)
    )
    return Job(lambda: left.merge(right, on="key")[["left", "right"]], rows, lambda found: proof(found["left"], found["right"]))


JOINED: Final = "join of keys of 64 bytes, every pair"
KERNEL: Final = (Contender("kernel", ours),)
COLUMNAR: Final = (
    Contender("polars", polars_peer, needs=("polars", "pyarrow")),
    Contender("duckdb", duckdb_peer, needs=("duckdb", "pyarrow")),
)
ROWS: Final = (
    Contender("pyarrow", pyarrow_peer, needs=("pyarrow",)),
    # With an object for each key a million takes them long.
    Contender("pandas", pandas_peer, needs=("pandas",), size=200_000),
    Contender("dictionary", dictionary_peer, size=200_000),
)
RACES: Final = (
    Race("join", f"{JOINED}, 1 M by 1 M", 1_000_000, 50_000, KERNEL, (*COLUMNAR, *ROWS), answer, clock="wall"),
    Race("join-5M", f"{JOINED}, 5 M by 5 M", 5_000_000, 100_000, KERNEL, COLUMNAR, answer, clock="wall"),
    growing("growth-match", JOINED, ours, answer, 10_000, 1_000),
)
