# SPDX-License-Identifier: Apache-2.0
"""Claims of the test profile back to invoices: bare runs and whole files in, the invoices of docs/reference/invoice.md out."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.kernel import lines
from desmos_fast.exchange.codec import examine
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.reading.kernel import Reading
from desmos_fast.exchange.reading.tables import CODE

BLOCK: Final = 4096
WRONG_KIND: Final = "this file holds answers of payers: claims are expected"


def examine_claims(data: bytes) -> tuple[Reading, list[Fault]]:
    """Read claims and return them with every fault; B2_WRONG_KIND is the only one of a sound file that answers."""
    reading, faults = examine(data)
    if not faults and reading.kind in ("AR", "RS"):
        faults = [Fault(code="B2_WRONG_KIND", message=WRONG_KIND)]
    return reading, faults


def read(data: bytes) -> Reading:
    """Read claims without a fault; raise FaultyInput with every fault."""
    reading, faults = examine_claims(data)
    if faults:
        raise FaultyInput(faults)
    return reading


def summary(reading: Reading) -> dict[str, Any]:
    """Say what was read: kind of input, records, lots, claims, and invoices, of which one claimed apart has two claims."""
    # An invoice and its other claim name each other.
    twins = sum(1 for partner in reading.partners if partner >= 0) // 2
    return {
        "kind": reading.kind or "bare",
        "records": reading.records,
        "lots": reading.types.count(CODE["1"]),
        "claims": len(reading.firsts),
        "invoices": len(reading.firsts) - twins,
    }


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
