# SPDX-License-Identifier: Apache-2.0
"""Who the holder of a Vitale card is, as its files say it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from desmos_fast.base.identifiers import nir_is_valid
from readers.cards.tlv import values
from readers.errors import CardNirKey, CardNoIdentity

POINTERS: Final = 0xE0
APPLICATIONS: Final = 0xA0
APPLICATION: Final = 0x82
FILE: Final = 0x80
# A number of two bytes, two more, and a name.
BEFORE_NAME: Final = 4
LONGEST_NAME: Final = 16
# A name of eight bytes, the number of the application, the file.
FILE_WIDTH: Final = 12
HOLDER: Final = 0x65
CARD: Final = 0x66


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is: the name of its application and its own number."""

    application: bytes
    file: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What the card says, as it says it: a field that it does not have is none. A birth date may be none of the calendar."""

    last_name: bytes | None
    first_name: bytes | None
    birth_date: bytes | None
    nationality: bytes | None
    nir: bytes | None
    valid_from: bytes | None

    def shown(self) -> dict[str, str | None]:
        """Return the fields for a person or a program to read: untrimmed, Latin-1."""
        fields = (("last_name", self.last_name), ("first_name", self.first_name), ("birth_date", self.birth_date), ("nir", self.nir))
        return {name: value.decode("latin-1") if value is not None else None for name, value in fields}


def places(pointers: bytes) -> list[Place]:
    """Return where the files are that the file of pointers names, each once."""
    found: dict[Place, None] = {}
    for table in values(pointers, POINTERS):
        names = {
            entry[:2]: entry[BEFORE_NAME:]
            for group in values(table, APPLICATIONS)
            for entry in values(group, APPLICATION)
            if BEFORE_NAME < len(entry) <= BEFORE_NAME + LONGEST_NAME
        }
        for file in values(table, FILE):
            if len(file) == FILE_WIDTH and (name := names.get(file[8:10])) is not None:
                found[Place(name, file[10:12])] = None
    return list(found)


def identity(files: Iterable[bytes]) -> Identity:
    """Return who the files tell of; the first that tells of anybody does. Raises CardNoIdentity, CardNirKey."""
    read = list(files)
    holder = next((value for file in read for value in values(file, HOLDER)), None)
    if holder is None:
        raise CardNoIdentity("the card has no identity that can be read")
    nir = _first(holder, 0x93)
    if nir is not None and not nir_is_valid(nir.decode("latin-1")):
        raise CardNirKey("the key of the NIR on the card is wrong", hint="do not bill with this card")
    return Identity(
        last_name=_first(holder, 0x80),
        first_name=_first(holder, 0x81),
        birth_date=_first(holder, 0x82),
        nationality=_first(holder, 0x90),
        nir=nir,
        valid_from=next((found for file in read for card in values(file, CARD) if (found := _first(card, 0x80)) is not None), None),
    )


def _first(data: bytes, tag: int) -> bytes | None:
    return next(iter(values(data, tag)), None)
