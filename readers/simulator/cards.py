# SPDX-License-Identifier: Apache-2.0
"""Cards made of software, of people who were never born: files in applications, and the ways in which cards answer."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from desmos_fast.base.identifiers import SYNTHETIC_PLACE, nir_key
from readers.cards.recognition import CPS, VITALE

VITALE_ATR: Final = bytes.fromhex("3B751300004309EA9000")
CPS_ATR: Final = bytes.fromhex("3BAC00402A00122500648000031000" + "9000")
UNKNOWN_ATR: Final = bytes.fromhex("3B021450")
# The driver cannot hold it: the card is there and does not answer.
MUTE_ATR: Final = b"\x3b" * 40
POINTERS: Final = bytes.fromhex("2001")
PEOPLE: Final = bytes.fromhex("2F02")
CLOSED: Final = bytes.fromhex("2F05")
DONE: Final = b"\x90\x00"
NOT_FOUND: Final = b"\x6a\x82"
REFUSED: Final = b"\x69\x82"
BEHIND: Final = b"\x6b\x00"
END: Final = b"\x62\x82"
UNKNOWN_COMMAND: Final = b"\x6d\x00"
WHOLE: Final = 256
# How a card says that a file ends: fewer bytes; that and a warning; the number that is left; nothing behind the end.
Ending = Literal["fewer", "warning", "length", "behind", "empty"]
_LAST: Final = ("ESSAI", "MARTIN-ESSAI", "D'ESSAI", "LEFÈVRE", "ÉLOUAN", "NOËL")
_FIRST: Final = ("JEANNE", "ANAÏS", "PAUL", "ZOÉ", "RÉMI", "LOUIS")


@dataclass(frozen=True)
class Person:
    """An invented person, as a card names one."""

    last_name: str
    first_name: str
    birth_date: str
    nir: str

    def expected(self) -> dict[str, str]:
        """Return what a reading of the card must give."""
        return {"last_name": self.last_name, "first_name": self.first_name, "birth_date": self.birth_date, "nir": self.nir}


def invented(seed: int) -> Person:
    """Return the person of a seed; one in eight has a birth date of the moon, which no calendar has."""
    drawn = random.Random(seed)
    year, month, sex = drawn.randrange(1930, 2024), drawn.randrange(1, 13), drawn.choice("12")
    day = drawn.randrange(1, 29)
    if drawn.randrange(8) == 0:
        month, day = drawn.choice(((13, 45), (20, 0), (31, 32)))
    body = f"{sex}{year % 100:02}{month:02}{SYNTHETIC_PLACE}{drawn.randrange(1, 900):03}"
    return Person(drawn.choice(_LAST), drawn.choice(_FIRST), f"{year}{month:02}{day:02}", f"{body}{nir_key(body):02}")


def tlv(tag: int, *values: bytes) -> bytes:
    """Return a tag with its value, the length as short as it goes."""
    value = b"".join(values)
    size = len(value)
    length = bytes((size,)) if size < 0x80 else bytes((0x81, size)) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


@dataclass
class FileCard:
    """A card with files in applications. A file that is a status instead of bytes refuses to be read."""

    atr: bytes
    applications: Mapping[bytes, Mapping[bytes, bytes]]
    closed: frozenset[bytes] = frozenset()
    ending: Ending = "fewer"
    # It says that there is more, and gives it when asked again.
    by_halves: bool = False
    verified: int = 0
    _files: Mapping[bytes, bytes] = field(default_factory=dict)
    _file: bytes | None = None
    _rest: bytes = b""

    def power(self, on: bool) -> None:
        """Forget what was selected."""
        self._files, self._file, self._rest = {}, None, b""

    def answer(self, command: bytes) -> bytes:
        """Answer SELECT, READ and GET RESPONSE."""
        match command[1]:
            case 0xA4:
                return self._select(command)
            case 0xB0:
                return self._read(command)
            case 0xC0:
                return self._more(command[-1] or WHOLE)
            case 0x20:
                self.verified += 1
        return UNKNOWN_COMMAND

    def _select(self, command: bytes) -> bytes:
        name = command[5 : 5 + command[4]]
        if command[2] == 0x04:
            found = self.applications.get(name)
            if found is None:
                return NOT_FOUND
            self._files, self._file = found, None
        elif name not in self._files and name not in self.closed:
            return NOT_FOUND
        else:
            self._file = name
        if not self.by_halves:
            return DONE
        self._rest = tlv(0x6F, tlv(0x84, name))
        return bytes((0x61, len(self._rest)))

    def _read(self, command: bytes) -> bytes:
        if self._file is None or self._file in self.closed:
            return REFUSED
        content = self._files[self._file]
        at, asked = int.from_bytes(command[2:4], "big"), command[4] or WHOLE
        part = content[at : at + asked]
        if at and not part:
            return DONE if self.ending == "empty" else BEHIND
        if len(part) < asked:
            if self.ending == "length" and part:
                return bytes((0x6C, len(part)))
            if self.ending == "warning":
                return part + END
        if self.by_halves and len(part) > 1:
            half = len(part) // 2
            self._rest = part[half:]
            return part[:half] + bytes((0x61, len(self._rest) % WHOLE))
        return part + DONE

    def _more(self, asked: int) -> bytes:
        given, self._rest = self._rest[:asked], self._rest[asked:]
        return given + (bytes((0x61, len(self._rest) % WHOLE)) if self._rest else DONE)


def holder(person: Person) -> bytes:
    """Return the file of a person."""
    fields = ((0x80, person.last_name), (0x81, person.first_name), (0x82, person.birth_date), (0x90, "FRA"), (0x93, person.nir))
    return tlv(0x65, *(tlv(tag, text.encode("latin-1")) for tag, text in fields)) + tlv(0x66, tlv(0x80, b"20200101"))


def pointers(files: Mapping[bytes, tuple[bytes, ...]]) -> bytes:
    """Return the file of pointers to files, given by application."""
    numbered = [(bytes((0, number)), name, there) for number, (name, there) in enumerate(files.items(), 1)]
    applications = tlv(0xA0, *(tlv(0x82, number, b"\x00\x01", name) for number, name, _ in numbered))
    places = [tlv(0x80, b"FICHIER%d" % rank, number, file) for number, _, there in numbered for rank, file in enumerate(there)]
    return tlv(0xE0, applications, tlv(0x9F01, b"\x01"), *places)


def vitale2(person: Person, *, ending: Ending = "fewer", by_halves: bool = False, padding: int = 0) -> FileCard:
    """Return the Vitale 2 of a person: a file that refuses, that of the person, and a certificate of `padding` bytes in front of it."""
    certificate = tlv(0x7F21, bytes(padding)) if padding else b""
    files = {POINTERS: pointers({VITALE: (CLOSED, PEOPLE)}), PEOPLE: certificate + holder(person)}
    return FileCard(VITALE_ATR, {VITALE: files}, frozenset({CLOSED}), ending, by_halves)


def cps3() -> FileCard:
    """Return a card of a health professional that only shows that it is one."""
    return FileCard(CPS_ATR, {CPS: {}})


def unknown() -> FileCard:
    """Return a card that no table knows."""
    return FileCard(UNKNOWN_ATR, {})


def mute() -> FileCard:
    """Return a card that is in and says nothing, as one that was put in the wrong way round."""
    return FileCard(MUTE_ATR, {})
