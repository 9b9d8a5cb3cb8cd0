# SPDX-License-Identifier: Apache-2.0
"""Binary COPY streams of a block of invoices, written and read, beside plain Python with `struct` and beside a copy of the ready bytes.

All in one thread. It does not show the database, which takes most of the time of a real COPY.
"""

import struct
from array import array
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ext import pgcopy, pgread
from loadtests.model import Contender, Job, Race

KINDS: Final = bytes([pgcopy.UUID] * 2 + [pgcopy.TEXT] * 3 + [pgcopy.DATE] + [pgcopy.INT8] * 6 + [pgcopy.BYTEA] * 2 + [pgcopy.TIMESTAMPTZ])
FIRST: Final = date(2025, 1, 1)
EPOCH_DAY: Final = date(2000, 1, 1).toordinal()
NOW: Final = datetime(2025, 7, 1, 12, tzinfo=UTC)
SINCE: Final = (NOW - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
INSTANT: Final = struct.pack(">iq", 8, SINCE)
HEAD: Final = struct.Struct(">hi16si16s")
DAY: Final = struct.Struct(">ii")
AMOUNTS: Final = struct.Struct(">" + "iq" * 6)
SIZE: Final = struct.Struct(">i")


class Block:
    """Fifteen columns, as an invoice has; the same for everyone."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.tenant = bytes(range(16))
        self.ids = [row.to_bytes(16, "big") for row in range(rows)]
        self.texts = [[f"{word}{i % 97}" for i in range(rows)] for word in ("ngap", "signed", "D")]
        self.days = [FIRST + timedelta(days=i % 365) for i in range(rows)]
        self.amounts = [array("q", range(column, rows + column)) for column in range(6)]
        self.keys = [row.to_bytes(32, "little") for row in range(rows)]
        self.sealed = [row.to_bytes(900, "little") for row in range(rows)]

    def columns(self) -> "tuple[pgcopy._Column, ...]":
        """Return the columns as the kernel takes them."""
        return (self.tenant, self.ids, *self.texts, self.days, *self.amounts, self.keys, self.sealed, NOW)


def plain_encode(block: Block) -> bytes:
    """Write the stream row by row."""
    parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
    a, b, c = block.texts
    p, q, r, s, t, u = block.amounts
    for i in range(block.rows):
        parts.append(HEAD.pack(15, 16, block.tenant, 16, block.ids[i]))
        for text in (a[i], b[i], c[i]):
            raw = text.encode()
            parts += (SIZE.pack(len(raw)), raw)
        parts.append(DAY.pack(4, block.days[i].toordinal() - EPOCH_DAY))
        parts.append(AMOUNTS.pack(8, p[i], 8, q[i], 8, r[i], 8, s[i], 8, t[i], 8, u[i]))
        for raw in (block.keys[i], block.sealed[i]):
            parts += (SIZE.pack(len(raw)), raw)
        parts.append(INSTANT)
    parts.append(b"\xff\xff")
    return b"".join(parts)


def plain_decode(data: bytes) -> list[list[Any]]:
    """Read the stream field by field."""
    columns: list[list[Any]] = [[] for _ in KINDS]
    at, unpack = 19, SIZE.unpack_from
    while data[at : at + 2] != b"\xff\xff":
        at += 2
        for kind, column in zip(KINDS, columns, strict=True):
            (length,) = unpack(data, at)
            raw = data[at + 4 : at + 4 + length]
            at += 4 + length
            if kind == pgcopy.INT8:
                column.append(int.from_bytes(raw, "big", signed=True))
            elif kind == pgcopy.TEXT:
                column.append(raw.decode())
            elif kind == pgcopy.DATE:
                column.append(date.fromordinal(int.from_bytes(raw, "big", signed=True) + EPOCH_DAY))
            elif kind == pgcopy.TIMESTAMPTZ:
                column.append(NOW + timedelta(microseconds=int.from_bytes(raw, "big", signed=True) - SINCE))
            else:
                column.append(raw)
    return columns


def listed(columns: Any) -> list[list[Any]]:
    """Return columns as lists, to be compared."""
    return [list(column) for column in columns]


def ours_write(rows: int) -> Job:
    """Write a stream in one call."""
    block = Block(rows)
    columns = block.columns()
    return Job(lambda: pgcopy.encode(KINDS, columns, rows), rows)


def plain_write(rows: int) -> Job:
    """Write a stream with struct."""
    block = Block(rows)
    return Job(lambda: plain_encode(block), rows)


def copied(rows: int) -> Job:
    """Copy the ready stream."""
    stream = plain_encode(Block(rows))
    return Job(lambda: bytearray(stream), rows)


def ours_read(rows: int) -> Job:
    """Read a stream in one call."""
    stream = plain_encode(Block(rows))
    return Job(lambda: pgread.decode(stream, KINDS), rows, listed)


def plain_read(rows: int) -> Job:
    """Read a stream with struct."""
    stream = plain_encode(Block(rows))
    return Job(lambda: plain_decode(stream), rows, listed)


RACES: Final = (
    Race(
        "copy-write", "write a COPY stream", 5_000, 1_000,
        ours=(Contender("block", ours_write),), peers=(Contender("struct", plain_write), Contender("copy of the ready bytes", copied)),
        answer=lambda rows: plain_encode(Block(rows)),
    ),
    Race(
        "copy-read", "read a COPY stream", 5_000, 1_000,
        ours=(Contender("block", ours_read),), peers=(Contender("struct", plain_read),),
        answer=lambda rows: plain_decode(plain_encode(Block(rows))),
    ),
)  # fmt: skip
