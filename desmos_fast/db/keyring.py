# SPDX-License-Identifier: Apache-2.0
"""From the master keys of the house to the keys of each tenant, the former ones included while rows are left under them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desmos_fast.base.errors import InvalidInput, OurBug
from desmos_fast.db.pool import DatabaseDown

KEY_SIZE: Final = 32
FIRST: Final = 0
_SEAL: Final = b"desmos-fast 1 seal\0"
_INDEX: Final = b"desmos-fast 1 index\0"
_KEPT: Final = 65_536


class MasterKeyTooShort(InvalidInput):
    """The master key has fewer than 32 bytes."""

    code = "invalid_input"


class KeyUnknown(OurBug):
    """A row was sealed under a master key that this house does not hold."""

    code = "seal_broken"


class KeySource(Protocol):
    """Whoever keeps the master keys, by number from 0 on."""

    def load(self, number: int) -> bytes:
        """Return a master key. Raises KeyUnknown, OutsideFailed."""

    def make(self, number: int) -> None:
        """Make a master key unless it is there; it is kept for good when this returns. Raises OutsideFailed."""


class KeyUse(NamedTuple):
    """Under which master key new rows are sealed, and under which their blind index is made."""

    seals: int = FIRST
    indexes: int = FIRST


@dataclass(frozen=True, repr=False, slots=True)
class TenantKeys:
    """The keys of one tenant, 32 bytes each.

    `seal` seals blobs, `insured` makes the blind index of NIRs, `index` the fingerprints of what files say, which no rotation changes.
    """

    seal: bytes
    index: bytes
    insured: bytes = b""
    number: int = FIRST
    former: Callable[[int], bytes] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse a key of another size with ValueError."""
        if not self.insured:
            object.__setattr__(self, "insured", self.index)
        if {len(self.seal), len(self.index), len(self.insured)} != {KEY_SIZE}:
            raise ValueError("a key has 32 bytes")

    def __repr__(self) -> str:
        """Name the class and nothing else: a repr reaches logs and tracebacks."""
        return "TenantKeys(...)"

    def opening(self, number: int) -> bytes:
        """Return the key that opens what was sealed under a master key. Raises KeyUnknown, OutsideFailed."""
        if number == self.number:
            return self.seal
        if self.former is None:
            raise KeyUnknown(f"the master key {number} is not here", hint="restore the folder of secrets from the backup")
        return self.former(number)


class Keyring:
    """Derive each tenant's keys from the master keys by HKDF-SHA-256, once per tenant and process.

    With a `source` the ring holds no key until `follow` told it which ones are in use: what is written under a former one by mistake would
    need another rotation.
    """

    __slots__ = ("_kept", "_masters", "_source", "_use")

    def __init__(self, master: bytes | None = None, *, source: KeySource | None = None) -> None:
        """Hold `master`, at least 32 random bytes, or take all from `source`. Raises MasterKeyTooShort."""
        self._masters: dict[int, bytes] = {}
        self._source = source
        self._use = None if master is None else KeyUse()
        self._kept: dict[UUID, TenantKeys] = {}
        if master is not None:
            self._keep(FIRST, master)

    def __repr__(self) -> str:
        """Name the class and nothing else."""
        return "Keyring(...)"

    @property
    def follows(self) -> bool:
        """Say whether other keys than the first may be had."""
        return self._source is not None

    def hold(self, use: KeyUse) -> None:
        """Have certain master keys at hand. Raises KeyUnknown, OutsideFailed."""
        for number in use:
            self.master(number)

    def follow(self, use: KeyUse) -> None:
        """Take from now on the keys that the database says are in use. Raises KeyUnknown, OutsideFailed."""
        if use == self._use:
            return
        self.hold(use)
        self._use = use
        self._kept.clear()

    @property
    def knows(self) -> bool:
        """Say whether it is known which keys are in use, and they are at hand."""
        return self._use is not None

    def withhold(self, use: KeyUse) -> None:
        """Hand out no keys any more where patients' indexes go by another key than those: written under the former one they would be apart.

        What is sealed under a former key opens for good, so that another key for that alone may come later.
        """
        if self._use is not None and self._use.indexes != use.indexes:
            self._use = None
            self._kept.clear()

    def master(self, number: int) -> bytes:
        """Return a master key, asked of the source once. Raises KeyUnknown, OutsideFailed."""
        found = self._masters.get(number)
        if found is None:
            if self._source is None:
                raise KeyUnknown(f"the master key {number} is not here", hint="restore the folder of secrets from the backup")
            found = self._keep(number, self._source.load(number))
        return found

    def of(self, tenant: UUID) -> TenantKeys:
        """Return the keys of `tenant`, the same ones each time until others are in use.

        Raises DatabaseDown before it is known which are.
        """
        keys = self._kept.get(tenant)
        if keys is None:
            if self._use is None:
                raise DatabaseDown("the keys in use are not known here, or not at hand", hint="send again with the same key in a moment")
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            keys = self._kept[tenant] = self.under(tenant, self._use)
        return keys

    def under(self, tenant: UUID, use: KeyUse) -> TenantKeys:
        """Return the keys of `tenant` under certain master keys. Raises KeyUnknown, OutsideFailed."""
        return TenantKeys(
            seal=self._derive(use.seals, _SEAL, tenant),
            index=self._derive(FIRST, _INDEX, tenant),
            insured=self._derive(use.indexes, _INDEX, tenant),
            number=use.seals,
            former=lambda number: self._derive(number, _SEAL, tenant),
        )

    def _keep(self, number: int, master: bytes) -> bytes:
        if len(master) < KEY_SIZE:
            raise MasterKeyTooShort("the master key is too short", hint="it needs 32 random bytes or more")
        self._masters[number] = bytes(master)
        return self._masters[number]

    def _derive(self, number: int, purpose: bytes, tenant: UUID) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=purpose + tenant.bytes).derive(self.master(number))
