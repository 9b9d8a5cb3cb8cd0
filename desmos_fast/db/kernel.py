# SPDX-License-Identifier: Apache-2.0
"""Sealing and blind index of whole blocks: what the kernels do, with the meaning that they lack."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from desmos_fast.base.errors import InvalidInput, OurBug
from desmos_fast.db.keyring import TenantKeys
from ext import seal as _seal

NIR_INDEXED: Final = 13


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


def seal(keys: TenantKeys, table: str, tenant: UUID, ids: Sequence[UUID], plain: Sequence[bytes]) -> list[bytes]:
    """Seal each row by AES-256-GCM, bound to its table, tenant and id: nonce (12), ciphertext, tag (16).

    Raises ValueError when ids and rows differ in number. Opens only with the same table, tenant and id.
    """
    return _seal.seal_block(keys.seal, _place(table, tenant), [row.bytes for row in ids], list(plain))


def unseal(keys: TenantKeys, table: str, tenant: UUID, ids: Sequence[UUID], sealed: Sequence[bytes]) -> list[bytes]:
    """Open what `seal` made, all rows or none.

    Raises SealBroken for the first row that does not open, ValueError when ids and rows differ in number.
    """
    if len(ids) != len(sealed):
        raise ValueError("ids and rows differ in number")
    prefix = _place(table, tenant)
    try:
        return _seal.open_block(keys.seal, prefix, [row.bytes for row in ids], list(sealed))
    except ValueError as error:
        row, _reason = error.args
        raise SealBroken(table, row) from None


def blind_index(keys: TenantKeys, nirs: Sequence[str]) -> list[bytes]:
    """Return HMAC-SHA-256 of the first 13 characters of each NIR: 32 bytes, the same with or without the NIR's key.

    Raises NirTooShort; the form of a NIR is checked where it enters.
    """
    short = [nir[:NIR_INDEXED] for nir in nirs]
    for row, nir in enumerate(short):
        if len(nir) != NIR_INDEXED:
            raise NirTooShort(row)
    return _seal.index_block(keys.index, short)


def _place(table: str, tenant: UUID) -> bytes:
    # Table, zero byte, 16 bytes of tenant, then 16 of id: no two places give the same bytes.
    name = table.encode("ascii")
    if not name or b"\0" in name:
        raise ValueError("not the name of a table")
    return name + b"\0" + tenant.bytes
