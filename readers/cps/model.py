# SPDX-License-Identifier: Apache-2.0
"""What the card of a health professional says, made out of its objects. Pure; what has no known layout is absent, and never guessed.

A test profile: the layouts come from one developer's notes and from certificates made for tests, never from a real card.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from readers.cards.tlv import values

# The flags of a token that tell of wrong codes.
COUNT_LOW, FINAL_TRY, LOCKED = 0x1_0000, 0x2_0000, 0x4_0000
Tries = Literal["all", "fewer", "last", "none"]
TRIES: Final[dict[Tries, str]] = {
    "all": "no wrong code since the last right one",
    "fewer": "a wrong code was given since the last right one",
    "last": "one try is left: one more wrong code blocks the card",
    "none": "the card is blocked",
}
# How the identifier of a certificate ends that is for proving who one is; those for signing are never taken in its place.
AUTHENTICATION: Final = b"\x20"
INFO: Final = "CPS_INFO_PS"
ACTIVITY: Final = "CPS_ACTIVITY_"
SPECIALTY_WIDTH: Final = 4
ACTIVITY_TAG: Final = 0xEE
NAME_TAG, STRUCTURE_TAG, SECTOR_TAG = 0x84, 0x85, 0x86


class Object(NamedTuple):
    """One object of a card: `data` or `certificate`, and its bytes."""

    kind: str
    label: str
    identifier: bytes
    value: bytes

    def __repr__(self) -> str:
        return f"Object({self.kind!r}, {self.label!r})"


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Where the professional works: the rank is that of the object, and ranks may be missing."""

    rank: int
    structure: str | None
    structure_id: str | None
    sector: str | None


class Professional(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a card, in which reader; activities only after the code. Never logged."""

    reader: str
    token: str
    tries: Tries
    identifier: str | None
    last_name: str | None
    first_name: str | None
    profession: str | None
    specialty: str | None
    activities: list[Activity] | None

    def __repr__(self) -> str:
        return f"Professional(reader={self.reader!r}, tries={self.tries!r})"


def tries(flags: int) -> Tries:
    """Return what the flags of a token say of the tries that are left; no flag says how many."""
    if flags & LOCKED:
        return "none"
    if flags & FINAL_TRY:
        return "last"
    return "fewer" if flags & COUNT_LOW else "all"


def professional(reader: str, token: str, flags: int, objects: Sequence[Object], *, opened: bool) -> Professional:
    """Return who holds a card, by what was read of it."""
    names = next((_names(each.value) for each in objects if each.kind == "certificate" and each.identifier[-1:] == AUTHENTICATION), {})
    info = next((each.value for each in objects if each.label == INFO), b"")
    return Professional(
        reader=reader,
        token=token,
        tries=tries(flags),
        identifier=names.get(NameOID.COMMON_NAME),
        last_name=names.get(NameOID.SURNAME),
        first_name=names.get(NameOID.GIVEN_NAME),
        profession=names.get(NameOID.TITLE),
        specialty=_specialty(info),
        activities=sorted(_activities(objects), key=lambda each: each.rank) if opened else None,
    )


def _names(certificate: bytes) -> dict[ObjectIdentifier, str]:
    """Return the names of the subject of a certificate; none where it is no certificate, or has a field twice."""
    try:
        subject = x509.load_der_x509_certificate(certificate).subject
    except ValueError:
        return {}
    found = [(each.oid, each.value) for each in subject if isinstance(each.value, str)]
    oids = [oid for oid, _ in found]
    return {oid: value for oid, value in found if oids.count(oid) == 1}


def _specialty(info: bytes) -> str | None:
    text = info.decode("latin-1")[-SPECIALTY_WIDTH:]
    return text if len(text) == SPECIALTY_WIDTH and text.isascii() and text.isalnum() else None


def _activities(objects: Sequence[Object]) -> Iterator[Activity]:
    for each in objects:
        if each.label.startswith(ACTIVITY):
            found = values(each.value, ACTIVITY_TAG)
            body = found[0] if len(found) == 1 else b""
            yield Activity(
                rank=int(each.label.removeprefix(ACTIVITY)[:2]),
                structure=_text(body, NAME_TAG),
                structure_id=_text(body, STRUCTURE_TAG),
                sector=_text(body, SECTOR_TAG),
            )


def _text(body: bytes, tag: int) -> str | None:
    found = values(body, tag)
    return found[0].decode("latin-1") if len(found) == 1 else None
