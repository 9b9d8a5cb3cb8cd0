# SPDX-License-Identifier: Apache-2.0
"""Months or years of a centre as one stream: seasons, a mix of acts and a mix of errors from tables, in the same memory whatever the size.

An error stands in the identity of the person, as everywhere in this world, so the payers need to know nothing else. Whoever has none is a
person of whom the payers of the same seed say that all is paid.
"""

import csv
import datetime
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from desmos_fast.base.errors import InvalidInput
from desmos_fast.billing.model import Invoice
from desmos_fast.simulator.day import LAST_NUMBER, Day
from desmos_fast.simulator.draw import Draw
from desmos_fast.simulator.model import Part
from desmos_fast.simulator.payers import NAMED, drawn_outcome
from desmos_fast.simulator.season import load_season, spread
from desmos_fast.simulator.world import DATA, Person, World

MIXES: Final = DATA / "mixes.csv"
ERRORS: Final = DATA / "errors.csv"
NONE: Final = "none"
TWIN: Final = "twin"
"""The same person, acts and day as the invoice before, under another number: both are owed, and nothing but the number tells them apart."""
WHOLE: Final = 10_000
ORDINARY: Final = 899
PARTS: Final[tuple[Part, ...]] = ("amo", "amc")


class Visit(NamedTuple):
    """One invoice of the stream, and the error of its share of the mix; `none` is most of them."""

    invoice: Invoice
    error: str


@functools.cache
def load_mixes(path: Path = MIXES) -> dict[str, dict[str, int]]:
    """Read the weights of acts, by kind of centre."""
    return _grouped(path, "act", "weight")


@functools.cache
def load_errors(path: Path = ERRORS) -> dict[str, dict[str, int]]:
    """Read how many invoices in ten thousand have which error, by name of the mix; `none` has none."""
    return {NONE: {}, **_grouped(path, "error", "per_10000")}


def _grouped(path: Path, name: str, value: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["mix"], {})[row[name]] = int(row[value])
    return found


@functools.cache
def orders_of(error: str) -> tuple[int, ...]:
    """Return the order numbers of the people to whom an error happens."""
    return tuple(order for order, outcome in NAMED.items() if outcome == error)


class Year:
    """So many invoices of a centre over some days.

    Raises InvalidInput for a mix that is not in the tables, for numbers beyond 999999999, and as `Day` does.
    """

    def __init__(
        self, world: World, count: int, first: datetime.date, days: int = 365, *, mix: str = "both", errors: str = "usual",
        first_number: int = 1,
    ) -> None:  # fmt: skip
        if mix not in load_mixes() or errors not in load_errors():
            known = f"{', '.join(load_mixes())}; {', '.join(load_errors())}"
            raise InvalidInput("no such mix of acts or of errors", hint=f"there are {known}")
        if first_number < 1 or first_number + count - 1 > LAST_NUMBER:
            raise InvalidInput("invoice numbers go from 1 to 999999999", hint="give a smaller first number")
        self.world = world
        self._weights = load_mixes()[mix]
        shares = load_errors()[errors]
        self._names = (*shares, NONE)
        self._ends = tuple(itertools.accumulate((*shares.values(), WHOLE - sum(shares.values()))))
        self._first_number = first_number
        # What cannot be billed on the first day or the last is told before the first invoice.
        for end in (first, datetime.date.fromordinal(min(first.toordinal() + days - 1, datetime.date.max.toordinal()))):
            Day(world, end, self._weights)
        self.days = tuple(spread(count, first, days, load_season()))

    def visits(self, since: datetime.date | None = None, until: datetime.date | None = None) -> Iterator[Visit]:
        """Give the invoices one by one in order of day and number; those of some days alone are the same as in the whole."""
        number = self._first_number
        for date, count in self.days:
            if count and (since is None or since <= date) and (until is None or date <= until):
                yield from self._day(Day(self.world, date, self._weights), number, count)
            number += count

    def _day(self, day: Day, first: int, count: int) -> Iterator[Visit]:
        before, person = TWIN, None
        for number in range(first, first + count):
            error = Draw(self.world.seed, "error", number).weighed(self._names, self._ends)
            if error == TWIN and person is not None and before == NONE:
                yield Visit(day.invoice_of(person, number, number - 1), TWIN)
                before = TWIN
                continue
            # A twin needs an ordinary invoice before it; where there is none it is ordinary itself.
            before = NONE if error == TWIN else error
            person = self._person(number, before)
            yield Visit(day.invoice_of(person, number), before)

    def _person(self, number: int, error: str) -> Person:
        draw = Draw(self.world.seed, "who", number)
        if error != NONE:
            return self.world.patient(number, draw.pick(orders_of(error)))
        while True:
            person = self.world.patient(number, 1 + draw.below(ORDINARY))
            # Paid under the next number too, which a twin would have.
            if all(drawn_outcome(self.world.seed, person.nir, each, part) == "paid" for each in (number, number + 1) for part in PARTS):
                return person
