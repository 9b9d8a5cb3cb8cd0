# SPDX-License-Identifier: Apache-2.0
"""The envelope of a file: what `000` and `999` say of each other and of what stands between them."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.reading.block import Block
from desmos_fast.exchange.reading.told import Record, Told, counted


class Totals(NamedTuple):
    """What `999` should say; amounts in cents, all zero in a file that answers, None where a lot could not be read."""

    lots: int
    invoices: int
    fees: int | None = 0
    amo: int | None = 0
    amc: int | None = 0


@functools.cache
def mirrored() -> Sequence[str]:
    """Return the zones that `999` repeats of `000`."""
    pack = load_pack()
    opening = {field.name for field in pack.tables["000"].fields if field.kind not in ("const", "filler")}
    return [field.name for field in pack.tables["999"].fields if field.name in opening]


class Envelope:
    """The first `000` and the first `999` of a file, of those without a fault."""

    def __init__(self) -> None:
        self._opening: Record | None = None
        self._closing: tuple[Record, tuple[Any, ...]] | None = None

    def check_opening(self, block: Block, room: int) -> Told:
        """Find the `000` whose short id is not the end of its sequence (pass 3), and keep the ends of the file."""
        openings = block.rows("000")
        if openings and self._opening is None:
            self._opening = block.record(openings[0][0])
        if self._closing is None:
            self._closing = next(((block.record(row[0]), row[1:]) for row in block.rows("999")), None)
        wrong = (row[0] for row in openings if row[8] != row[10] % 1000)
        message = "the id is not the last three digits of the sequence"
        return counted((block.record(record).fault("file_id", "B2_BAD_VALUE", message) for record in wrong), room)

    def check_closing(self, records: int, totals: Totals | None, room: int) -> Told:
        """Find what `999` says wrongly (pass 4): the zones of `000`, then counts, then totals.

        Without totals, as where records are missing, only the zones are compared.
        """
        return counted(self._wrong(records, totals), room)

    def _wrong(self, records: int, totals: Totals | None) -> Iterator[Fault]:
        if self._closing is None:
            return
        closing, (written_records, lots, invoices, fees, amo, amc) = self._closing
        for field in mirrored() if self._opening else ():
            if self._opening and closing.zone(field) != self._opening.zone(field):
                yield closing.fault(field, "B2_HEADER_MISMATCH", "the zone differs from the first record of the file")
        if totals is None:
            return
        counts = (
            ("record_count", written_records, records), ("lot_count", lots, totals.lots), ("invoice_count", invoices, totals.invoices),
        )  # fmt: skip
        for field, written, counted_ in counts:
            if written != counted_:
                yield closing.fault(field, "B2_COUNT_MISMATCH", f"{written} is written and the file holds {counted_}")
        sums = (("total_fees", fees, totals.fees), ("total_amo", amo, totals.amo), ("total_amc", amc, totals.amc))
        for field, written, summed in sums:
            if summed is not None and written != summed:
                yield closing.fault(field, "B2_BAD_TOTAL", f"{written} is written and the sum is {summed}")
