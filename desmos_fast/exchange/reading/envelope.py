# SPDX-License-Identifier: Apache-2.0
"""The envelope of a file: what `000` and `999` say of each other and of what stands between them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import load_pack

if TYPE_CHECKING:
    from desmos_fast.exchange.reading.kernel import Reading


class Totals(NamedTuple):
    """What `999` should say; amounts in cents, all zero in a file that answers, None where a lot could not be read."""

    lots: int
    invoices: int
    fees: int | None = 0
    amo: int | None = 0
    amc: int | None = 0


def mirrored() -> Sequence[str]:
    """Return the zones that `999` repeats of `000`."""
    pack = load_pack()
    opening = {field.name for field in pack.tables["000"].fields if field.kind not in ("const", "filler")}
    return [field.name for field in pack.tables["999"].fields if field.name in opening]


def check_opening(reading: "Reading") -> Iterator[Fault]:
    """Yield a fault when the file's short id is not the end of its sequence (pass 3)."""
    for record, *values in reading.rows("000"):
        file_id, sequence = values[7], values[9]
        if file_id != sequence % 1000:
            yield reading.fault(record, "000", "file_id", "B2_BAD_VALUE", "the id is not the last three digits of the sequence")


def check_closing(reading: "Reading", totals: Totals | None) -> Iterator[Fault]:
    """Yield what `999` says wrongly (pass 4): the zones of `000`, then counts, then totals.

    Without totals, as where records are missing, only the zones are compared.
    """
    opening = [row[0] for row in reading.rows("000")]
    for record, records, lots, invoices, fees, amo, amc in reading.rows("999"):
        for field in mirrored() if opening else ():
            if reading.text(record, "999", field) != reading.text(opening[0], "000", field):
                yield reading.fault(record, "999", field, "B2_HEADER_MISMATCH", "the zone differs from the first record of the file")
        if totals is None:
            return
        counts = (
            ("record_count", records, reading.records),
            ("lot_count", lots, totals.lots),
            ("invoice_count", invoices, totals.invoices),
        )
        for field, written, counted in counts:
            if written != counted:
                yield reading.fault(record, "999", field, "B2_COUNT_MISMATCH", f"{written} is written and the file holds {counted}")
        sums = (("total_fees", fees, totals.fees), ("total_amo", amo, totals.amo), ("total_amc", amc, totals.amc))
        for field, written, summed in sums:
            if summed is not None and written != summed:
                yield reading.fault(record, "999", field, "B2_BAD_TOTAL", f"{written} is written and the sum is {summed}")
