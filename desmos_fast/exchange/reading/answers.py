# SPDX-License-Identifier: Apache-2.0
"""Files that come back (test profile): the rules of AR and RS files that no table can say."""

from collections.abc import Iterator
from typing import Any, Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading.block import Block
from desmos_fast.exchange.reading.envelope import Envelope, Totals
from desmos_fast.exchange.reading.told import Record, Told, counted

NO_ERROR: Final = "0000"
NO_REGIME: Final = "00"
Row = tuple[Any, ...]


def outcome_fault(outcome: str, claimed: int, paid: int, code: str) -> str:
    """Say why an outcome contradicts its amounts (cents) or its reject code; "" when it does not."""
    if outcome == "P" and (paid < claimed or code):
        return "an invoice that is paid has its whole amount and no reject code"
    if outcome == "Q" and not 0 < paid < claimed:
        return "an invoice paid in part has more than nothing and less than what was claimed"
    if outcome == "R" and (paid > 0 or not code):
        return "a rejected invoice has a reject code and no payment"
    return "an invoice that waits has no payment" if outcome == "W" and paid else ""


class Order:
    """A payment order that has begun: its P1, what its lines add up to, and their faults until its P9 comes."""

    def __init__(self, head: Record, row: Row) -> None:
        self.head, self.row = head, row
        self.summed = self.found = 0
        self.faults: list[Fault] = []
        self.dead = False

    def add_line(self, fault: Fault | None, amount: int, room: int) -> None:
        """Take a line: its amount, and its fault where it has one."""
        self.summed += amount
        if fault is not None:
            self.found += 1
            self.faults += [fault][: max(0, room - len(self.faults))]

    def wrong(self, end: Record, row: Row) -> Iterator[Fault]:
        """Yield what its P1 and its P9 say wrongly."""
        counted_ = end.number - self.head.number - 1
        frames = ((self.head, self.row[8], self.row[7]), (end, *row[1:]))
        for record, records, _ in frames:
            if records != counted_:
                yield record.fault("record_count", "B2_COUNT_MISMATCH", f"{records} is written and the order holds {counted_}")
        for record, _, total in frames:
            if total != self.summed:
                yield record.fault("total", "B2_BAD_TOTAL", f"{total} is written and the sum is {self.summed}")


class AnswerRules:
    """What is known along a file that answers."""

    pairs = 0

    def __init__(self) -> None:
        self._order: Order | None = None
        self._verdicts = self._orders = self._lines = 0

    def check_values(self, block: Block, room: int) -> Told:
        """Find the faults between zones (pass 3): verdicts of an AR file, payers of an RS file."""
        return counted(self._wrong_values(block), room)

    def _wrong_values(self, block: Block) -> Iterator[Fault]:
        for record, *values in block.rows("A1"):
            accepted, code, at_fault = values[4:7]
            if accepted != (code == NO_ERROR) or (accepted and at_fault):
                message = "an accepted lot has code 0000 and no record at fault, a refused one another code"
                yield block.record(record).fault("verdict_sign", "B2_BAD_OUTCOME", message)
        for record, regime, caisse, centre, amc, *_ in block.rows("P1"):
            is_caisse = regime != NO_REGIME
            if is_caisse and amc is not None:
                yield block.record(record).fault("amc_number", "B2_BAD_VALUE", "the payer is a caisse or an AMC, not both")
            elif not is_caisse and amc is None:
                yield block.record(record).fault("regime", "B2_BAD_VALUE", "the payer is neither a caisse nor an AMC")
            elif not is_caisse:
                for field, value in (("caisse", caisse), ("centre", centre)):
                    if value.strip("0"):
                        yield block.record(record).fault(field, "B2_BAD_VALUE", "an AMC has neither caisse nor centre")

    def check_sums(self, block: Block, room: int) -> Told:
        """Find the faults of outcomes, counts and sums (pass 4), order by order."""
        self._verdicts += len(block.rows("A1"))
        faults: list[Fault] = []
        found = seen = 0
        lines = sorted((row[0], kind, row) for kind in ("P1", "R1", "R3", "P9") for row in block.rows(kind))
        for record, name, row in lines:
            if name == "P1":
                self._order, seen = Order(block.record(record), row), record
                self._orders += 1
            elif name == "R1":
                self._lines += 1
            if self._order is None or name == "P1":
                continue
            if name != "P9":
                self._order.add_line(*_line(block, name, row), room)
                continue
            self._order.dead |= block.scan.is_dead(seen, record + 1)
            told, count = self._close(block.record(record), row, room)
            faults += told
            found += count
        if self._order is not None:
            self._order.dead |= block.scan.is_dead(seen, block.scan.count)
        return faults, found

    def _close(self, end: Record, row: Row, room: int) -> Told:
        order, self._order = self._order, None
        if order is None:
            return [], 0
        told, count = counted(() if order.dead else order.wrong(end, row), room)
        return order.faults + told, order.found + count

    def check_closing(self, block: Block, envelope: Envelope, room: int) -> Told:
        """Find what `999` says wrongly (pass 4), unless a record has a fault."""
        if not block.sound or not block.in_order:
            return [], 0
        totals = Totals(lots=self._verdicts + self._orders, invoices=self._lines)
        return envelope.check_closing(block.records, totals, room)


def _line(block: Block, name: str, row: Row) -> tuple[Fault | None, int]:
    """Return the fault of a line and its amount (cents)."""
    if name == "R3":
        return None, row[2]
    outcome, claimed, paid, code = row[8:12]
    wrong = outcome_fault(outcome, claimed, paid, code)
    return block.record(row[0]).fault("outcome", "B2_BAD_OUTCOME", wrong) if wrong else None, paid
