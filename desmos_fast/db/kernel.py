# SPDX-License-Identifier: Apache-2.0
"""Sealing, blind index and binary COPY of whole blocks: what the kernels do, with the meaning that they lack."""

from array import array
from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum
from typing import Final, TypeAlias
from uuid import UUID

from desmos_fast.base.errors import InvalidInput, OurBug
from desmos_fast.db.keyring import TenantKeys
from ext import pgcopy, pgread
from ext import seal as _seal

Scalar: TypeAlias = bytes | int | str | date | datetime | bool
NIR_INDEXED: Final = 13
# What a row begins with that is sealed under another master key than the first; of the nonces of the first, one in 2**48 says the same.
MARK: Final = b"dsfkey"
HEAD: Final = len(MARK) + 2
# Written as text: `array` cannot be subscripted at run time before Python 3.12.
Values: TypeAlias = "Scalar | array[int] | Sequence[Scalar | None]"
Decoded: TypeAlias = (
    "array[int] | list[int | None] | list[bytes | None] | list[str | None] | list[date | None] | list[datetime | None] | list[bool | None]"
)


class Kind(IntEnum):
    """What PostgreSQL calls the type of a column."""

    UUID = pgcopy.UUID
    INT2 = pgcopy.INT2
    INT4 = pgcopy.INT4
    INT8 = pgcopy.INT8
    TEXT = pgcopy.TEXT
    BYTEA = pgcopy.BYTEA
    DATE = pgcopy.DATE
    TIMESTAMPTZ = pgcopy.TIMESTAMPTZ
    BOOL = pgcopy.BOOL
    JSONB = pgcopy.JSONB


class SealBroken(OurBug):
    """A sealed row does not open: it was altered, moved from its place, or sealed under another key."""

    code = "seal_broken"

    def __init__(self, table: str, row: int) -> None:
        super().__init__(f"row {row} of a block of {table} does not open", hint="check the master key, then the storage")
        self.table = table
        self.row = row


class NirTooShort(InvalidInput):
    """A number has fewer than the 13 characters that the index is made of."""

    code = "invalid_input"

    def __init__(self, row: int) -> None:
        super().__init__(f"the NIR of row {row} has fewer than {NIR_INDEXED} characters")
        self.row = row


class ValueUnfit(InvalidInput):
    """A value does not fit its column; `row` is None when the column itself is at fault."""

    code = "invalid_input"

    def __init__(self, column: str, row: int | None, reason: str) -> None:
        place = f"column {column}" if row is None else f"column {column}, row {row}"
        super().__init__(f"{place}: {reason}")
        self.column = column
        self.row = row


class StreamUnread(OurBug):
    """PostgreSQL's answer is not of the kinds that the query was said to give."""

    code = "internal"


def seal(keys: TenantKeys, table: str, tenant: UUID, ids: Sequence[UUID], plain: Sequence[bytes]) -> list[bytes]:
    """Seal each row by AES-256-GCM, bound to its table, tenant and id: nonce (12), ciphertext, tag (16).

    Under another master key than the first its number stands before. Raises ValueError when ids and rows differ in number. Opens only with
    the same table, tenant and id.
    """
    sealed = _seal.seal_block(keys.seal, _place(table, tenant), [row.bytes for row in ids], list(plain))
    head = head_of(keys.number)
    return [head + blob for blob in sealed] if head else sealed


def head_of(number: int) -> bytes:
    """Return what rows begin with that are sealed under a master key: nothing for the first one, else a mark and its number."""
    return MARK + number.to_bytes(HEAD - len(MARK), "big") if number else b""


def unseal(keys: TenantKeys, table: str, tenant: UUID, ids: Sequence[UUID], sealed: Sequence[bytes]) -> list[bytes]:
    """Open what `seal` made, all rows or none.

    Raises SealBroken for the first row that does not open, KeyUnknown, ValueError when ids and rows differ in number.
    """
    if len(ids) != len(sealed):
        raise ValueError("ids and rows differ in number")
    under: dict[bytes, list[int]] = {}
    for row, blob in enumerate(sealed):
        under.setdefault(blob[:HEAD] if blob.startswith(MARK) else b"", []).append(row)
    opened: list[bytes] = [b""] * len(sealed)
    for head, rows in under.items():
        key = keys.opening(int.from_bytes(head[len(MARK) :], "big"))
        try:
            plain = _seal.open_block(
                key, _place(table, tenant), [ids[row].bytes for row in rows], [sealed[row][len(head) :] for row in rows]
            )
        except ValueError as error:
            row, _reason = error.args
            raise SealBroken(table, rows[row]) from None
        for row, content in zip(rows, plain, strict=True):
            opened[row] = content
    return opened


def blind_index(keys: TenantKeys, nirs: Sequence[str]) -> list[bytes]:
    """Return HMAC-SHA-256 of the first 13 characters of each NIR: 32 bytes, the same with or without the NIR's key.

    Raises NirTooShort; the form of a NIR is checked where it enters.
    """
    short = [nir[:NIR_INDEXED] for nir in nirs]
    for row, nir in enumerate(short):
        if len(nir) != NIR_INDEXED:
            raise NirTooShort(row)
    return _seal.index_block(keys.insured, short)


def copy_stream(names: Sequence[str], kinds: Sequence[Kind], columns: Sequence[Values], rows: int) -> bytes:
    """Lay out columns as one binary COPY stream; a list holds a value a row (None is NULL), a single value stands for all rows.

    Raises ValueUnfit for the first value that does not fit; its text never holds the value.
    """
    try:
        return pgcopy.encode(bytes(kinds), tuple(columns), rows)
    except (TypeError, ValueError, OverflowError) as error:
        if len(error.args) != 3:
            raise
        row, column, reason = error.args
        raise ValueUnfit(names[column], row, reason) from None


def read_stream(data: bytes, kinds: Sequence[Kind]) -> tuple[Decoded, ...]:
    """Read a whole binary COPY stream into columns: integers without NULL as `array('q')`, the rest as lists.

    Raises StreamUnread.
    """
    try:
        return pgread.decode(data, bytes(kinds))
    except (ValueError, OverflowError) as error:
        raise StreamUnread(f"the COPY stream cannot be read: {error.args[-1]}") from None


def _place(table: str, tenant: UUID) -> bytes:
    # Table, zero byte, 16 bytes of tenant, then 16 of id: no two places give the same bytes.
    name = table.encode("ascii")
    if not name or b"\0" in name:
        raise ValueError("not the name of a table")
    return name + b"\0" + tenant.bytes
