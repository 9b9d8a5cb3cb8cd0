# SPDX-License-Identifier: Apache-2.0
"""The reader's kernel made ready with the tables of a profile, and one reading of one buffer."""

import functools
from array import array
from typing import Any, Final

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import Field, load_pack
from desmos_fast.exchange.reading.columns import column_rows
from desmos_fast.exchange.reading.grammar import GRAMMARS, grammar_row
from desmos_fast.exchange.reading.tables import CODE, NO_TYPE, TYPES, layout_row, type_rows
from desmos_fast.exchange.reserved import C2S_CONTRACT, C2S_NUMBER
from ext.claims import ZONES, Claims
from ext.columns import READS, Columns
from ext.reader import Grammar, Scan, Types
from ext.rules import rules
from ext.sums import sums
from ext.zones import OPS, Zones

# More faults than these in one pass tell nothing more about a file.
FAULTS_KEPT: Final = 1000
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


@functools.cache
def types() -> Types:
    """Return how the types of the test profile are told."""
    return Types(tuple(tuple(row) for row in type_rows(load_pack())))


@functools.cache
def zones() -> Zones:
    """Return the checks of the test profile."""
    layouts = []
    for name in TYPES:
        row = layout_row(load_pack(), name)
        layouts.append((row.reference, row.template, tuple((OPS.index(check.op), *check[1:]) for check in row.checks)))
    return Zones(tuple(layouts))


@functools.cache
def grammar(kind: str) -> Grammar:
    """Return the order of records of a kind of file; "" is a bare run."""
    return Grammar(*grammar_row(kind))


@functools.cache
def columns(name: str) -> Columns:
    """Return what is read of a record type."""
    return Columns(tuple((READS.index(read), *place) for read, place in column_rows(load_pack(), name)))


@functools.cache
def claims() -> Claims:
    """Return the places of the zones of claims that bind each other."""
    pack = load_pack()
    places = [pack.tables[name].field(field) for name, _, field in (zone.partition(".") for zone in ZONES)]
    codes = (CODE["1"], CODE["6"], CODE["4E"], CODE["4M"])
    return Claims(tuple((place.offset, place.length) for place in places), codes, C2S_NUMBER.zfill(10).encode(), C2S_CONTRACT.encode())


@functools.cache
def zone(name: str, field: str) -> Field:
    """Return a field of a record type."""
    return load_pack().tables[name].field(field)


class Reading:
    """One buffer after passes 1 to 3: its records, the faults so far, and the rows of each type.

    `kind` is TR, AR or RS, or "" for a bare run; `firsts` and `stops` are the first records and the ends of the whole invoices. After
    `check_claims`, `lots` and `partners` hold the record `1` of each invoice and its other claim, -1 for none.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lots, self.partners = array("q"), array("q")
        self.scan: Scan
        self.scan, found = types().scan(data, FAULTS_KEPT)
        self.types = self.scan.codes_of_types
        self.kind = self._kind()
        self.faults = [self._byte_fault(*fault) for fault in found]
        self.firsts, self.stops, found = self.scan.order(grammar(self.kind), FAULTS_KEPT)
        self.faults += [self._byte_fault(*fault, typed=True) for fault in found]

    def check_fields(self) -> list[Fault]:
        """Check every zone against its table; the records at fault are left out of what follows."""
        return [
            self.fault(record, self.name_of(record), load_pack().tables[self.name_of(record)].fields[field].name, code)
            for record, code, field in zones().check(self.scan, FAULTS_KEPT)
        ]

    def check_rules(self) -> list[Fault]:
        """Check what the zones of each invoice ask of each other."""
        return [self._claim_fault(*fault) for fault in rules(claims(), self.scan, self.firsts, self.stops, FAULTS_KEPT)]

    def check_claims(self) -> list[Fault]:
        """Check lots, sums and numbers."""
        found, self.lots, self.partners = sums(claims(), self.scan, self.firsts, self.stops, self.kind == "", FAULTS_KEPT)
        return [self._claim_fault(*fault) for fault in found]

    def name_of(self, record: int) -> str:
        """Return the type of a record that has one."""
        return TYPES[self.types[record]]

    @property
    def records(self) -> int:
        """How many records there are."""
        return self.scan.count

    def rows(self, name: str, first: int = 0, stop: int | None = None) -> list[tuple[Any, ...]]:
        """Read the sound records of a type: the number of the record from 0, then the columns of COLUMNS."""
        return columns(name).rows(self.scan, CODE[name], first, self.scan.count if stop is None else stop)

    def text(self, record: int, name: str, field: str) -> str:
        """Return the characters of a zone."""
        found = zone(name, field)
        start = self.scan.start(record) + found.offset
        return self.data[start : start + found.length].decode("ascii", "replace")

    def fault(self, record: int, name: str, field: str, code: str, message: str = "") -> Fault:
        """Describe a fault of a zone; whatever may hold a NIR is left out."""
        shown = None if field in HIDDEN else self.text(record, name, field).rstrip()
        return Fault(
            code=code,
            message=message or load_pack().other_profile(name, field) or MESSAGES[code],
            record=record + 1,
            offset=self.scan.start(record) + zone(name, field).offset,
            record_type=name,
            field=field,
            value=None if shown is None or mask_nir(shown) != shown else shown,
        )

    def _claim_fault(self, record: int, code: str, place: int) -> Fault:
        name = self.name_of(record)
        if 0 <= place < len(ZONES):
            return self.fault(record, name, ZONES[place].partition(".")[2], code)
        # Whole records that differ, or a byte that does.
        if place < 0:
            message = TWO_FLOWS if code == "B2_LOT_MISMATCH" else MESSAGES[code]
            return Fault(code=code, message=message, record=record + 1, offset=self.scan.start(record), record_type=name)
        byte = place - len(ZONES)
        field = next(field for field in load_pack().tables[name].fields if byte < field.offset + field.length)
        return self.fault(record, name, field.name, code, TWO_FLOWS)

    def _byte_fault(self, record: int, code: str, offset: int, typed: bool = False) -> Fault:
        if offset < 0:
            return Fault(code=code, message="the input ends where a record is missing", record=record + 1)
        return Fault(
            code=code, message=MESSAGES[code], record=record + 1, offset=offset, record_type=TYPES[self.types[record]] if typed else None
        )

    def _kind(self) -> str:
        """Say what the input is; an exchange kind that no list holds is told by the second record, for the order to be checked."""
        if not self.types or self.types[0] not in (CODE["000"], NO_TYPE):
            return ""
        if self.types[0] == CODE["000"]:
            written = self.text(0, "000", "exchange_kind")
            if written in GRAMMARS:
                return written
        elif self.types[-1] != CODE["999"]:
            return ""
        second = self.types[1] if len(self.types) > 1 else NO_TYPE
        return {CODE["A1"]: "AR", CODE["P1"]: "RS"}.get(second, "TR")
