# SPDX-License-Identifier: Apache-2.0
"""Files that come back (test profile): the rules of AR and RS files that no table can say."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading.envelope import Totals, check_closing, check_opening

if TYPE_CHECKING:
    from desmos_fast.exchange.reading.kernel import Reading

NO_ERROR: Final = "0000"
NO_REGIME: Final = "00"
Row = tuple[Any, ...]


def check_values(reading: "Reading") -> Iterator[Fault]:
    """Yield the faults between zones (pass 3): verdicts of an AR file, payers of an RS file."""
    yield from check_opening(reading)
    for record, *values in reading.rows("A1"):
        accepted, code, at_fault = values[4:7]
        if accepted != (code == NO_ERROR) or (accepted and at_fault):
            message = "an accepted lot has code 0000 and no record at fault, a refused one another code"
            yield reading.fault(record, "A1", "verdict_sign", "B2_BAD_OUTCOME", message)
    for record, regime, caisse, centre, amc, *_ in reading.rows("P1"):
        is_caisse = regime != NO_REGIME
        if is_caisse and amc is not None:
            yield reading.fault(record, "P1", "amc_number", "B2_BAD_VALUE", "the payer is a caisse or an AMC, not both")
        elif not is_caisse and amc is None:
            yield reading.fault(record, "P1", "regime", "B2_BAD_VALUE", "the payer is neither a caisse nor an AMC")
        elif not is_caisse:
            for field, value in (("caisse", caisse), ("centre", centre)):
                if value.strip("0"):
                    yield reading.fault(record, "P1", field, "B2_BAD_VALUE", "an AMC has neither caisse nor centre")


def outcome_fault(outcome: str, claimed: int, paid: int, code: str) -> str:
    """Say why an outcome contradicts its amounts (cents) or its reject code; "" when it does not."""
    if outcome == "P" and (paid < claimed or code):
        return "an invoice that is paid has its whole amount and no reject code"
    if outcome == "Q" and not 0 < paid < claimed:
        return "an invoice paid in part has more than nothing and less than what was claimed"
    if outcome == "R" and (paid > 0 or not code):
        return "a rejected invoice has a reject code and no payment"
    return "an invoice that waits has no payment" if outcome == "W" and paid else ""


def check_sums(reading: "Reading") -> Iterator[Fault]:
    """Yield the faults of counts and sums (pass 4) of an AR or RS file; of the sound orders only when records are at fault."""
    if reading.kind == "AR":
        found = Totals(lots=len(reading.rows("A1")), invoices=0)
    else:
        ends = [row[0] for row in reading.rows("P9")]
        heads = reading.rows("P1")
        for place, head in enumerate(heads):
            following = heads[place + 1][0] if place + 1 < len(heads) else reading.records
            end = bisect_right(ends, head[0])
            if end < len(ends) and ends[end] < following:
                yield from _check_order(reading, head, ends[end])
        found = Totals(lots=len(heads), invoices=len(reading.rows("R1")))
    if reading.scan.sound and not reading.faults:
        yield from check_closing(reading, found)


def _check_order(reading: "Reading", head: Row, end: int) -> Iterator[Fault]:
    """Check one order from its P1 to its P9 (record `end`)."""
    first = head[0]
    lines = reading.rows("R1", first, end)
    for record, *values in lines:
        outcome, claimed, paid, code = values[7:11]
        wrong = outcome_fault(outcome, claimed, paid, code)
        if wrong:
            yield reading.fault(record, "R1", "outcome", "B2_BAD_OUTCOME", wrong)
    if reading.scan.is_dead(first, end + 1):
        return
    other = reading.rows("R3", first, end)
    counted = end - first - 1
    summed = sum(row[10] for row in lines) + sum(row[2] for row in other)
    frames = (("P1", first, head[8], head[7]), ("P9", end, *reading.rows("P9", end, end + 1)[0][1:]))
    for name, record, records, _ in frames:
        if records != counted:
            message = f"{records} is written and the order holds {counted}"
            yield reading.fault(record, name, "record_count", "B2_COUNT_MISMATCH", message)
    for name, record, _, total in frames:
        if total != summed:
            yield reading.fault(record, name, "total", "B2_BAD_TOTAL", f"{total} is written and the sum is {summed}")
