# SPDX-License-Identifier: Apache-2.0
"""The twin of the COPY kernels: plain `struct` packing after PostgreSQL's page on COPY, binary format."""

import struct
from datetime import UTC, date, datetime, timedelta

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
UUID, INT2, INT4, INT8, TEXT, BYTEA, DATE, TIMESTAMPTZ, BOOL, JSONB = range(1, 11)
INTEGERS = {INT2: ">h", INT4: ">i", INT8: ">q"}
TYPES: dict[int, type] = {
    UUID: bytes, INT2: int, INT4: int, INT8: int, TEXT: str, BYTEA: bytes, DATE: date, TIMESTAMPTZ: datetime, BOOL: bool, JSONB: bytes,
}  # fmt: skip
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


def pack(kind: int, value: object) -> bytes:
    """Return the bytes of one value; raise struct.error, TypeError or ValueError for one that does not fit."""
    wanted = TYPES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != BOOL) or (isinstance(value, datetime) and kind == DATE):
        raise TypeError
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError
        return struct.pack(">q", (value - MIDNIGHT) // timedelta(microseconds=1))
    if isinstance(value, date):
        return struct.pack(">i", (value - date(2000, 1, 1)).days)
    if isinstance(value, int):
        return struct.pack("?" if kind == BOOL else INTEGERS[kind], value)
    if isinstance(value, str):
        return pack_text(value)
    assert isinstance(value, bytes)
    if kind == UUID and len(value) != 16:
        raise ValueError
    return b"\1" + value if kind == JSONB else value


def pack_text(value: str) -> bytes:
    if "\0" in value:
        raise ValueError
    return value.encode()


def encode(types: tuple[int, ...], columns: list[list[object]], rows: int) -> bytes:
    """Lay out columns of equal length, None for NULL."""
    stream = SIGNATURE + struct.pack(">II", 0, 0)
    for row in range(rows):
        stream += struct.pack(">h", len(types))
        for kind, column in zip(types, columns, strict=True):
            if column[row] is None:
                stream += struct.pack(">i", -1)
            else:
                content = pack(kind, column[row])
                stream += struct.pack(">i", len(content)) + content
    return stream + struct.pack(">h", -1)


def unpack(kind: int, content: bytes) -> object:
    """Return the value of one field; raise struct.error, ValueError or OverflowError for bytes that are none."""
    if kind in INTEGERS:
        return struct.unpack(INTEGERS[kind], content)[0]
    if kind == BOOL:
        return (b"\0", b"\1").index(content) == 1
    if kind == TEXT:
        return content.decode()
    if kind == DATE:
        return date(2000, 1, 1) + timedelta(days=struct.unpack(">i", content)[0])
    if kind == TIMESTAMPTZ:
        return MIDNIGHT + timedelta(microseconds=struct.unpack(">q", content)[0])
    if kind == UUID and len(content) != 16:
        raise ValueError
    if kind == JSONB:
        if content[:1] != b"\1":
            raise ValueError
        return content[1:]
    return content


def decode(data: bytes, types: tuple[int, ...]) -> list[list[object]]:
    """Read a whole stream into columns of plain lists."""
    if data[:11] != SIGNATURE:
        raise ValueError
    flags, extension = struct.unpack_from(">II", data, 11)
    at = 19 + extension
    if flags >> 16 or at > len(data):
        raise ValueError
    columns: list[list[object]] = [[] for _ in types]
    while (fields := struct.unpack_from(">h", data, at)[0]) != -1:
        at += 2
        if fields != len(types):
            raise ValueError
        for kind, column in zip(types, columns, strict=True):
            (length,) = struct.unpack_from(">i", data, at)
            at += 4
            if length == -1:
                column.append(None)
                continue
            if length < 0 or at + length > len(data):
                raise ValueError
            column.append(unpack(kind, data[at : at + length]))
            at += length
    if at + 2 != len(data):
        raise ValueError
    return columns
