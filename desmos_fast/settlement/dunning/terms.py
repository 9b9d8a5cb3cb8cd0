# SPDX-License-Identifier: Apache-2.0
"""Delays, penalties and schedules as dated rows: those of the table, and over them those of a centre."""

import csv
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from desmos_fast.settlement.dunning.model import SettingRefused, Term, TermInForce, TermsInvalid

TABLE: Final = Path(__file__).parent / "data" / "essai-1.csv"
KINDS: Final = ("amo", "amc", "patient")
RULES: Final = ("amo", "amc", "patient", "reject", "order", "credit", "forclusion")
YES: Final = ("yes", "no")
OFF: Final = "off"
LEVELS: Final = range(1, 10)
FIRST: Final = date(2000, 1, 1)
LAST: Final = date(9999, 12, 31)
ONE: Final = timedelta(1)
# What a value looks like, by the name of the setting: a word of a list, or a number with its unit.
_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    r"am[oc]\.clock": ("ack", "sent", "signed"),
    r"am[oc]\.sanctioned": YES,
    r"am[oc]\.delay(\.sanctioned)?": ("N working", "N calendar"),
    r"am[oc]\.penalty\.flat": ("N cents",),
    r"am[oc]\.penalty\.flat_days": ("N days",),
    r"am[oc]\.penalty\.rate": ("N permille",),
    r"am[oc]\.forclusion": ("N years",),
    r"indu\.answer": ("N months",),
    r"indu\.barred": ("N years",),
    r"reminder\.forclusion\.[1-9]": ("N months", OFF),
    r"reminder\.(amo|amc|patient|reject|order|credit)\.[1-9]": ("N working", "N calendar", OFF),
}
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,5}) ([a-z]+)")
# A century: days further away are none that a calendar or the database can say.
_MOST: Final = {"years": 100, "months": 1_200, "days": 36_500, "calendar": 36_500, "working": 36_500}
_PAYER: Final = re.compile(r"(amo|amc|op):[0-9A-Z]{1,12}")


class Count(NamedTuple):
    """A number with its unit."""

    number: int
    unit: str


def check(term: Term) -> None:
    """Refuse a setting that does not exist, or whose value is none of it. Raises SettingRefused."""
    forms = next((forms for pattern, forms in _FORMS.items() if re.fullmatch(pattern, term.name)), None)
    if forms is None:
        raise SettingRefused(f"there is no setting {term.name[:60]!r}", hint="GET /v1/follow-up/settings shows them")
    if term.value is not None and term.value not in forms and not _is_count(term.value, forms):
        raise SettingRefused(f"{term.name} is {' or '.join(forms)}, a century at most, not {term.value[:40]!r}")
    if term.until is not None and term.until < term.since:
        raise SettingRefused(f"{term.name} ends before it begins")
    if term.payer is not None and (_PAYER.fullmatch(term.payer) is None or not _is_for(term.name, term.payer)):
        raise SettingRefused(f"{term.name} cannot be set for {term.payer[:20]!r}", hint="a payer is such as amo:01751 or amc:0099000013")


def _is_count(value: str, forms: Sequence[str]) -> bool:
    found = _NUMBER.fullmatch(value)
    return found is not None and f"N {found[2]}" in forms and int(found[1]) <= _MOST.get(found[2], int(found[1]))


def _is_for(name: str, payer: str) -> bool:
    # What is named after a kind of payer holds for payers of that kind; the terms of a patient are every patient's.
    kind = next((word for word in name.split(".") if word in KINDS), None)
    return kind is None or payer.startswith(f"{kind}:")


@functools.cache
def read_table(path: Path = TABLE) -> tuple[Term, ...]:
    """Read a table of dated rows. Raises TermsInvalid with the line that is none, or that runs over an earlier one of its name."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [_row(path.name, number, row) for number, row in enumerate(csv.DictReader(lines), 2)]
    rows.sort(key=lambda row: (row.name, row.since))
    for before, row in zip(rows, rows[1:], strict=False):
        if row.name == before.name and (before.until is None or row.since <= before.until):
            raise TermsInvalid(f"{path.name}: two rows of {row.name} hold on {row.since}")
    return tuple(rows)


def _row(name: str, number: int, row: Mapping[str, str]) -> Term:
    try:
        since, until = date.fromisoformat(row["since"]), date.fromisoformat(row["until"]) if row["until"] else None
        term = Term(row["name"], row["value"], since, until, row["source"], row["confidence"])
        check(term)
    except (ValueError, SettingRefused) as error:
        raise TermsInvalid(f"{name}, line {number}: {error}") from error
    if row["confidence"] not in ("H", "M", "L") or not row["source"]:
        raise TermsInvalid(f"{name}, line {number}: each row has a source and a confidence, H, M or L")
    return term


class Terms:
    """The settings of a centre: of its own rows that cover a day the last one for the payer holds, else the last one for all."""

    def __init__(self, own: Iterable[Term] = (), table: Sequence[Term] | None = None) -> None:
        self.own = tuple(own)
        self.table = read_table() if table is None else tuple(table)
        self.payers = frozenset(term.payer for term in self.own if term.payer is not None)
        self.names = sorted({term.name for term in (*self.table, *self.own)})
        self._of: dict[tuple[str, str | None], list[Term]] = {}
        for term in (*self.table, *self.own):
            self._of.setdefault((term.name, term.payer), []).append(term)

    def find(self, name: str, day: date, payer: str | None = None) -> Term | None:
        """Return the row that holds on a day, None when there is none."""
        for place in (payer, None) if payer is not None else (None,):
            found: Term | None = None
            table: Term | None = None
            for term in self._of.get((name, place), ()):
                if term.since <= day and (term.until is None or day <= term.until):
                    found = term
                    table = term if term.confidence != "centre" else table
            if found is not None and found.value is None:
                found = table
            if found is not None:
                return found
        return None

    def value(self, name: str, day: date, payer: str | None = None) -> str:
        """Return what a setting is on a day, `off` where nothing says it."""
        found = self.find(name, day, payer)
        return OFF if found is None or found.value is None else found.value

    def count(self, name: str, day: date, payer: str | None = None) -> Count | None:
        """Return the number and unit that a setting is on a day, None when it is off."""
        found = _NUMBER.fullmatch(self.value(name, day, payer))
        return None if found is None else Count(int(found[1]), found[2])

    def shown(self, day: date) -> list[TermInForce]:
        """Return what holds on a day: of all payers, then of those that have their own."""
        found = []
        for payer in (None, *sorted(self.payers)):
            for name in self.names:
                term = self.find(name, day, payer)
                if term is not None and term.payer == payer and term.value is not None:
                    found.append(
                        TermInForce(
                            name=name, value=term.value, payer=payer, since=term.since, until=term.until, confidence=term.confidence,
                            source=term.source,
                        )
                    )  # fmt: skip
        return found

    def owners(self) -> list[str]:
        """Return whose terms there are: the kinds of payer, and each payer that has its own."""
        return [*KINDS, *sorted(self.payers)]

    def spans(self, prefix: str) -> list[tuple[date, date]]:
        """Return the stretches of days on which no setting whose name begins so changes, both ends included."""
        starts = {FIRST}
        for term in (*self.table, *self.own):
            if term.name.startswith(prefix):
                starts.add(max(term.since, FIRST))
                if term.until is not None and term.until < LAST:
                    starts.add(max(term.until + ONE, FIRST))
        days = sorted(starts)
        return list(zip(days, [day - ONE for day in days[1:]] + [LAST], strict=True))


def kind_of(payer: str) -> str:
    """Return the kind of payer that terms go by: what is neither the compulsory insurer nor a patient is a complementary one."""
    word = payer.partition(":")[0]
    return word if word in ("amo", "patient") else "amc"


def payer_of(key: str) -> str | None:
    """Return the payer that a key of terms names, None for that of a kind."""
    return None if key in KINDS else key
