# SPDX-License-Identifier: Apache-2.0
"""Claims (test profile): the rules between zones (pass 3), then numbers, lots and sums (pass 4)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading.envelope import Totals, check_closing, check_opening
from desmos_fast.exchange.reading.tables import CODE

if TYPE_CHECKING:
    from desmos_fast.exchange.reading.kernel import Reading


def check_values(reading: "Reading") -> Iterator[Fault]:
    """Yield the faults between zones (pass 3)."""
    yield from check_opening(reading)
    yield from reading.check_rules()


def check_sums(reading: "Reading") -> Iterator[Fault]:
    """Yield the faults of numbers, lots, sums and of the file (pass 4)."""
    yield from reading.check_claims()
    if reading.kind:
        yield from check_closing(reading, _totals(reading))


def _totals(reading: "Reading") -> Totals | None:
    """Add up the lots as their `6` write them; None where a record could not be told or stands in no order."""
    if reading.faults:
        return None
    lots, ends = reading.types.count(CODE["6"]), reading.rows("6")
    fees, amo, amc = (sum(row[column] for row in ends) if len(ends) == lots else None for column in (3, 4, 5))
    return Totals(lots=lots, invoices=len(reading.firsts), fees=fees, amo=amo, amc=amc)
