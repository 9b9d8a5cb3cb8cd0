# SPDX-License-Identifier: Apache-2.0
"""The kernel of lots under its own meaning: rows put in lots, files laid out."""

from array import array
from typing import Final, NamedTuple

from desmos_fast.base.errors import OurBug
from desmos_fast.lots import policies
from desmos_fast.lots.model import Criterion, LotSettings, Rows
from desmos_fast.lots.policies import LINE
from ext import lotfile, lots

NO_LIMIT: Final = 2**63 - 1
FIELDS: Final[dict[Criterion, int]] = {
    "caisse": lots.CAISSE, "destination": lots.DESTINATION, "flow": lots.FLOW, "amc": lots.AMC, "security": lots.SECURITY,
    "executor": lots.EXECUTOR, "age": lots.AGE, "amount": lots.AMOUNT,
}  # fmt: skip


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
    """Order the rows by what parts lots, then by number, and cut lots within the limits; raise RowsDisagree."""
    # What a file has beside the records of its one lot: four lines.
    room = NO_LIMIT if settings.max_bytes_per_file is None else settings.max_bytes_per_file - 4 * LINE
    try:
        return Cut(
            *lots.arrange(
                rows.destination, rows.flow, rows.amc_number, rows.security, rows.executor, rows.care, rows.number, rows.fees, rows.amo,
                rows.amc, rows.starts, LINE, settings.max_invoices_per_lot, settings.max_amount_per_lot or NO_LIMIT, room,
                bytes(FIELDS[criterion] for criterion in policies.lot_criteria(settings)),
                array("q", policies.care_bounds(settings)), array("q", settings.amount_bounds),
            )
        )  # fmt: skip
    except (OverflowError, ValueError) as error:
        raise RowsDisagree(_told(error)) from error


def lay_out(
    rows: Rows, order: "array[int]", sizes: "array[int]", opening: bytes, heads: bytes, tails: bytes, closing: bytes, taken: bytearray
) -> "tuple[bytes, array[int]]":
    """Return a whole file of the rows in `order`, and by place in it the number from 1 of each one's first record.

    `taken` has a byte for each row of the build, and refuses one that stands in a file already. Raises RowsDisagree.
    """
    try:
        return lotfile.assemble(rows.data, rows.starts, order, sizes, opening, heads, tails, closing, taken)
    except (OverflowError, ValueError) as error:
        raise RowsDisagree(_told(error)) from error


def _told(error: Exception) -> str:
    if len(error.args) == 2:
        return f"row {error.args[0]} of the build: {error.args[1]}"
    return f"the columns of the build do not fit: {error}"
