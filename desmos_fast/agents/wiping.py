# SPDX-License-Identifier: Apache-2.0
"""What an agent leaves behind when it is wiped: a list of what was removed, signed by the key that was removed with it."""

import base64
from datetime import datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from desmos_fast.base.errors import InvalidInput

PURPOSE: Final = b"desmos-fast agents wiped 1\0"
_HASH: Final = hashes.SHA256()


class ProofRefused(InvalidInput):
    """A proof of wiping is none, or was changed since."""

    code = "invalid_input"


class Wiped(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its size and SHA-256 before; whether it was written over, and whether it is gone."""

    name: str
    size: int
    sha256: str
    overwritten: bool
    removed: bool


class Wiping(msgspec.Struct, frozen=True, kw_only=True):
    """What was wiped. `unsent`: events that the service never had, null where the queue could not be read; `left` was not the agent's."""

    agent: str
    desk: str
    service: str
    at: datetime
    revoked: bool
    unsent: int | None
    files: list[Wiped]
    left: list[str]
    folder_removed: bool


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A wiping as it was signed, byte for byte in base64, the signature, and the certificate of the key."""

    wiping: str
    signature: str
    certificate: str


def prove(wiping: Wiping, key: ec.EllipticCurvePrivateKey, certificate: str) -> Proof:
    """Sign what was wiped."""
    said = msgspec.json.encode(wiping)
    signature = key.sign(PURPOSE + said, ec.ECDSA(_HASH))
    return Proof(wiping=base64.b64encode(said).decode(), signature=base64.b64encode(signature).decode(), certificate=certificate)


def read(proof: Proof) -> tuple[Wiping, bytes, bytes]:
    """Return what a proof says, what was signed, and the signature; nothing of it is checked yet. Raises ProofRefused."""
    try:
        said, signature = base64.b64decode(proof.wiping, validate=True), base64.b64decode(proof.signature, validate=True)
        return msgspec.json.decode(said, type=Wiping), said, signature
    except (ValueError, msgspec.MsgspecError) as error:
        raise ProofRefused("this is no proof of a wiping") from error


def check(said: bytes, signature: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Refuse what a key did not sign. Raises ProofRefused."""
    try:
        key.verify(signature, PURPOSE + said, ec.ECDSA(_HASH))
    except InvalidSignature as error:
        raise ProofRefused("the proof was changed, or is of another workstation") from error
