# SPDX-License-Identifier: Apache-2.0
"""Problem A: which invoice part an order line pays. Each pass decides on all that is still open before the next begins.

A part takes the lines of a pass in order of payment date, order and line number, so that what was given first never matters.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec

from desmos_fast.settlement import kernel, rules
from desmos_fast.settlement.account import Account, outcome_of
from desmos_fast.settlement.model import Evidence, Match, Settings, Status
from desmos_fast.settlement.rules import HIDDEN, SHOWN, Key, OpenLine, OpenPart, make_match, shown

Proposals = dict[int, list[int]]
"""Lines by the part they go to."""
Group = tuple[Sequence[int], list[int]]
"""Parts, and the lines whose keys are theirs."""
COMPARED: Final[dict[str, tuple[str, ...]]] = {
    "A1": ("biller", "invoice_number", "nir", "care_date", "part", "payer"),
    "A2": ("biller", "invoice_number", "care_date", "part", "payer"),
    "A3": ("nir", "care_date", "biller", "payer", "part"),
    "A5": ("biller", "invoice_number", "payer"),
}


class OfLine(Protocol):
    """What a rule compares of a line."""

    def __call__(self, item: OpenLine) -> Key | None:
        """Return None where a field is absent."""
        ...


class OfPart(Protocol):
    """What a rule compares of a part."""

    def __call__(self, item: OpenPart, *, with_lot: bool) -> Key:
        """Leave the lot blank unless it is asked for."""
        ...


class Lines:
    """The lines and parts of one run by row, and what is still free of the lines."""

    def __init__(self, lines: Sequence[OpenLine], parts: Sequence[OpenPart], settings: Settings) -> None:
        self.lines = lines
        self.parts = parts
        self.free: dict[int, OpenLine] = dict(enumerate(lines))
        self.matches: list[Match] = []
        self._version = rules.settings_version(settings)
        self._accounts: dict[int, Account] = {}
        self._numbered: dict[tuple[str | None, int | None], list[int]] = {}
        self._shown: dict[int, tuple[Sequence[int], tuple[str, ...]]] = {}

    def account(self, place: int) -> Account:
        """Return what has been paid on a part."""
        if place not in self._accounts:
            self._accounts[place] = Account(self.parts[place])
        return self._accounts[place]

    def is_open(self, place: int) -> bool:
        """Say whether a part may still be found by its patient: nothing closed it, and something is due."""
        if place in self._accounts:
            return not self._accounts[place].closed and self._accounts[place].open > 0
        return not self.parts[place].closed and self.parts[place].part.open > 0

    def index_numbers(self) -> None:
        """Find the parts that bear the number of a line that is still free."""
        wanted = {(item.biller, item.line.invoice_number) for item in self.free.values() if item.line.invoice_number is not None}
        for place, part in enumerate(self.parts) if wanted else ():
            key = part.invoice.biller, part.invoice.number
            if key in wanted:
                self._numbered.setdefault(key, []).append(place)

    def numbered(self, item: OpenLine) -> Sequence[int]:
        """Return the parts of the invoice whose number a free line bears."""
        return self._numbered.get((item.biller, item.line.invoice_number), ()) if item.line.invoice_number is not None else ()

    def groups(self, rows: Iterable[int], places: Sequence[int], of_line: OfLine, of_part: OfPart) -> list[Group]:
        """Return, for rows with equal keys, the places whose key is theirs too; a row without lot is compared without it."""
        keys = [(row, key) for row in rows if (key := of_line(self.free[row])) is not None]
        found: list[Group] = []
        for with_lot in (True, False):
            alike: dict[Key, list[int]] = {}
            for row, key in keys:
                if bool(key[-1]) is with_lot:
                    alike.setdefault(key, []).append(row)
            if alike:
                right = [of_part(self.parts[place], with_lot=with_lot) for place in places]
                for some, group in zip(kernel.equal_rows(list(alike), right), alike.values(), strict=True):
                    if some:
                        found.append(([places[one] for one in some], group))
        return found

    def confirm(self, rule: str, proposals: Proposals) -> None:
        """Confirm the lines of a pass on their parts."""
        for place, rows in proposals.items():
            account, part = self.account(place), self.parts[place]
            for row in sorted(rows):
                item = self.free.pop(row)
                before, applied, payment = account.take(item)
                evidence = self._compared(rule, item, part, before)
                if item.line.amount < 0:
                    evidence = msgspec.structs.replace(evidence, payment=payment)
                self.matches.append(make_match(
                    "A", "confirmed", rule, [item.id], [part.id], item.line.amount, evidence,
                    residual=item.line.amount - applied, outcome=outcome_of(item.line, before),
                ))  # fmt: skip

    def leave(self, row: int, status: Status, rule: str, why: str, candidates: Sequence[int] = (), *, solutions: int = 0) -> None:
        """Record a line that no part is taken for, and what was looked at."""
        item = self.free.pop(row)
        lost = self._lost(item, self.numbered(item))
        names = self._names(candidates)
        others = [name for name in lost if name not in names]
        evidence = Evidence(
            candidates=len(candidates) + len(others), candidate_ids=shown([*names, *others]), solutions=solutions, settings=self._version,
            lost={name: lost[name] for name in others} or msgspec.UNSET, why=why,
        )  # fmt: skip
        self.matches.append(make_match("A", status, rule, [item.id], [], item.line.amount, evidence))

    def _names(self, places: Sequence[int]) -> tuple[str, ...]:
        # Many lines may have the same candidates: the first of them are told once. The places are kept, so that no other has their id.
        if id(places) not in self._shown:
            self._shown[id(places)] = places, shown(self.parts[place].id for place in places)
        return self._shown[id(places)][1]

    def _compared(self, rule: str, item: OpenLine, part: OpenPart, before: int) -> Evidence:
        values = _values(item, part)
        fields = [*COMPARED[rule], *(("lot",) if item.line.lot is not None else ())]
        if rule == "A5":
            fields += [name for name in ("care_date", "part") if values[name][0] is not None] + ["amount"]
        told = {name: values[name] for name in fields if name != "amount"}
        if rule == "A3" and item.line.invoice_number is not None:
            told["invoice_number"] = values["invoice_number"]
        if "nir" in told:
            told["nir"] = (HIDDEN, HIDDEN)
        told["amount"] = (item.line.amount, before)
        lost = {} if rule in ("A1", "A2") else self._lost(item, [place for place in self.numbered(item) if self.parts[place] is not part])
        return Evidence(
            fields=tuple(fields), values=told, candidates=1 + len(lost), candidate_ids=shown([part.id, *lost]), solutions=1, unique=True,
            settings=self._version, lost=lost or msgspec.UNSET,
        )  # fmt: skip

    def _lost(self, item: OpenLine, places: Iterable[int]) -> dict[str, str]:
        lost = {}
        for place in list(places)[:SHOWN]:
            part = self.parts[place]
            names = [name for name, (said, known) in _values(item, part).items() if said is not None and said != known]
            lost[part.id] = "differs:" + ",".join(names) if names else self._refused(item, place)
        return lost

    def _refused(self, item: OpenLine, place: int) -> str:
        if item.line.amount < 0:
            return "not_paid_so"
        if not self.is_open(place):
            return "closed"
        return "above_open" if item.line.amount > self.account(place).open else "not_compared"


def _values(item: OpenLine, part: OpenPart) -> dict[str, tuple[str | int | None, ...]]:
    line, invoice = item.line, part.invoice
    return {
        "biller": (item.biller, invoice.biller),
        "invoice_number": (line.invoice_number, invoice.number),
        "nir": (line.nir, invoice.insured_nir),
        "care_date": (str(line.care_date) if line.care_date else None, str(invoice.care_date)),
        "part": (line.part, part.part.part),
        "payer": (line.payer, part.part.payer),
        "lot": (line.lot, part.lot),
    }


def decide_lines(lines: Sequence[OpenLine], parts: Sequence[OpenPart], settings: Settings) -> list[Match]:
    """Return one record for each line; `lines` in the order of `open_lines`."""
    state = Lines(lines, parts, settings)
    everywhere = range(len(parts))
    for rule, of_line, of_part in (("A1", rules.number_key, rules.number_key_of), ("A2", rules.nameless_key, rules.nameless_key_of)):
        proposals: Proposals = {}
        for places, rows in state.groups(state.free, everywhere, of_line, of_part):
            if len(places) == 1:
                proposals.setdefault(places[0], []).extend(rows)
            else:
                _ambiguous(state, rows, places)
        state.confirm(rule, proposals)
    state.index_numbers()
    _payments_by_patient(state)
    _recoveries_by_patient(state)
    _recoveries_by_amount(state)
    for row in list(state.free):
        state.leave(row, "unmatched", "A9", _why(state.free[row]))
    return state.matches


def _ambiguous(state: Lines, rows: Iterable[int], places: Sequence[int]) -> None:
    for row in rows:
        state.leave(row, "ambiguous", "A4", "several_parts", places, solutions=2)


# --- A3


def _misnumbered(state: Lines, row: int) -> bool:
    """Say whether the number of a line is absent, or that of another person's or another day's invoice, or of none."""
    item = state.free[row]
    invoices = (state.parts[place].invoice for place in state.numbered(item))
    return not any(one.insured_nir == item.line.nir and one.care_date == item.line.care_date for one in invoices)


def _payments_by_patient(state: Lines) -> None:
    asking = [row for row, item in state.free.items() if item.line.status != "recovery" and _misnumbered(state, row)]
    places = [place for place in range(len(state.parts)) if state.is_open(place)] if asking else ()
    proposals: Proposals = {}
    claimed: Counter[int] = Counter()
    several: list[Group] = []
    for some, rows in state.groups(asking, places, rules.patient_key, rules.patient_key_of):
        if len(some) > 1:
            several.append((some, rows))
        else:
            rows = [row for row in rows if state.free[row].line.amount <= state.account(some[0]).open]
            proposals.setdefault(some[0], []).extend(rows)
        wanted = sum(state.free[row].line.amount for row in rows)
        claimed.update(dict.fromkeys(some, wanted))
    for some, rows in several:
        _ambiguous(state, rows, some)
    for place in [place for place in proposals if claimed[place] > state.account(place).open]:
        for row in proposals.pop(place):
            state.leave(row, "ambiguous", "A3", "sum_above_open", (place,), solutions=1)
    state.confirm("A3", proposals)


# --- recoveries: A3, then A5

Asked = list[tuple[int, list[int], list[int]]]
"""Amounts taken back, the parts that were paid so much, and the lines that ask for it."""


def _recoveries_by_patient(state: Lines) -> None:
    asking = [row for row, item in state.free.items() if item.line.amount < 0 and item.line.nir is not None and _misnumbered(state, row)]
    asked: Asked = []
    for some, rows in state.groups(asking, range(len(state.parts)), rules.patient_key, rules.patient_key_of) if asking else ():
        paid: dict[int, list[int]] = {}
        for place in some:
            for amount in state.account(place).paid():
                paid.setdefault(amount, []).append(place)
        for amount, group in _by_amount(state, rows).items():
            if amount in paid:
                asked.append((amount, paid[amount], group))
    wanted = _wanted(asked)
    proposals: Proposals = {}
    for _, places, rows in asked:
        if len(places) > 1:
            _ambiguous(state, rows, places)
        elif state.account(places[0]).gives_back(wanted[places[0]]):
            proposals.setdefault(places[0], []).extend(rows)
        else:
            for row in rows:
                state.leave(row, "ambiguous", "A3", "several_recoveries", places, solutions=1)
    state.confirm("A3", proposals)


def _by_amount(state: Lines, rows: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(-state.free[row].line.amount, []).append(row)
    return found


def _wanted(asked: Asked) -> dict[int, Counter[int]]:
    wanted: dict[int, Counter[int]] = {}
    for amount, places, rows in asked:
        for place in places:
            wanted.setdefault(place, Counter())[amount] += len(rows)
    return wanted


def _recoveries_by_amount(state: Lines) -> None:
    """Place recoveries that name at most a number, and park those that cannot be."""
    asked: Asked = []
    alone: list[int] = []
    for row, item in state.free.items():
        if item.line.status == "recovery" and item.line.nir is None and item.line.lot is None:
            alone.append(row)
            asked.append((-item.line.amount, _paid_so(state, item), [row]))
    wanted = _wanted(asked)
    proposals: Proposals = {}
    for _, places, rows in asked:
        if len(places) == 1 and state.account(places[0]).gives_back(wanted[places[0]]):
            proposals.setdefault(places[0], []).extend(rows)
    state.confirm("A5", proposals)
    for (_, places, _), row in zip(asked, alone, strict=True):
        if row in state.free:
            state.leave(row, "parked", "A5", _why_parked(state.free[row], places), places, solutions=min(len(places), 2))


def _paid_so(state: Lines, item: OpenLine) -> list[int]:
    line = item.line
    if line.amount >= 0 or line.payer is None or item.biller is None:
        return []
    return [
        place
        for place in state.numbered(item)
        if (part := state.parts[place]).part.payer == line.payer
        and line.part in (None, part.part.part)
        and line.care_date in (None, part.invoice.care_date)
        and -line.amount in state.account(place).paid()
    ]


def _why_parked(item: OpenLine, places: Sequence[int]) -> str:
    if item.line.invoice_number is None:
        return "recovery_without_part"
    return "no_such_payment" if not places else "several_payments" if len(places) > 1 else "several_recoveries"


# --- A9


def _why(item: OpenLine) -> str:
    line = item.line
    if line.part is None:
        return "recovery_without_part" if line.status == "recovery" else "other_money"
    absent = [name for name in ("biller", "invoice_number", "nir", "care_date", "payer") if getattr(line, name) is None]
    return "absent:" + ",".join(absent) if absent else "no_part"
