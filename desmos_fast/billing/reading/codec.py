# SPDX-License-Identifier: Apache-2.0
"""Claims of the test profile back to invoices: bare runs and whole files in, the invoices of docs/reference/invoice.md out."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.kernel import Lines
from desmos_fast.exchange.codec import examine, examine_stream
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.reading.blocks import BLOCK, Blocks, Source, readable_twice
from desmos_fast.exchange.reading.reading import FAULTS_KEPT, Reading

PORTION: Final = 512
WRONG_KIND: Final = "this file holds answers of payers: claims are expected"


def examine_claims(data: bytes, *, max_faults: int = FAULTS_KEPT) -> tuple[Reading, list[Fault]]:
    """Read claims and return them with every fault; B2_WRONG_KIND is the only one of a sound file that answers."""
    return _of_claims(*examine(data, max_faults=max_faults))


def examine_claims_stream(
    source: Source, *, max_faults: int = FAULTS_KEPT, block: int = BLOCK, reached: Callable[[int], None] | None = None
) -> tuple[Reading, list[Fault]]:
    """Read a binary file of claims of any size and return what `examine_claims` does, the invoices left aside."""
    return _of_claims(*examine_stream(source, max_faults=max_faults, block=block, reached=reached))


def _of_claims(reading: Reading, faults: list[Fault]) -> tuple[Reading, list[Fault]]:
    if not faults and reading.kind in ("AR", "RS"):
        faults = [Fault(code="B2_WRONG_KIND", message=WRONG_KIND)]
    return reading, faults


def read(data: bytes, *, max_faults: int = FAULTS_KEPT) -> Reading:
    """Read claims without a fault; raise FaultyInput with every fault."""
    reading, faults = examine_claims(data, max_faults=max_faults)
    if faults:
        raise FaultyInput(faults)
    return reading


def summary(reading: Reading) -> dict[str, Any]:
    """Say what was read: kind of input, records, lots, claims, and invoices, of which one claimed apart has two claims."""
    return {
        "kind": reading.kind or "bare",
        "records": reading.records,
        "lots": reading.lots,
        "claims": reading.claims,
        "invoices": reading.invoices,
    }


def blocks(reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Yield the invoices of a sound reading of a buffer as JSON lines: how many claims were read so far, and their lines.

    An invoice that is claimed apart comes once, where it stands first, with the amounts of flow 02.
    """
    lines = Lines(reading)
    for begin in range(0, len(reading.firsts), PORTION):
        end = min(begin + PORTION, len(reading.firsts))
        yield end, lines.write(reading.scan, reading.firsts, reading.stops, begin, end)


def blocks_again(source: Source, reading: Reading, *, block: int = BLOCK) -> Iterator[tuple[int, bytes]]:
    """Yield the invoices of a file that `examine_claims_stream` found sound, read again from where it stands.

    Yields the bytes that were read and their JSON lines; of an invoice that is claimed apart both claims are known by then.
    """
    lines = Lines(reading)
    found = Blocks(source, block)
    for data, final in found:
        found.used, written = lines.feed(data, final)
        yield found.used, written


def decode(data: bytes) -> list[Invoice]:
    """Return the invoices of a bare run or a claim file; raise FaultyInput with every fault."""
    return list(_invoices(blocks(read(data))))


def decode_stream(source: Source, *, max_faults: int = FAULTS_KEPT, block: int = BLOCK) -> Iterator[Invoice]:
    """Yield the invoices of a binary file of any size once all of it was checked; raise FaultyInput before the first one.

    The file is read twice from where it stands; what cannot be is kept on disk meanwhile.
    """
    with readable_twice(source) as twice:
        start = twice.tell()
        reading, faults = examine_claims_stream(twice, max_faults=max_faults, block=block)
        if faults:
            raise FaultyInput(faults)
        twice.seek(start)
        yield from _invoices(blocks_again(twice, reading, block=block))


def _invoices(found: Iterator[tuple[int, bytes]]) -> Iterator[Invoice]:
    decoder = msgspec.json.Decoder(Invoice)
    return (invoice for _, block in found for invoice in decoder.decode_lines(block))
