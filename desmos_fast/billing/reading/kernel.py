# SPDX-License-Identifier: Apache-2.0
"""The kernel that writes claims as JSON made ready with the tables of a profile."""

import functools
from array import array

from desmos_fast.billing.reading.program import CCAM, HEAD, NGAP, compile_steps
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.reading.claims import ClaimRules
from desmos_fast.exchange.reading.kernel import Scan, claims, grammar, types
from desmos_fast.exchange.reading.reading import Reading
from ext.wire import RECORDS, WRITES, Wire


@functools.cache
def wire() -> Wire:
    """Return the programs of the test profile."""
    head, ngap, ccam = (
        tuple(
            (literal, WRITES.index(way), RECORDS.index(record), offset, width, other, choices)
            for literal, way, record, offset, width, other, choices in compile_steps(load_pack(), steps)
        )
        for steps in (HEAD, NGAP, CCAM)
    )
    return Wire(head, ngap, ccam)


class Lines:
    """Writes the invoices of an input that was found sound as JSON lines."""

    def __init__(self, reading: Reading) -> None:
        if not isinstance(reading.rules, ClaimRules):
            raise TypeError("only claims are written as invoices")
        self._apart = reading.rules.way.apart
        self._scan, self._grammar = Scan(reading.lines), grammar(reading.kind)

    def write(self, scan: Scan, firsts: "array[int]", stops: "array[int]", begin: int, end: int) -> bytes:
        """Write the invoices `begin` to before `end` of a block, one object a line."""
        return wire().lines(claims(), scan, firsts, stops, self._apart, begin, end)

    def feed(self, data: bytes, final: bool) -> tuple[int, bytes]:
        """Read a block again: the bytes used, and its invoices."""
        self._scan.feed(types(), data, final)
        firsts, stops, _ = self._scan.order(self._grammar, 1)
        return self._scan.used, self.write(self._scan, firsts, stops, 0, len(firsts))
