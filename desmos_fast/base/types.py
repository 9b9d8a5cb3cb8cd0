# SPDX-License-Identifier: Apache-2.0
"""Ids, money and the few words that every room shares."""

import os
import time
from typing import Literal, NewType
from uuid import UUID

Cents = NewType("Cents", int)
TenantId = NewType("TenantId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
LotId = NewType("LotId", UUID)
FileId = NewType("FileId", UUID)

KeyKind = Literal["test", "live"]
Part = Literal["amo", "amc", "patient"]


def uuid7() -> UUID:
    """Make a time-ordered UUID version 7 (RFC 9562): 48 bits of milliseconds, 74 of chance."""
    value = int.from_bytes(os.urandom(16), "big")
    milliseconds = time.time_ns() // 1_000_000
    value &= ~(0xFFFF_FFFF_FFFF << 80)
    value |= (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value = value & ~(0xF000 << 64) | (0x7000 << 64)
    value = value & ~(0xC000 << 48) | (0x8000 << 48)
    return UUID(int=value)
