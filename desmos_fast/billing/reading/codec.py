# SPDX-License-Identifier: Apache-2.0
"""Claims of the test profile back to invoices: bare runs and whole files in, the invoices of docs/invoice.md out."""

from collections.abc import Iterator
from typing import Final

import msgspec

from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.kernel import lines
from desmos_fast.exchange.codec import examine
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.reading.kernel import Reading

BLOCK: Final = 4096
WRONG_KIND: Final = "this file holds answers of payers: claims are expected"


def check(data: bytes) -> list[Fault]:
    """Return every fault of a bare run or a claim file; B2_WRONG_KIND alone for a sound file that answers."""
    return _read(data)[1]


def read(data: bytes) -> Reading:
    """Read claims without a fault; raise FaultyInput with every fault, B2_WRONG_KIND for a sound file that answers."""
    reading, faults = _read(data)
    if faults:
        raise FaultyInput(faults)
    return reading


def blocks(reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Yield the invoices of a sound reading as JSON lines: how many claims were read so far, and their lines.

    An invoice that is claimed apart comes once, where it stands first, with the amounts of flow 02.
    """
    for begin in range(0, len(reading.firsts), BLOCK):
        end = min(begin + BLOCK, len(reading.firsts))
        yield end, lines(reading, begin, end)


def decode(data: bytes) -> list[Invoice]:
    """Return the invoices of a bare run or a claim file; raise FaultyInput with every fault."""
    decoder = msgspec.json.Decoder(Invoice)
    return [invoice for _, block in blocks(read(data)) for invoice in decoder.decode_lines(block)]


def _read(data: bytes) -> tuple[Reading, list[Fault]]:
    reading, faults = examine(data)
    if not faults and reading.kind in ("AR", "RS"):
        faults = [Fault(code="B2_WRONG_KIND", message=WRONG_KIND)]
    return reading, faults
