# SPDX-License-Identifier: Apache-2.0
"""The rules of claims in plain Python, from the format document: between zones, then lots, sums, numbers and the file."""

from collections.abc import Iterator
from itertools import takewhile

from tests.oracle.reader import Fault, Read, is_day

C2S = "0099999997"
TEETH = {f"{quadrant}{tooth}" for quadrant in range(1, 9) for tooth in range(1, 9 if quadrant < 5 else 6)}
MIRRORED = ("sender_type", "sender_number", "sender_program", "recipient_type", "recipient_number", "recipient_program")


def values(read: Read) -> list[Fault]:
    """Pass 3, second half: what zones ask of each other."""
    faults = list(opening(read))
    for first, stop in read.units:
        if read.alive(first):
            faults += [(code, first + 1, zone) for code, zone in _header(read, first)]
        if read.alive(first + 1):
            faults += [(code, first + 2, zone) for code, zone in _referring(read, first + 1)]
        acts = list(_acts(read, first, stop))
        for act in acts:
            faults += _line(read, act)
            faults += _prescriber(read, act, acts[0])
    return faults


def opening(read: Read) -> Iterator[Fault]:
    for place in read.live("000"):
        if read.number(place, "file_id") != read.number(place, "file_sequence") % 1000:
            yield "B2_BAD_VALUE", place + 1, "file_id"


def _acts(read: Read, first: int, stop: int) -> Iterator[dict[str, int]]:
    lines = [place for place in range(first + 2, stop - 1) if read.types[place] == "4"]
    for place, after in zip(lines, [*lines[1:], stop - 1], strict=True):
        yield {read.types[one]: one for one in range(place, after)}


def _header(read: Read, place: int) -> Iterator[tuple[str, str]]:
    amc, contract, flag = read.zone(place, "amc_number"), read.zone(place, "contract_type"), read.zone(place, "split_flag")
    if read.zone(place, "regime") == "01" and read.number(place, "rank"):
        yield "B2_BAD_VALUE", "rank"
    code = _accident_fault(read.zone(place, "accident"), read.zone(place, "nature_assurance"))
    if code:
        yield code, "accident"
    if not amc.strip() and contract != "00":
        yield "B2_BAD_VALUE", "contract_type"
    if flag not in " F" or (flag == "F" and (not amc.isdigit() or amc == C2S)):
        yield "B2_BAD_VALUE", "split_flag"
    if amc == C2S and contract != "89":
        yield "B2_BAD_VALUE", "contract_type"


def _accident_fault(accident: str, nature: str) -> str:
    if not int(accident):
        return "B2_BAD_VALUE" if nature == "41" else ""
    if not accident.startswith("000"):
        return "" if nature == "41" else "B2_BAD_VALUE"
    if not is_day(accident[3:]):
        return "B2_BAD_DATE"
    return "" if nature in ("10", "13", "41") else "B2_BAD_VALUE"


def _referring(read: Read, place: int) -> Iterator[tuple[str, str]]:
    names = [(zone, read.zone(place, zone).rstrip()) for zone in ("referring_last_name", "referring_first_name")]
    for zone, name in names:
        if "  " in name:
            yield "B2_BAD_VALUE", zone
    if not names[0][1]:
        if names[1][1]:
            yield "B2_BAD_VALUE", "referring_first_name"
        if read.number(place, "referring_am"):
            yield "B2_BAD_VALUE", "referring_am"
    if read.zone(place, "pathway") in ("O", "M"):
        for zone, name in names:
            if not name:
                yield "B2_MISSING", zone


def _line(read: Read, act: dict[str, int]) -> Iterator[Fault]:
    line, s, e, m = act["4"], act["4S"], act.get("4E"), act.get("4M")
    if read.alive(line):
        yield from _paid(read, line)
    if read.alive(s) and (read.zone(s, "prior_agreement_code") == "9") != (read.number(s, "prior_agreement_date") == 0):
        yield "B2_BAD_VALUE", s + 1, "prior_agreement_code"
    if e is not None and read.alive(e):
        numbers = read.number(e, "prescriber_rpps") + read.number(e, "executor_rpps")
        if not numbers and not read.zone(e, "prescriber_structure").strip():
            yield "B2_BAD_VALUE", e + 1, "prescriber_rpps"
    if m is not None and read.alive(m):
        if read.alive(line) and read.zone(m, "phase_date") != read.zone(line, "care_date"):
            yield "B2_BAD_VALUE", m + 1, "phase_date"
        yield from _list(read, m, "modifier", 4)
        yield from _list(read, m, "tooth", 16)


def _paid(read: Read, line: int) -> Iterator[Fault]:
    if read.number(line, "rate") > 100:
        yield "B2_BAD_VALUE", line + 1, "rate"
    if read.zone(line, "qualifier") in "NG":
        for zone, free in (("rate", "0"), ("amo", "0"), ("line_exoneration", " 0")):
            if read.zone(line, zone).strip(free):
                yield "B2_BAD_VALUE", line + 1, zone


def _list(read: Read, place: int, name: str, count: int) -> Iterator[Fault]:
    items = [read.zone(place, f"{name}_{rank}").strip() for rank in range(1, count + 1)]
    filled = list(takewhile(bool, items))
    for rank, item in enumerate(filled, 1):
        if name == "tooth" and item not in TEETH:
            yield "B2_BAD_VALUE", place + 1, f"tooth_{rank}"
    if any(items[len(filled) :]):
        yield "B2_LIST_GAP", place + 1, f"{name}_{len(filled) + 1}"


def _prescriber(read: Read, act: dict[str, int], first: dict[str, int]) -> Iterator[Fault]:
    places = [act[name] for name in ("4", "4S", "4E") if name in act]
    if not all(read.alive(place) for place in places):
        return
    line, s = act["4"], act["4S"]
    am, specialty, origin, condition, rpps, structure = told = _told(read, act)
    if not int(am) and condition == " ":
        for wrong, place, zone in (
            (int(specialty), line, "prescriber_specialty"), (origin.strip(), line, "prescription_origin"),
            (int(rpps), act.get("4E", 0), "prescriber_rpps"), (structure.strip(), act.get("4E", 0), "prescriber_structure"),
        ):  # fmt: skip
            if wrong:
                yield "B2_BAD_VALUE", place + 1, zone
    else:
        if not int(am) and not (condition == "S" and int(rpps)):
            yield "B2_BAD_VALUE", line + 1, "prescriber_am"
        if condition != "S" and int(specialty):
            yield "B2_BAD_VALUE", line + 1, "prescriber_specialty"
        if condition == " ":
            yield "B2_BAD_VALUE", s + 1, "prescriber_condition"
    if all(read.alive(first[name]) for name in ("4", "4S", "4E") if name in first):
        named = ("prescriber_am", "prescriber_specialty", "prescription_origin")
        differing = [zone for zone, one, other in zip(named, told, _told(read, first), strict=False) if one != other]
        if told != _told(read, first):
            # Of what stands in the line itself, the zone that comes first; else the line stands for its complements.
            differing.sort(key=["prescriber_am", "prescription_origin", "prescriber_specialty"].index)
            yield "B2_MIXED_PRESCRIBER", line + 1, [*differing, "prescriber_am"][0]


def _told(read: Read, act: dict[str, int]) -> tuple[str, ...]:
    e = act.get("4E")
    return (
        read.zone(act["4"], "prescriber_am"), read.zone(act["4"], "prescriber_specialty"), read.zone(act["4"], "prescription_origin"),
        read.zone(act["4S"], "prescriber_condition"),
        "0" * 11 if e is None else read.zone(e, "prescriber_rpps"),
        " " * 14 if e is None else read.zone(e, "prescriber_structure"),
    )  # fmt: skip


def sums(read: Read) -> list[Fault]:
    """Pass 4: each lot and its invoices in order, then the file."""
    faults: list[Fault] = []
    units = dict(read.units)
    way = _Way(read)
    place = 0
    while place < len(read.types):
        if place in units:
            faults += way.invoice(place, units[place])
            place = units[place]
            continue
        if read.types[place] == "1":
            faults += way.open_lot(place)
        elif read.types[place] == "6":
            faults += way.close_lot(place)
        else:
            way.whole = False
        place += 1
    return faults + (list(closing(read, *_totals(read, len(units)))) if read.kind else [])


def _totals(read: Read, invoices: int) -> tuple[tuple[int, int] | None, tuple[int, int, int] | None]:
    ends = read.live("6")
    if read.broken:
        return None, None
    counts = (read.types.count("6"), invoices)
    if len(ends) != counts[0]:
        return counts, None
    fees, amo, amc = (sum(read.number(end, zone) for end in ends) for zone in ("total_fees", "total_amo", "total_amc"))
    return counts, (fees, amo, amc)


def closing(read: Read, counts: tuple[int, int] | None, totals: tuple[int, int, int] | None) -> Iterator[Fault]:
    """What `999` says: the zones of `000`, counts, totals; without counts or totals they are not known."""
    openings = read.live("000")
    for place in read.live("999")[: None if counts else 1]:
        for zone in MIRRORED if openings else ():
            if read.zone(place, zone) != read.zone(openings[0], zone):
                yield "B2_HEADER_MISMATCH", place + 1, zone
        if counts is not None:
            for zone, counted in zip(("record_count", "lot_count", "invoice_count"), (len(read.types), *counts), strict=True):
                if read.number(place, zone) != counted:
                    yield "B2_COUNT_MISMATCH", place + 1, zone
        if totals is not None:
            for zone, total in zip(("total_fees", "total_amo", "total_amc"), totals, strict=True):
                if read.number(place, zone) != total:
                    yield "B2_BAD_TOTAL", place + 1, zone


class _Way:
    """What is known along a file: the open lot, its sums, and every number used."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.lot: int | None = None
        self.whole = False
        self.totals: list[int] | None = None
        self.invoices = 0
        self.lots: set[int] = set()
        self.numbers: dict[tuple[int, int], dict[int, tuple[int, int, int | None]]] = {}

    def flow(self) -> int:
        if self.lot is None or not self.read.alive(self.lot):
            return 0 if self.read.kind else 1
        return self.read.number(self.lot, "flow")

    def open_lot(self, place: int) -> Iterator[Fault]:
        self.lot, self.whole, self.totals, self.invoices = place, True, [0, 0, 0, 0], 0
        if self.read.alive(place):
            number = self.read.number(place, "lot_number")
            if number in self.lots:
                yield "B2_DUPLICATE_LOT", place + 1, "lot_number"
            self.lots.add(number)

    def close_lot(self, place: int) -> Iterator[Fault]:
        read = self.read
        if self.lot is not None and self.whole and read.alive(place):
            for zone, counted in (("invoice_count", self.invoices), ("record_count", place + 1 - self.lot)):
                if read.number(place, zone) != counted:
                    yield "B2_COUNT_MISMATCH", place + 1, zone
            for zone, total in zip(("total_fees", "total_amo", "total_amc", "total_patient_share"), self.totals or (), strict=False):
                if read.number(place, zone) != total:
                    yield "B2_BAD_TOTAL", place + 1, zone
        self.lot = None

    def invoice(self, first: int, stop: int) -> Iterator[Fault]:
        read, flow, last = self.read, self.flow(), stop - 1
        self.invoices += 1
        if read.kind and self.lot is not None and flow and read.alive(first):
            yield from self._in_lot(first, flow)
        yield from _sums_of(read, first, stop, flow)
        if not read.alive(last):
            self.totals = None
        elif self.totals is not None:
            zones = ("total_fees", "total_amo", "total_amc", "total_insured_share")
            self.totals = [total + read.number(last, zone) for total, zone in zip(self.totals, zones, strict=True)]
        if flow and read.alive(first):
            yield from self._once(first, stop, flow)

    def _in_lot(self, first: int, flow: int) -> Iterator[Fault]:
        assert self.lot is not None
        for zone in ("biller", "regime", "caisse", "centre"):
            if self.read.zone(first, zone) != self.read.zone(self.lot, zone):
                yield "B2_LOT_MISMATCH", first + 1, zone
        if flow == 2:
            if self.read.zone(first, "split_flag") != "F":
                yield "B2_LOT_MISMATCH", first + 1, "split_flag"
            if self.read.zone(first, "amc_number") != self.read.zone(self.lot, "amc_number"):
                yield "B2_LOT_MISMATCH", first + 1, "amc_number"

    def _once(self, first: int, stop: int, flow: int) -> Iterator[Fault]:
        key = (self.read.number(first, "biller"), self.read.number(first, "invoice_number"))
        flows = self.numbers.setdefault(key, {})
        if flow in flows or len(flows) == 2:
            yield "B2_DUPLICATE_NUMBER", first + 1, "invoice_number"
            return
        if flows and self.read.zone(next(iter(flows.values()))[0], "split_flag") != "F":
            # The earlier claim does not say that there is another: only that is told.
            if self.read.zone(first, "split_flag") == "F":
                yield "B2_LOT_MISMATCH", first + 1, "split_flag"
        elif flows:
            yield from self._same(*next(iter(flows.values())), first, stop)
        flows[flow] = (first, stop, self.lot)

    def _same(self, one: int, one_stop: int, one_lot: int | None, other: int, other_stop: int) -> Iterator[Fault]:
        from tests.oracle.reader import TABLES

        read = self.read
        assert one_lot is not None and self.lot is not None
        if read.zone(one_lot, "security_mode") != read.zone(self.lot, "security_mode"):
            yield "B2_LOT_MISMATCH", other + 1, ""
        for mine, theirs in zip(range(one, one_stop), range(other, other_stop), strict=False):
            name = read.types[theirs]
            if read.types[mine] != name:
                yield "B2_LOT_MISMATCH", theirs + 1, ""
                return
            if read.alive(mine) and read.alive(theirs):
                apart = {"4": "amc", "5": "total_amc"}.get(name)
                zones = [zone for zone in TABLES[name] if zone != apart and read.zone(mine, zone) != read.zone(theirs, zone)]
                if zones:
                    yield "B2_LOT_MISMATCH", theirs + 1, zones[0]


def _sums_of(read: Read, first: int, stop: int, flow: int) -> Iterator[Fault]:
    last = stop - 1
    apart = flow == 1 and read.alive(first) and read.zone(first, "split_flag") == "F"
    if read.alive(last) and read.number(last, "line_count") != last - first - 2:
        yield "B2_COUNT_MISMATCH", last + 1, "line_count"
    lines = [place for place in range(first, last) if read.types[place] == "4"]
    alive = [place for place in lines if read.alive(place)]
    for place in alive:
        amo, fees, amc = (read.number(place, zone) for zone in ("amo", "fees", "amc"))
        if apart and amc:
            yield "B2_SPLIT_AMOUNT", place + 1, "amc"
        if amo + amc > fees:
            yield "B2_AMOUNTS", place + 1, ""
    if read.alive(last) and alive == lines:
        fees, amo, amc = (sum(read.number(place, zone) for place in lines) for zone in ("fees", "amo", "amc"))
        for zone, total in (("total_fees", fees), ("total_amo", amo), ("total_insured_share", fees - amo), ("total_amc", amc)):
            if read.number(last, zone) != total:
                yield "B2_BAD_TOTAL", last + 1, zone
