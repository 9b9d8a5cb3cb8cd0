# SPDX-License-Identifier: Apache-2.0
"""Exchange files (test profile): bytes in, every fault out, in the order of the four passes."""

from collections.abc import Callable

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading.block import Again
from desmos_fast.exchange.reading.blocks import BLOCK, HEAD, LF, Blocks, Source, reader_again
from desmos_fast.exchange.reading.foreign import foreign_fault
from desmos_fast.exchange.reading.reading import FAULTS_KEPT, Reading


def examine(data: bytes, *, max_faults: int = FAULTS_KEPT) -> tuple[Reading, list[Fault]]:
    """Read a buffer and return it with its faults, pass by pass: the first one is the answer when only one is wanted.

    `max_faults` of each pass are kept, `found` of the reading tells how many there are; ValueError unless it is 1 to 1000000.
    """
    reading, is_foreign = _begin(data[:HEAD], max_faults, lambda offset, size: data[offset : offset + size])
    reading.feed(b"" if is_foreign else data, final=True)
    return reading, reading.faults


def examine_stream(
    source: Source, *, max_faults: int = FAULTS_KEPT, block: int = BLOCK, reached: Callable[[int], None] | None = None
) -> tuple[Reading, list[Fault]]:
    """Read a binary file from where it stands, by blocks of about `block` bytes, and return what `examine` does of its bytes.

    The reading holds the last block alone. Memory does not grow with the input, but for the numbers of its invoices and for claims apart.
    `reached` takes the bytes that were checked since it was last called.
    """
    again = reader_again(source)
    blocks = Blocks(source, block)
    reading, is_foreign = _begin(blocks.head, max_faults, again)
    if is_foreign:
        reading.feed(b"", final=True)
        return reading, reading.faults
    for data, final in blocks:
        blocks.used = reading.feed(data, final)
        if reached is not None:
            reached(blocks.used)
    return reading, reading.faults


def check(data: bytes, *, max_faults: int = FAULTS_KEPT) -> list[Fault]:
    """Return the faults of a bare run, a claim file, an acknowledgement or a return, `max_faults` of each pass."""
    return examine(data, max_faults=max_faults)[1]


def check_stream(source: Source, *, max_faults: int = FAULTS_KEPT, block: int = BLOCK) -> list[Fault]:
    """Return what `check` does of a binary file of any size."""
    return examine_stream(source, max_faults=max_faults, block=block)[1]


def _begin(head: bytes, max_faults: int, again: Again | None) -> tuple[Reading, bool]:
    """Begin to read, and say whether the input is something else altogether, which is its only fault."""
    reading = Reading(LF in head, max_faults, again)
    fault = foreign_fault(head)
    if fault is not None:
        reading.lengths.add([fault], 1)
    return reading, fault is not None
