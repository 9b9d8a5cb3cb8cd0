# SPDX-License-Identifier: Apache-2.0
"""What the peers that work on columns share: where each record of each invoice stands, from the columns alone."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from loadtests.data.columns import Columns

LINE: Final = 129
RECORDS: Final = ("2", "2S", "4", "4S", "4E", "4M", "5")
Rows = npt.NDArray[np.int64]


class Laid(NamedTuple):
    """`owner` is the invoice of each act; `acts` says which acts have a record of a type, `places` the lines where those records stand."""

    owner: Rows
    acts: dict[str, Rows]
    places: dict[str, Rows]
    lines: Rows
    total: int


def laid(columns: Columns) -> Laid:
    """Lay the records of all invoices out."""
    firsts, count = columns["acts"][:-1], np.diff(columns["acts"])
    owner = np.repeat(np.arange(len(count)), count)
    known = (columns["prescriber.rpps"] != b"") | (columns["prescriber.structure"] != b"")
    executed = (columns["act.executor.rpps"] != b"") | known[owner]
    detailed = columns["act.grouping"] != b""
    lines = 2 + executed + detailed
    within = np.add.reduceat(lines, firsts)
    start = np.cumsum(within + 3) - within - 3
    first = start[owner] + 2 + np.cumsum(lines) - lines - (np.cumsum(within) - within)[owner]
    every = np.arange(len(owner))
    acts = {"4": every, "4S": every, "4E": np.flatnonzero(executed), "4M": np.flatnonzero(detailed)}
    places = {
        "2": start, "2S": start + 1, "5": start + 2 + within, "4": first, "4S": first + 1,
        "4E": first[executed] + 2, "4M": (first + 2 + executed)[detailed],
    }  # fmt: skip
    return Laid(owner, acts, places, within, int(np.sum(within + 3)))


def joined(parts: Mapping[str, npt.NDArray[np.uint8]], where: Laid) -> bytes:
    """Put the lines of each type of record where they stand."""
    out = np.empty((where.total, LINE), np.uint8)
    for record_type, lines in parts.items():
        out[where.places[record_type]] = lines
    return out.tobytes()


def totals(columns: Columns, where: Laid) -> dict[str, npt.NDArray[Any]]:
    """Return the sums of each invoice, by the name of what computes them."""
    firsts, apart = columns["acts"][:-1], columns["amc.separate_claim"]
    fees, amo, amc = (np.add.reduceat(columns[f"act.{name}"], firsts) for name in ("fees", "amo", "amc"))
    return {
        "=line_count": where.lines, "=total_fees": fees, "=total_amo": amo, "=total_insured_share": fees - amo,
        "=total_amc": np.where(apart, 0, amc),
    }  # fmt: skip
