# SPDX-License-Identifier: Apache-2.0
"""The zones of the SSV interface: groups of fields by their place, as a table names them. Bytes in, bytes out; nothing is dropped."""

import csv
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from readers.errors import ReaderError

TABLE: Final = Path(__file__).with_name("groups.csv")
LONG: Final = 0x80
LONGEST_FIELD: Final = 255
LONGEST_GROUP: Final = {"counted": 0xFFFF, "joined": 0x7FFF}
# No public page says what bit 7 of a length means: that so many bytes of length follow, or that 15 bits of length stand in two bytes.
LongForm = Literal["counted", "joined"]


class ZoneFault(ReaderError):
    """A zone is not made as zones are; it says where (bytes from its beginning), never what stood there."""

    code = "ssv_zone"

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(f"{detail}, at byte {offset} of the zone")
        self.offset = offset


@dataclass(frozen=True, slots=True, repr=False)
class Group:
    """One group: its number, and its fields in their order, as bytes."""

    number: int
    fields: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Group({self.number}, {len(self.fields)} fields)"

    def named(self, table: Path = TABLE) -> dict[str, str]:
        """Return the fields that are not empty under their names, Latin-1; one without a name goes by its place, from 1."""
        names = layout(table).get(self.number, Layout("", 1, ())).names
        return {
            names[place] if place < len(names) else f"field_{place + 1}": field.decode("latin-1")
            for place, field in enumerate(self.fields)
            if field
        }


@dataclass(frozen=True, slots=True)
class Layout:
    """What the table says of a group: what it is of, how many there are at most, the names of its fields."""

    subject: str
    most: int
    names: tuple[str, ...]


@functools.cache
def layout(table: Path = TABLE) -> dict[int, Layout]:
    """Return a table of groups."""
    with table.open(encoding="utf-8", newline="") as file:
        return {int(row["group"]): Layout(row["subject"], int(row["most"]), tuple(row["fields"].split())) for row in csv.DictReader(file)}


def decode(zone: bytes, form: LongForm = "counted") -> list[Group]:
    """Return the groups of a zone. Raises ZoneFault for one that is cut short or whose lengths do not fit."""
    groups, at = [], 0
    while at < len(zone):
        if at + 3 > len(zone):
            raise ZoneFault("the head of a group is cut short", at)
        size, begin = _length(zone, at + 2, form)
        if begin + size > len(zone):
            raise ZoneFault("a group is cut short", at)
        groups.append(Group(int.from_bytes(zone[at : at + 2], "big"), tuple(_fields(zone, begin, begin + size))))
        at = begin + size
    return groups


def encode(groups: Iterable[Group], form: LongForm = "counted") -> bytes:
    """Return the zone of groups. Raises ZoneFault for a field or a group that is too long, never cuts one."""
    zone = b""
    for group in groups:
        for field in group.fields:
            if len(field) > LONGEST_FIELD:
                raise ZoneFault("a field is too long", len(zone))
        body = b"".join(bytes((len(field),)) + field for field in group.fields)
        if len(body) > LONGEST_GROUP[form]:
            raise ZoneFault("a group is too long", len(zone))
        zone += group.number.to_bytes(2, "big") + _size(len(body), form) + body
    return zone


def _fields(zone: bytes, at: int, end: int) -> Iterator[bytes]:
    while at < end:
        size = zone[at]
        if at + 1 + size > end:
            raise ZoneFault("a field leaves its group", at)
        yield zone[at + 1 : at + 1 + size]
        at += 1 + size


def _length(zone: bytes, at: int, form: LongForm) -> tuple[int, int]:
    """Return the length that stands there, and where what it counts begins."""
    first = zone[at]
    if first < LONG:
        return first, at + 1
    width = 1 if form == "joined" else first & ~LONG
    end = at + 1 + width
    if not 1 <= width <= 2 or end > len(zone):
        raise ZoneFault("a length is cut short or too wide", at)
    head = (first & ~LONG) << 8 if form == "joined" else 0
    return head | int.from_bytes(zone[at + 1 : end], "big"), end


def _size(size: int, form: LongForm) -> bytes:
    if size < LONG:
        return bytes((size,))
    if form == "joined":
        return bytes((LONG | size >> 8, size & 0xFF))
    return bytes((LONG | 1, size)) if size <= 0xFF else bytes((LONG | 2,)) + size.to_bytes(2, "big")
