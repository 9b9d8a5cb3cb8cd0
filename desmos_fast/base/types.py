# SPDX-License-Identifier: Apache-2.0
"""Ids, money and the few words that every room shares."""

import os
import time
from typing import Final, Literal, NewType
from uuid import UUID

Cents = NewType("Cents", int)
TenantId = NewType("TenantId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
LotId = NewType("LotId", UUID)
FileId = NewType("FileId", UUID)

KeyKind = Literal["test", "live"]
Part = Literal["amo", "amc", "patient"]


# What is drawn of the system at once: asking it costs more than all else of an id.
_AT_ONCE: Final = 256
_FIXED: Final = 0xF000 << 64 | 0xC000 << 48
_MARKS: Final = 0x7000 << 64 | 0x8000 << 48
# Each is taken once, by whichever thread pops it.
_chances: Final[list[int]] = []
# A process that is forked must not make the ids that its parent makes.
os.register_at_fork(after_in_child=_chances.clear)


def uuid7() -> UUID:
    """Make a time-ordered UUID version 7 (RFC 9562): 48 bits of milliseconds, 74 of chance."""
    return UUID(int=_number7())


def uuid7_text() -> str:
    """Make one as it is written, in less time."""
    digits = f"{_number7():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _number7() -> int:
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    try:
        return milliseconds << 80 | _chances.pop()
    except IndexError:
        drawn = os.urandom(10 * _AT_ONCE)
        made = [int.from_bytes(drawn[at : at + 10], "big") & ~_FIXED | _MARKS for at in range(0, len(drawn), 10)]
        # The first is for who asked, so that no other thread can leave him without.
        _chances.extend(made[1:])
        return milliseconds << 80 | made[0]


_VERSION: Final = bytes(0x70 | byte & 0x0F for byte in range(256))
_VARIANT: Final = bytes(0x80 | byte & 0x3F for byte in range(256))


def uuid7_block(count: int) -> list[bytes]:
    """Make many as the 16 bytes of each, in ascending order."""
    block = bytearray(os.urandom(16 * count))
    for place, byte in enumerate((time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF).to_bytes(6, "big")):
        block[place::16] = bytes((byte,)) * count
    block[6::16] = block[6::16].translate(_VERSION)
    block[8::16] = block[8::16].translate(_VARIANT)
    whole = bytes(block)
    return sorted([whole[at : at + 16] for at in range(0, len(whole), 16)])
