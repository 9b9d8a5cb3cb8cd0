# SPDX-License-Identifier: Apache-2.0
"""Secrets of code generators, sealed under the master keys as everything is; those from before under a key of their own still open."""

from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.db import kernel
from desmos_fast.db.keyring import FIRST, TenantKeys

TABLE: Final = "account"
# A person belongs to no centre.
HOUSE: Final = UUID(int=0)
_NONCE: Final = 12


def head_of(number: int) -> bytes:
    """Return what a secret begins with that is sealed under a master key, the first one too: without it a seal is one from before."""
    return kernel.MARK + number.to_bytes(kernel.HEAD - len(kernel.MARK), "big")


def seal(keys: TenantKeys, account: UUID, secret: str) -> bytes:
    """Return a secret sealed for one account."""
    (sealed,) = kernel.seal(keys, TABLE, HOUSE, [account], [secret.encode()])
    return head_of(FIRST) + sealed if keys.number == FIRST else sealed


def unseal(keys: TenantKeys, former: bytes | None, account: UUID, sealed: bytes) -> str:
    """Return what was sealed for an account; `former` opens what is from before. Raises SealBroken, KeyUnknown."""
    if sealed.startswith(kernel.MARK):
        return kernel.unseal(keys, TABLE, HOUSE, [account], [sealed])[0].decode()
    if former is None:
        raise kernel.SealBroken(TABLE, 0)
    try:
        return AESGCM(former).decrypt(sealed[:_NONCE], sealed[_NONCE:], account.bytes).decode()
    except InvalidTag:
        raise kernel.SealBroken(TABLE, 0) from None
