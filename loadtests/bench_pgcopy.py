# SPDX-License-Identifier: Apache-2.0
"""Binary COPY streams of a block of invoices, written and read, beside plain Python with `struct` and beside memcpy.

Shows the work in one thread. It does not show the database, which takes most of the time of a real COPY.
"""

import argparse
import os
import struct
from array import array
from datetime import UTC, date, datetime, timedelta

from ext import pgcopy, pgread
from loadtests.rounds import compare

KINDS = bytes([pgcopy.UUID] * 2 + [pgcopy.TEXT] * 3 + [pgcopy.DATE] + [pgcopy.INT8] * 6 + [pgcopy.BYTEA] * 2 + [pgcopy.TIMESTAMPTZ])
FIRST = date(2025, 1, 1)
EPOCH_DAY = date(2000, 1, 1).toordinal()
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
INSTANT = struct.pack(">iq", 8, (NOW - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
HEAD = struct.Struct(">hi16si16s")
DAY = struct.Struct(">ii")
AMOUNTS = struct.Struct(">" + "iq" * 6)
SIZE = struct.Struct(">i")


class Block:
    """Fifteen columns, as an invoice has."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.tenant = os.urandom(16)
        self.ids = [os.urandom(16) for _ in range(rows)]
        self.texts = [[f"{word}{i % 97}" for i in range(rows)] for word in ("ngap", "signed", "D")]
        self.days = [FIRST + timedelta(days=i % 365) for i in range(rows)]
        self.amounts = [array("q", range(column, rows + column)) for column in range(6)]
        self.keys = [os.urandom(32) for _ in range(rows)]
        self.sealed = [os.urandom(900) for _ in range(rows)]

    def columns(self) -> "tuple[pgcopy._Column, ...]":
        return (self.tenant, self.ids, *self.texts, self.days, *self.amounts, self.keys, self.sealed, NOW)


def plain_encode(block: Block) -> bytes:
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


def plain_decode(data: bytes) -> list[list[object]]:
    columns: list[list[object]] = [[] for _ in KINDS]
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
            else:
                column.append(raw)
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    rows, rounds = (1_000, 5) if quick else (5_000, 15)
    block = Block(rows)
    columns, stream = block.columns(), plain_encode(block)
    if pgcopy.encode(KINDS, columns, rows) != stream:
        raise SystemExit("ours and the peer disagree")
    print(f"blocks of {rows} rows of {len(KINDS)} columns, {len(stream) // rows} bytes a row, {rounds} rounds in turn")
    compare("write a stream, peer: struct", rows, lambda: pgcopy.encode(KINDS, columns, rows), lambda: plain_encode(block), rounds)
    compare("read a stream, peer: struct", rows, lambda: pgread.decode(stream, KINDS), lambda: plain_decode(stream), rounds)
    compare(
        "write a stream, peer: copy of the ready bytes",
        rows,
        lambda: pgcopy.encode(KINDS, columns, rows),
        lambda: bytearray(stream),
        rounds,
    )


if __name__ == "__main__":
    main()
