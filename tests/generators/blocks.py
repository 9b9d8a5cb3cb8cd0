# SPDX-License-Identifier: Apache-2.0
"""A block of generated invoices: sound ones, faulty ones with what must be told of them, and the lines they stand in."""

from typing import NamedTuple

from tests.generators import faults, lines
from tests.generators.draw import Draw
from tests.generators.faults import Expected
from tests.generators.invoices import Json, many


class Case(NamedTuple):
    """One invoice; its faults when they are known beforehand, none when it is sound."""

    invoice: Json
    expected: Expected | None


class Line(NamedTuple):
    """One line: the place of the invoice in it, or the faults of a line that was broken on purpose."""

    text: bytes
    place: int
    expected: Expected


def cases(d: Draw, count: int, one_in: int = 3) -> list[Case]:
    """Return invoices of which one in so many is faulty."""
    found: list[Case] = []
    sound: list[Json] = []
    for invoice in many(d, count):
        before = found[-1] if found else Case({}, None)
        if before.expected is not None and all(field != "number" for _, field in before.expected) and d.once_in(15):
            # The same again, sound or not, under another number.
            found.append(before._replace(invoice={**before.invoice, "number": invoice["number"]}))
        elif not d.once_in(one_in):
            sound.append(invoice)
            found.append(Case(invoice, []))
        elif sound and d.once_in(30):
            former = d.pick(sound)
            again = {**invoice, "number": former["number"], "biller": former["biller"]}
            found.append(Case(again, [("B2_DUPLICATE_NUMBER", "number")]))
        else:
            found.append(Case(*faults.planted(d, invoice, d.once_in(3))))
    return found


def every_wrong_value(d: Draw) -> list[Case]:
    """Return an invoice for each wrong value of each key, each of one act and with a number of its own."""
    sound = [{**invoice, "acts": invoice["acts"][:1]} for invoice in many(d, 200)]
    found: list[Case] = []
    for invoice, expected in faults.every_wrong_value(d, sound):
        if expected[0][1] != "number":
            invoice["number"] = 1 + len(found)
        found.append(Case(invoice, expected))
    return found


def written(d: Draw, block: list[Case]) -> list[Line]:
    """Write each invoice on a line, and in front of one in forty of the sound ones a line that is broken or says something twice."""
    found = []
    for place, case in enumerate(block):
        text = lines.line(d, case.invoice)
        if case.expected == [] and d.once_in(40):
            broken, expected = lines.twice(d, case.invoice) if d.below(2) else lines.broken(d, text.strip())
            found.append(Line(broken, -1, expected))
        found.append(Line(text, place, []))
    return found
