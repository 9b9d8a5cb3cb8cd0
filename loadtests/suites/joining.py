# SPDX-License-Identifier: Apache-2.0
"""The exact join of order lines to invoice parts by packed keys of 64 bytes, both ways, in one thread.

Peers: a dictionary of the same keys, and polars, which may use every core. It does not show the packing of the keys.
"""

from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ext import join
from loadtests.model import Contender, Job, Race, growing
from loadtests.suites.lots import packed

WIDTH: Final = 64
TWICE: Final = -2


def keys(rows: int) -> tuple[bytes, bytes, npt.NDArray[np.int64]]:
    """Return the keys of the left side, those of the right, and the right row of each left one, some taken more than once."""
    chance = np.random.default_rng(7)
    right = np.frombuffer(chance.bytes(rows * WIDTH), np.uint8).reshape(rows, WIDTH)
    picked = chance.integers(0, rows, rows)
    return right[picked].tobytes(), right.tobytes(), picked


def answer(rows: int) -> bytes:
    """Return the rows as they were drawn: one that was drawn twice joins nobody."""
    picked = keys(rows)[2]
    return packed([np.where(np.bincount(picked, minlength=rows)[picked] > 1, TWICE, picked)])


def proof(found: object) -> bytes:
    """Return the rows that were found, to be compared."""
    return packed([found])


def ours(rows: int) -> Job:
    """Join with the kernel."""
    left, right, _ = keys(rows)
    return Job(lambda: join.match_rows(left, right, WIDTH, True), rows, proof)


def dictionary(left: list[bytes], right: list[bytes]) -> list[int]:
    """Join with a dictionary, as one would in Python."""
    rows: dict[bytes, int] = {}
    for row, key in enumerate(right):
        rows[key] = TWICE if key in rows else row
    found = [rows.get(key, -1) for key in left]
    taken: dict[int, int] = {}
    for row in found:
        taken[row] = taken.get(row, 0) + 1
    return [TWICE if row >= 0 and taken[row] > 1 else row for row in found]


def parts(block: bytes) -> list[bytes]:
    """Return the keys of a block one by one."""
    return [block[start : start + WIDTH] for start in range(0, len(block), WIDTH)]


def dictionary_peer(rows: int) -> Job:
    """Join keys that are bytes objects already."""
    left, right, _ = keys(rows)
    cut = parts(left), parts(right)
    return Job(lambda: dictionary(*cut), rows, proof)


def polars_peer(rows: int) -> Job:
    """Join with polars, then tell the rows that were found more than once."""
    pl: Any = import_module("polars")
    left, right, _ = keys(rows)
    orders = pl.DataFrame({"key": parts(left)}).lazy()
    claims = pl.DataFrame({"key": parts(right)}).with_row_index("row").lazy()
    query = orders.join(claims, on="key", how="left", maintain_order="left").select(
        pl.when(pl.len().over("row") > 1).then(TWICE).otherwise(pl.col("row").cast(pl.Int64)).alias("row")
    )
    return Job(query.collect, rows, lambda found: packed([found["row"].to_numpy()]))


JOINED: Final = "join of keys of 64 bytes, both ways"
RACES: Final = (
    Race(
        "join", JOINED, 1_000_000, 50_000, clock="wall",
        ours=(Contender("kernel", ours),),
        peers=(Contender("polars", polars_peer, needs=("polars",)), Contender("dictionary", dictionary_peer)),
        answer=answer,
    ),
    growing("growth-match", JOINED, ours, answer, 10_000, 1_000),
)  # fmt: skip
