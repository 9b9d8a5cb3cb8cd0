# SPDX-License-Identifier: Apache-2.0
"""The kernel of lots under its own meaning: rows put in lots, files laid out."""

from array import array
from typing import Final, NamedTuple

from desmos_fast.base.errors import OurBug
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.lots.model import LotSettings, Rows
from ext import lots

LINE: Final = RECORD_WIDTH + 1


class RowsDisagree(OurBug):
    """Columns of encoded invoices that contradict each other or their bytes."""

    code = "lot_rows_disagree"


class Cut(NamedTuple):
    """Rows in file order and, one item a lot, how many they are, their sums in cents, and their records without header and trailer."""

    order: "array[int]"
    sizes: "array[int]"
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"
    records: "array[int]"


def cut(rows: Rows, settings: LotSettings) -> Cut:
    """Order the rows by key and cut lots of at most `max_invoices_per_lot`; raise RowsDisagree for columns that cannot stand."""
    try:
        return Cut(
            *lots.arrange(
                rows.destination, rows.flow, rows.amc_number, rows.security, rows.executor, rows.fees, rows.amo, rows.amc,
                rows.starts, LINE, settings.max_invoices_per_lot, settings.lot_per_executor,
            )
        )  # fmt: skip
    except (OverflowError, ValueError) as error:
        raise RowsDisagree(_told(error)) from error


def lay_out(rows: Rows, found: Cut, opening: bytes, heads: bytes, tails: bytes, closing: bytes) -> "tuple[bytes, array[int]]":
    """Return the whole file and, by row, the number from 1 of its first record; raise RowsDisagree for rows outside the data."""
    try:
        return lots.assemble(rows.data, rows.starts, found.order, found.sizes, opening, heads, tails, closing)
    except (OverflowError, ValueError) as error:
        raise RowsDisagree(_told(error)) from error


def _told(error: Exception) -> str:
    if len(error.args) == 2:
        return f"row {error.args[0]} of the build: {error.args[1]}"
    return f"the columns of the build do not fit: {error}"
