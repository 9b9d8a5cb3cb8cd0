# SPDX-License-Identifier: Apache-2.0
"""The block of an input that is being read: its records, by their number in it, and how their faults are told."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.exchange.reading.kernel import ZONES, Scan, columns, rules
from desmos_fast.exchange.reading.kernel import claims as claim_zones
from desmos_fast.exchange.reading.tables import CODE, TYPES
from desmos_fast.exchange.reading.told import MESSAGES, TWO_FLOWS, Record, Told

# Of the two claims of an invoice, what may differ.
OF_FLOW_02: Final = {"4": "amc", "5": "total_amc"}
Again = Callable[[int, int], bytes]


class Block:
    """One block after the other of an input, and what was counted up to here.

    `firsts` and `stops` are the first records and the ends of the whole invoices of the block; `records`, `lots` and `claims` count what
    all blocks held. `in_order` says that passes 1 and 2 found nothing, `sound` that no record has a fault.
    """

    def __init__(self, lines: bool, again: Again | None) -> None:
        self.lines, self._again = lines, again
        self.scan = Scan(lines)
        self.types = b""
        self.firsts, self.stops = array("q"), array("q")
        self.records = self.lots = self.claims = 0
        self.in_order = self.sound = True

    def check_rules(self, room: int) -> Told:
        """Check what the zones of each invoice ask of each other."""
        found, count = rules(claim_zones(), self.scan, self.firsts, self.stops, room)
        return self.claim_faults(found), count

    def claim_faults(self, found: Iterable[tuple[int, str, int]]) -> list[Fault]:
        """Describe faults of `ext.rules` or `ext.sums`."""
        return [self._claim_fault(*fault) for fault in found]

    def name_of(self, record: int) -> str:
        """Return the type of a record that has one."""
        return TYPES[self.types[record]]

    def rows(self, name: str, first: int = 0, stop: int | None = None) -> list[tuple[Any, ...]]:
        """Read the sound records of a type in the block: the number of the record from 0, then the columns of COLUMNS."""
        if CODE[name] not in self.types:
            return []
        return columns(name).rows(self.scan, CODE[name], first, self.scan.count if stop is None else stop)

    def record(self, record: int) -> Record:
        """Return a record of the block that has a type, out of its block."""
        start = self.scan.start(record)
        text = self.scan.data[start : start + RECORD_WIDTH].decode("ascii", "replace")
        return Record(self.scan.records + record + 1, self.scan.offset + start, self.name_of(record), text)

    def _field(self, record: int, field: int) -> str:
        return load_pack().tables[self.name_of(record)].fields[field].name

    def _claim_fault(self, record: int, code: str, place: int) -> Fault:
        found = self.record(record)
        if place >= 0:
            return found.fault(ZONES[place].partition(".")[2], code)
        # Whole records that differ, or a zone that does.
        field = self._differing(record, found, -2 - place) if place < -1 else None
        if field is not None:
            return found.fault(field, code, TWO_FLOWS)
        return found.whole_fault(code, TWO_FLOWS if code == "B2_LOT_MISMATCH" else "")

    def _differing(self, record: int, found: Record, offset: int) -> str | None:
        """Find the zone in which a record differs from the one of the other claim; None where the input cannot be read again."""
        if self._again is None:
            return None
        rank = record - self.firsts[bisect_right(self.firsts, record) - 1]
        former = self._again(offset, (rank + 1) * (RECORD_WIDTH + 2))
        text = former.split(b"\n")[rank] if self.lines else former[rank * RECORD_WIDTH :]
        other = Record(0, 0, found.name, text[:RECORD_WIDTH].decode("ascii", "replace"))
        fields = (field.name for field in load_pack().tables[found.name].fields if field.name != OF_FLOW_02.get(found.name))
        return next((field for field in fields if found.zone(field) != other.zone(field)), None)

    def byte_fault(self, record: int, code: str, offset: int) -> Fault:
        """Describe a fault of passes 1 and 2; without an offset the record is missing."""
        number = self.scan.records + record + 1
        if offset < 0:
            return Fault(code=code, message="the input ends where a record is missing", record=number)
        return Fault(
            code=code,
            message=MESSAGES[code],
            record=number,
            offset=self.scan.offset + offset,
            record_type=self.name_of(record) if code == "B2_BAD_ORDER" else None,
        )
