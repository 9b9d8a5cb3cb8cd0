# SPDX-License-Identifier: Apache-2.0
"""The kernel that writes claims as JSON made ready with the tables of a profile."""

import functools

from desmos_fast.billing.reading.program import CCAM, HEAD, NGAP, compile_steps
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.reading.kernel import Reading, claims
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


def lines(reading: Reading, begin: int, end: int) -> bytes:
    """Write the invoices `begin` to before `end` of a sound reading, one JSON object a line."""
    return wire().lines(claims(), reading.scan, reading.firsts, reading.stops, reading.lots, reading.partners, begin, end)
