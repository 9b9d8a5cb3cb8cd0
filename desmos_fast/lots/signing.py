# SPDX-License-Identifier: Apache-2.0
"""The port by which a health professional's card signs lots, and a card that is none: the simulator's."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desmos_fast.base import settings
from desmos_fast.base.errors import OurBug
from desmos_fast.lots.policies import LINE


class SignatureBroken(OurBug):
    """The signature that was kept with a lot does not fit what is to be sent."""

    code = "lot_signature_broken"


class LotToSign(NamedTuple):
    """A lot as it leaves: `content` runs from its header to its trailer."""

    biller: str
    number: int
    day: date
    content: bytes


class Signature(NamedTuple):
    """Who signed a lot, by the name of the backend, and what it gave."""

    signer: str
    value: bytes


class LotPlace(NamedTuple):
    """Which lines of a file are a lot: `records` of them from `first_record`, counted from 1."""

    biller: str
    number: int
    day: date
    first_record: int
    records: int

    def within(self, file: bytes) -> LotToSign:
        """Return the lot as it stands in its file."""
        start = (self.first_record - 1) * LINE
        return LotToSign(self.biller, self.number, self.day, file[start : start + self.records * LINE])


class SignedLot(NamedTuple):
    """A lot of a file, and the signature that was kept with it."""

    place: LotPlace
    signature: Signature


class HealthCardBackend(Protocol):
    """A way to a card that signs. Calls are made in a thread, one lot after the other, and may wait for the card."""

    @property
    def name(self) -> str:
        """Name the backend, as it is kept with each signature."""

    def sign_lot(self, lot: LotToSign) -> Signature | None:
        """Sign a lot, or return None for one that leaves unsigned."""

    def verifies(self, lot: LotToSign, signature: Signature) -> bool:
        """Say whether a signature of this backend is that of the lot."""


class Unsigned:
    """No card: every lot leaves unsigned, as in a profile that says nothing of signatures."""

    name: Final = "none"

    def sign_lot(self, lot: LotToSign) -> None:
        """Sign nothing."""

    def verifies(self, lot: LotToSign, signature: Signature) -> bool:
        """Know no signature."""
        return False


class SimulatedCard:
    """A card of the simulator: Ed25519 under a key that anybody can make, so that its signatures prove nothing but that it was asked."""

    name: Final = "simulator"

    def __init__(self) -> None:
        self._key: Final = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"desmos-fast: simulated card, worth nothing").digest())

    def sign_lot(self, lot: LotToSign) -> Signature:
        """Sign a lot; the same lot always gets the same signature."""
        return Signature(self.name, self._key.sign(_signed(lot)))

    def verifies(self, lot: LotToSign, signature: Signature) -> bool:
        """Say whether this card made the signature for the lot."""
        try:
            self._key.public_key().verify(signature.value, _signed(lot))
        except InvalidSignature:
            return False
        return True


BACKENDS: Final[Mapping[str, type[Unsigned] | type[SimulatedCard]]] = {one.name: one for one in (Unsigned, SimulatedCard)}


@cache
def _backend(name: str) -> HealthCardBackend:
    return BACKENDS[name]()


def chosen() -> HealthCardBackend:
    """Return the backend of the settings. Raises BadSetting."""
    return _backend(settings.signing())


def check(lots: Sequence[SignedLot], file: bytes) -> None:
    """Compare each signature that was kept with the lot as it stands in its file. Raises SignatureBroken."""
    for place, signature in lots:
        if signature.signer not in BACKENDS or not _backend(signature.signer).verifies(place.within(file), signature):
            raise SignatureBroken(
                f"the signature of lot {place.number} by {signature.signer!r} is not that of what is to be sent",
                hint="look at the storage, and whether this program knows who signed",
            )


def _signed(lot: LotToSign) -> bytes:
    # What is of variable length stands last or is hashed: two lots never give the same bytes.
    digest = hashlib.sha256(lot.content).digest()
    return b"desmos-fast simulated signature of a lot, 1\0" + digest + f"{lot.day.isoformat()} {lot.number:03d} {lot.biller}".encode()
