# SPDX-License-Identifier: Apache-2.0
"""Claims (test profile): the rules between zones (pass 3), then numbers, lots and sums (pass 4)."""

from desmos_fast.exchange.reading.block import Block
from desmos_fast.exchange.reading.envelope import Envelope, Totals
from desmos_fast.exchange.reading.kernel import Sums, claims
from desmos_fast.exchange.reading.told import Told


class ClaimRules:
    """What is known along an input of claims; `way` holds its claims apart."""

    def __init__(self, bare: bool) -> None:
        self.way = Sums(claims(), bare)
        self._ends = 0
        self._fees = self._amo = self._amc = 0

    @property
    def pairs(self) -> int:
        """How many invoices have two claims."""
        return self.way.apart.pairs

    def check_values(self, block: Block, room: int) -> Told:
        """Find the faults between zones (pass 3)."""
        return block.check_rules(room)

    def check_sums(self, block: Block, room: int) -> Told:
        """Find the faults of numbers, lots and sums (pass 4), and add up the lots as their `6` write them."""
        found, count = self.way.check(block.scan, block.firsts, block.stops, room)
        for end in block.rows("6"):
            self._ends += 1
            self._fees += end[3]
            self._amo += end[4]
            self._amc += end[5]
        return block.claim_faults(found), count

    def check_closing(self, block: Block, envelope: Envelope, room: int) -> Told:
        """Find what `999` says wrongly (pass 4); no totals where a record could not be told or stands in no order."""
        known = self._ends == block.lots
        fees, amo, amc = (self._fees, self._amo, self._amc) if known else (None, None, None)
        totals = Totals(lots=block.lots, invoices=block.claims, fees=fees, amo=amo, amc=amc)
        return envelope.check_closing(block.records, totals if block.in_order else None, room)
