# SPDX-License-Identifier: Apache-2.0
"""From one master key to the two keys of each tenant."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desmos_fast.base.errors import InvalidInput

KEY_SIZE: Final = 32
_SEAL: Final = b"desmos-fast 1 seal\0"
_INDEX: Final = b"desmos-fast 1 index\0"
_KEPT: Final = 65_536


class MasterKeyTooShort(InvalidInput):
    """The master key has fewer than 32 bytes."""

    code = "invalid_input"


@dataclass(frozen=True, repr=False, slots=True)
class TenantKeys:
    """The keys of one tenant, 32 bytes each: one seals blobs, the other makes the blind index."""

    seal: bytes
    index: bytes

    def __post_init__(self) -> None:
        """Refuse a key of another size with ValueError."""
        if len(self.seal) != KEY_SIZE or len(self.index) != KEY_SIZE:
            raise ValueError("a key has 32 bytes")

    def __repr__(self) -> str:
        """Name the class and nothing else: a repr reaches logs and tracebacks."""
        return "TenantKeys(...)"


class Keyring:
    """Derive each tenant's keys from the master key by HKDF-SHA-256, once per tenant and process."""

    __slots__ = ("_kept", "_master")

    def __init__(self, master: bytes) -> None:
        """Hold `master`, at least 32 random bytes. Raises MasterKeyTooShort."""
        if len(master) < KEY_SIZE:
            raise MasterKeyTooShort("the master key is too short", hint="it needs 32 random bytes or more")
        self._master = bytes(master)
        self._kept: dict[UUID, TenantKeys] = {}

    def __repr__(self) -> str:
        """Name the class and nothing else."""
        return "Keyring(...)"

    def of(self, tenant: UUID) -> TenantKeys:
        """Return the keys of `tenant`, the same ones each time."""
        keys = self._kept.get(tenant)
        if keys is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            keys = self._kept[tenant] = TenantKeys(self._derive(_SEAL, tenant), self._derive(_INDEX, tenant))
        return keys

    def _derive(self, purpose: bytes, tenant: UUID) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=purpose + tenant.bytes).derive(self._master)
