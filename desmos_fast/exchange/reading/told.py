# SPDX-License-Identifier: Apache-2.0
"""How a fault is told: its message, its place in the input, and the value that stands there unless it may hold a NIR."""

import functools
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field

HIDDEN: Final = frozenset({"nir", "nir_key", "beneficiary_nir", "beneficiary_nir_key", "faulty_value", "replacement_value"})
MESSAGES: Final = {
    "B2_BAD_LENGTH": "the record has another length than 128 bytes",
    "B2_BAD_CHAR": "a character is none that may stand here",
    "B2_UNKNOWN_RECORD": "no record type begins like this",
    "B2_UNSUPPORTED_RECORD": "this record type is kept for later",
    "B2_BAD_ORDER": "this record cannot stand here",
    "B2_HEADER_MISMATCH": "the zone differs from the record that it repeats",
    "B2_UNEXPECTED_VALUE": "the zone has a constant value, and another one stands here",
    "B2_BAD_FILLER": "the zone must be blank",
    "B2_BAD_NUMERIC": "the zone must hold digits only",
    "B2_BAD_DATE": "the zone is no date",
    "B2_BAD_VALUE": "the value is not allowed",
    "B2_MISSING": "the zone must not be blank",
    "B2_BAD_NIR": "the number has not the form of a NIR",
    "B2_NIR_KEY": "the key of the NIR is wrong",
    "B2_FINESS_KEY": "the key of the FINESS is wrong",
    "B2_LIST_GAP": "a list is filled from its first place, and this one is empty before another",
    "B2_MIXED_PRESCRIBER": "the prescriber differs from the one of the first line",
    "B2_COUNT_MISMATCH": "another number was counted",
    "B2_BAD_TOTAL": "the amounts add up to another total",
    "B2_SPLIT_AMOUNT": "the share of the complementary insurer is claimed apart, so this claim has none",
    "B2_AMOUNTS": "the shares of both insurers exceed the fees",
    "B2_LOT_MISMATCH": "the invoice does not belong in its lot",
    "B2_DUPLICATE_NUMBER": "the number stands on an earlier invoice of this flow",
    "B2_DUPLICATE_LOT": "the number stands on an earlier lot of this file",
}
TWO_FLOWS: Final = "the two claims of one invoice differ in more than the amounts of flow 02"

# Faults of one kind, and how many there are.
Told = tuple[list[Fault], int]


class Record(NamedTuple):
    """A record out of its block: its number from 1, its offset in the input, and its text."""

    number: int
    offset: int
    name: str
    text: str

    def zone(self, field: str) -> str:
        """Return the characters of a zone."""
        found = zone(self.name, field)
        return self.text[found.offset : found.offset + found.length]

    def fault(self, field: str, code: str, message: str = "") -> Fault:
        """Describe a fault of a zone; whatever may hold a NIR is left out."""
        shown = None if field in HIDDEN else self.zone(field).rstrip()
        return Fault(
            code=code,
            message=message or load_pack().other_profile(self.name, field) or MESSAGES[code],
            record=self.number,
            offset=self.offset + zone(self.name, field).offset,
            record_type=self.name,
            field=field,
            value=None if shown is None or mask_nir(shown) != shown else shown,
        )

    def whole_fault(self, code: str, message: str = "") -> Fault:
        """Describe a fault that is of no zone."""
        return Fault(code=code, message=message or MESSAGES[code], record=self.number, offset=self.offset, record_type=self.name)


@functools.cache
def zone(name: str, field: str) -> Field:
    """Return a field of a record type."""
    return load_pack().tables[name].field(field)


class Kept:
    """The first faults of a pass, `limit` at most, and how many were found."""

    def __init__(self, limit: int) -> None:
        self.limit, self.found = limit, 0
        self.faults: list[Fault] = []

    @property
    def room(self) -> int:
        """How many more are kept."""
        return self.limit - len(self.faults)

    def add(self, faults: Iterable[Fault], found: int) -> None:
        """Keep what there is room for."""
        self.faults += islice(faults, self.room)
        self.found += found


def counted(faults: Iterable[Fault], room: int) -> Told:
    """Keep the first faults of many, and count them all."""
    kept: list[Fault] = []
    found = 0
    for fault in faults:
        found += 1
        if found <= room:
            kept.append(fault)
    return kept, found
