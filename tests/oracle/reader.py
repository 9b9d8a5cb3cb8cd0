# SPDX-License-Identifier: Apache-2.0
"""The reader of exchange files in plain Python, from the format document: bytes in, `(code, record, field)` out, in order.

Written to be read, not to be fast; it shares the tables with the product and nothing else. `claims.py` and `answers.py` beside it hold
the rules of the kinds of file.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PACK = Path(os.environ.get("DESMOS_TEST_LAYOUTS") or Path(__file__).parents[2] / "desmos_fast/exchange/packs/essai-1")
LATER = {"3", "3S", "3E", "3F", "3H", "4B", "4H"}
ALPHABET = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-")

HEAD = 65536
# No invoice has so many records.
LONGEST = 65536
Fault = tuple[str, int, str]


class Zone(NamedTuple):
    name: str
    start: int
    end: int
    kind: str
    required: bool
    value: str


def _read(name: str) -> list[dict[str, str]]:
    with (PACK / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _table(name: str) -> dict[str, Zone]:
    zones = {}
    for row in _read(name):
        start = int(row["start"]) - 1
        zones[row["field"]] = Zone(row["field"], start, start + int(row["length"]), row["kind"], row["required"] == "yes", row["value"])
    return zones


# Files named in lower case describe the pack; each of the others is a table.
TABLES = {path.stem: _table(path.stem) for path in PACK.glob("*.csv") if not path.stem.islower()}
CODES: dict[str, set[str]] = {}
for _row in _read("code_lists"):
    CODES.setdefault(_row["list"], set()).add(_row["code"])

LISTS = {
    "regime": "regime", "rights_source": "rights_source", "nature_assurance": "nature_assurance", "exoneration": "exoneration",
    "treating_physician_flag": "treating_physician", "pathway": "pathway", "prescription_origin": "prescription_origin",
    "line_exoneration": "exoneration", "qualifier": "qualifier", "executor_condition": "practice_condition",
    "prescriber_condition": "practice_condition", "prior_agreement_code": "prior_agreement", "flow": "flow",
    "security_mode": "security_mode", "exchange_kind": "exchange_kind", "part": "part", "outcome": "outcome", "kind": "other_money",
}  # fmt: skip
BLANK_TOO = {"line_exoneration", "prescriber_condition"}
REPEATED = {
    **dict.fromkeys(("2S", "4", "4S", "4E", "4M", "5"), ("2", ("biller", "nir", "nir_key", "rank", "invoice_number"))),
    "6": ("1", ("biller", "lot_number")), "R2": ("R1", ("invoice_number",)),
}  # fmt: skip
NOT_ZERO = {
    "1": ("lot_number",), "2": ("invoice_number", "birth_rank"), "4": ("executor_am", "quantity", "coefficient", "units"),
    "A1": ("lot_number",), "R1": ("invoice_number",),
}  # fmt: skip
KEYED = {"2": ("nir", "nir_key"), "R1": ("nir", "nir_key"), "2S": ("beneficiary_nir", "beneficiary_nir_key")}

INVOICE = {"invoice": {"2S": "insured"}, "insured": {"4": "act"}, "act": {"4S": "act-s"}}
IN_INVOICE = {"invoice", "insured", "act", "act-s", "act-e", "act-m"}


def _orders(after: str) -> dict[str, dict[str, str]]:
    on = {"4": "act", "5": after}
    return {**INVOICE, "act-s": {"4E": "act-e", "4M": "act-m", **on}, "act-e": {"4M": "act-m", **on}, "act-m": on}


_R = {"R1": "line", "R3": "money", "P9": "paid"}
ORDER = {
    "": {"start": {"2": "invoice"}, **_orders("start")},
    "TR": {
        "start": {"000": "open"}, "open": {"1": "lot"}, "lot": {"2": "invoice"}, **_orders("more"),
        "more": {"2": "invoice", "6": "closed"}, "closed": {"1": "lot", "999": "end"}, "end": {},
    },
    "AR": {"start": {"000": "open"}, "open": {"A1": "lots"}, "lots": {"A1": "lots", "999": "end"}, "end": {}},
    "RS": {
        "start": {"000": "open"}, "open": {"P1": "money"}, "money": _R, "line": {"R2": "line", **_R},
        "paid": {"P1": "money", "999": "end"}, "end": {},
    },
}  # fmt: skip
GO_ON = {
    "": {"2": "invoice"},
    "TR": {"000": "open", "999": "end", "1": "lot", "2": "invoice", "6": "closed"},
    "AR": {"000": "open", "999": "end", "A1": "lots"},
    "RS": {"000": "open", "999": "end", "P1": "money", "R1": "line", "R3": "money", "P9": "paid"},
}


@dataclass
class Read:
    """A buffer in records: text, type ("": none), and the places that passes 1 to 3 found at fault."""

    texts: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    # Unreadable or in no order; hit: only its characters or its zones are at fault.
    gone: set[int] = field(default_factory=set)
    hit: set[int] = field(default_factory=set)
    kind: str = ""
    units: list[tuple[int, int]] = field(default_factory=list)
    broken: bool = False

    def zone(self, record: int, name: str) -> str:
        found = TABLES[self.types[record]][name]
        return self.texts[record][found.start : found.end]

    def number(self, record: int, name: str) -> int:
        return int(self.zone(record, name))

    def alive(self, record: int) -> bool:
        return record not in self.gone and record not in self.hit

    def live(self, name: str) -> list[int]:
        return [place for place, found in enumerate(self.types) if found == name and self.alive(place)]


def type_of(text: str) -> str:
    """Return the type of 128 characters, "" when no type begins so."""
    for name in ("000", "999"):
        if text.startswith(name):
            return name
    if text[:2] in ("A1", "P1", "P9", "R1", "R2", "R3"):
        return text[:2]
    if text[0] in "156":
        return text[0]
    if text[0] == "2":
        return "2" if _digits(text[38]) else _known("2" + text[38])
    if text[0] == "3":
        return _later(text[38], text[35])
    if text[0] == "4":
        return "4" if _digits(text[35]) else _known("4" + text[35])
    return ""


def _later(at_39: str, at_36: str) -> str:
    if at_39 in "SE" or at_36 in "FH":
        return "3" + (at_39 if at_39 in "SE" else at_36)
    return "3" if _digits(at_39 + at_36) else ""


def _known(name: str) -> str:
    return name if name in TABLES else ""


def pieces(data: bytes) -> list[bytes]:
    if b"\n" not in data[:HEAD]:
        return [data[at : at + 128] for at in range(0, len(data), 128)]
    parts = data.split(b"\n")
    ends = [part.removesuffix(b"\r") for part in parts[:-1]]
    return ends + ([parts[-1]] if parts[-1] else [])


def records(data: bytes) -> tuple[Read, list[Fault]]:
    """Pass 1: lengths, then characters, then types."""
    read, lengths, characters, kinds = Read(), [], [], []
    for place, piece in enumerate(pieces(data)):
        read.texts.append(piece.decode("latin-1"))
        name = ""
        if len(piece) != 128:
            lengths.append(("B2_BAD_LENGTH", place + 1, ""))
            read.gone.add(place)
        else:
            name = type_of(read.texts[-1])
            if not set(piece) <= ALPHABET:
                characters.append(("B2_BAD_CHAR", place + 1, ""))
                read.hit.add(place)
            elif name in LATER or not name:
                kinds.append(("B2_UNSUPPORTED_RECORD" if name else "B2_UNKNOWN_RECORD", place + 1, ""))
        if not name or name in LATER:
            name = ""
            read.gone.add(place)
        read.types.append(name)
    read.kind = _kind(read)
    return read, lengths + characters + kinds


def _kind(read: Read) -> str:
    place = next((place for place, name in enumerate(read.types) if name), None)
    if place is None:
        return ""
    if read.types[place] == "000":
        if read.zone(place, "exchange_kind") in ("TR", "AR", "RS"):
            return read.zone(place, "exchange_kind")
        return {"A1": "AR", "P1": "RS"}.get(read.types[place + 1] if len(read.types) > place + 1 else "", "TR")
    # Records that tell nothing stand before it: they may have been the opening of a file.
    if place == 0:
        return ""
    name = read.types[place]
    kinds = {"1": "TR", "6": "TR", "999": "TR", "A": "AR", "P": "RS", "R": "RS"}
    return kinds.get(name if name.isdigit() else name[0], "TR" if read.texts[0].startswith("000") else "")


def order(read: Read) -> list[Fault]:
    """Pass 2: the order of records; whole invoices become units, and the others are gone."""
    faults: list[Fault] = []
    state: str | None = "start"
    first: int | None = None
    for place, name in enumerate(read.types):
        to = ORDER[read.kind][state].get(name) if state is not None else None
        if first is not None and place - first >= LONGEST:
            to = None
        if to is None:
            if name and state is not None:
                faults.append(("B2_BAD_ORDER", place + 1, ""))
            _bury(read, first, place)
            first, to = None, GO_ON[read.kind].get(name)
        if to is None and read.types[place] and place not in read.hit:
            read.gone.add(place)
        state = to
        if to is not None and name == "2":
            first = place
        if first is not None and state not in IN_INVOICE:
            if all(read.alive(one) for one in range(first, place + 1)):
                read.units.append((first, place + 1))
            else:
                _bury(read, first, place + 1)
            first = None
    _bury(read, first, len(read.types))
    if state is not None and state != ("end" if read.kind else "start"):
        faults.append(("B2_BAD_ORDER", len(read.types) + 1, ""))
    return faults


def _bury(read: Read, first: int | None, stop: int) -> None:
    if first is not None:
        read.gone |= set(range(first, stop)) - read.hit


def zones(read: Read) -> list[Fault]:
    """Pass 3, first half: every zone of every record, one fault a zone."""
    faults: list[Fault] = []
    last: dict[str, int] = {}
    hit = set()
    for place, name in enumerate(read.types):
        if name:
            last[name] = place
        if not name or not read.alive(place):
            continue
        seen: set[str] = set()
        for code, zone, told in _zone_faults(read, place, name, last):
            if zone not in seen:
                seen.add(zone)
                faults.append((code, place + 1, told or zone))
        if seen:
            hit.add(place)
    read.hit |= hit
    return faults


def _zone_faults(read: Read, place: int, name: str, last: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    table = TABLES[name]
    to, repeated = REPEATED.get(name, ("", ()))
    if to in last and last[to] not in read.gone:
        differing = (zone for zone in repeated if zone in table and read.zone(place, zone) != read.zone(last[to], zone))
        yield from (("B2_HEADER_MISMATCH", zone, "") for zone in differing)
    for found in table.values():
        code = _table_fault(found, read.zone(place, found.name))
        if code:
            yield code, found.name, ""
    yield from _key_faults(read, place, name)
    for zone in table:
        if zone in LISTS and table[zone].kind != "const" and read.zone(place, zone).rstrip() not in _allowed(name, zone):
            yield "B2_BAD_VALUE", zone, ""
    yield from (("B2_BAD_VALUE", zone, "") for zone in NOT_ZERO.get(name, ()) if not read.zone(place, zone).strip("0"))
    if name == "1" and read.zone(place, "flow") == "01" and read.zone(place, "amc_number").strip("0"):
        yield "B2_BAD_VALUE", "amc_number", ""
    for zone in table:
        amount = zone.removesuffix("_sign")
        if zone != amount and amount in table and read.zone(place, zone) == "-" and not read.zone(place, amount).strip("0"):
            yield "B2_BAD_VALUE", zone, ""


def _allowed(name: str, zone: str) -> set[str]:
    more = {""} if zone in BLANK_TOO else {"00"} if (name, zone) == ("P1", "regime") else set()
    less = {"B"} if zone == "executor_condition" else set()
    return CODES[LISTS[zone]] - less | more


def _table_fault(zone: Zone, text: str) -> str:
    if zone.kind == "const":
        return "" if text == zone.value.ljust(len(text)) else "B2_UNEXPECTED_VALUE"
    if zone.kind == "filler":
        return "B2_BAD_FILLER" if text.strip(" ") else ""
    if zone.kind in ("num", "amount"):
        return "" if _digits(text) else "B2_BAD_NUMERIC"
    if zone.kind == "date6":
        return _date_fault(zone, text)
    if zone.name.endswith("_sign"):
        return "" if text in "+-" else "B2_MISSING" if text == " " else "B2_BAD_VALUE"
    if zone.value == "=amc_number":
        whole = (_digits(text) and text.strip("0")) or (text[:9] == " " * 9 and text[9] in " M")
        return "" if whole else "B2_BAD_VALUE"
    if "+" in text or "-" in text:
        return "B2_BAD_CHAR"
    if not text.strip(" "):
        return "B2_MISSING" if zone.required else ""
    return "B2_BAD_VALUE" if text[0] == " " else ""


def _date_fault(zone: Zone, text: str) -> str:
    if not _digits(text):
        return "B2_BAD_DATE"
    if text == "000000":
        return "B2_BAD_DATE" if zone.required else ""
    return "" if "[" in zone.value or is_day(text) else "B2_BAD_DATE"


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def is_day(text: str) -> bool:
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    year += 1900 if year >= 70 else 2000
    if not 1 <= month <= 12:
        return False
    return 1 <= day <= [31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]


def _key_faults(read: Read, place: int, name: str) -> Iterator[tuple[str, str, str]]:
    for zone in TABLES[name]:
        if zone == "biller" and name in ("2", "1", "A1", "R1"):
            if not luhn(lettered(read.zone(place, zone))):
                yield "B2_FINESS_KEY", zone, ""
        elif zone == "prescriber_structure":
            code = _structure_fault(read.zone(place, zone))
            if code:
                yield code, zone, ""
        elif name in KEYED and zone == KEYED[name][0]:
            key_zone = KEYED[name][1]
            code = _nir_fault(read.zone(place, zone), read.zone(place, key_zone), name == "2S")
            if code:
                yield code, zone, key_zone if code == "B2_NIR_KEY" else ""


def lettered(biller: str) -> str:
    """Return the nine characters of a FINESS: 2001 is how the records spell 2A00, 2002 is 2B00."""
    return {"2001": "2A00", "2002": "2B00"}.get(biller[:4], biller[:4]) + biller[4:]


def luhn(finess: str) -> bool:
    if not all(one in "0123456789AB" for one in finess):
        return False
    digits = [int(one) if one.isdigit() else ord(one) - 64 for one in finess]
    doubled = [2 * one if rank % 2 else one for rank, one in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def _structure_fault(text: str) -> str:
    if not text.strip(" "):
        return ""
    number = text.rstrip(" ")
    if len(number) != 9 or not (_digits(number) or (number[:2] in ("2A", "2B") and _digits(number[2:]))):
        return "B2_BAD_VALUE"
    return "" if luhn(number) else "B2_FINESS_KEY"


def _nir_fault(nir: str, key: str, may_be_blank: bool) -> str:
    if may_be_blank and not nir.strip(" "):
        return "" if key == "00" else "B2_NIR_KEY"
    if not _digits(key):
        return ""
    department = {"2A": "19", "2B": "18"}.get(nir[5:7], nir[5:7])
    number = nir[:5] + department + nir[7:]
    if not _digits(number):
        return "B2_BAD_NIR"
    return "" if 97 - int(number) % 97 == int(key) else "B2_NIR_KEY"


def check(data: bytes) -> list[Fault]:
    """Return every fault in the order of the four passes."""
    from tests.oracle import answers, claims, foreign

    if foreign.fault(data):
        return [(foreign.fault(data), 1, "")]
    read, faults = records(data)
    ordered = order(read)
    read.broken = bool(faults or ordered)
    rules = answers if read.kind in ("AR", "RS") else claims
    fields = zones(read)
    fields += rules.values(read)
    return [*faults, *ordered, *sorted(fields, key=lambda fault: fault[1]), *rules.sums(read)]
