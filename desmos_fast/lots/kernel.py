# SPDX-License-Identifier: Apache-2.0
"""The kernels of lots under their own meaning: rows put in lots, flat records written from the layout tables, files laid out."""

import functools
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from desmos_fast.base.errors import OurBug
from desmos_fast.exchange.compiler import compile_table, source_of
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.layouts import RECORD_WIDTH, load_pack
from desmos_fast.lots.model import LotSettings, Rows
from ext import lots, records

if TYPE_CHECKING:
    from ext.records import Value

LINE: Final = RECORD_WIDTH + 1
REASONS: Final = {
    "overflow": ("B2_OVERFLOW", "is wider than its field"),
    "bad_numeric": ("B2_BAD_NUMERIC", "is not made of digits"),
    "bad_char": ("B2_BAD_CHAR", "holds a character other than A-Z, 0-9 and space"),
    "missing": ("B2_MISSING", "is blank"),
    "bad_date": ("B2_BAD_DATE", "is not a day from 1970 to 2069"),
    "bad_value": ("B2_BAD_VALUE", "is not allowed"),
}


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


@functools.cache
def _layout(record_type: str) -> tuple[records.Program, tuple[str, ...]]:
    table = load_pack().tables[record_type]
    written = [source_of(field.value)[0] for field in table.fields if field.kind not in ("const", "filler")]
    sources = tuple(dict.fromkeys(written))
    steps = compile_table(table, {source: slot for slot, source in enumerate(sources)})
    return records.Program(tuple(step[:8] for step in steps), RECORD_WIDTH, len(sources)), sources


def write(record_type: str, rows: "Sequence[Mapping[str, Value]]") -> bytes:
    """Write flat records of one type, line ends included; each row gives a value for every source of the table.

    Raises FaultyInput for a value that cannot be written.
    """
    program, sources = _layout(record_type)
    try:
        return records.write(program, [tuple(row[source] for source in sources) for row in rows])
    except (OverflowError, ValueError) as error:
        row, step, reason = error.args
        field = load_pack().tables[record_type].fields[step]
        code, what = REASONS[reason]
        value = rows[row][source_of(field.value)[0]]
        fault = Fault(
            code=code,
            message=f"{field.name} of record {record_type} {what}",
            record_type=record_type,
            field=field.name,
            value=value,
            width=field.length if reason == "overflow" else None,
        )
        raise FaultyInput([fault]) from error


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
