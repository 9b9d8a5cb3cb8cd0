# SPDX-License-Identifier: Apache-2.0
"""What pricing finds wrong beside amounts: what is out of range, and of a priced line the rest of the table of faults in its order."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from tests.oracle.pricing_rows import Book, Line

GENERAL_PRACTICE = ("01", "22", "23")
# What no record can hold: each number with the lowest and the highest that one can.
AMOUNT = (0, 10**8 - 1)
RANGES = {
    "unit_price": AMOUNT, "fees": AMOUNT, "base": AMOUNT, "rate": (0, 100), "amo": AMOUNT, "amc": AMOUNT, "date": None,
    "quantity": (1, 999), "coefficient": (1, 10**7 - 1),
}  # fmt: skip
Fault = tuple[str, str, str] | tuple[str, str, str, int, int]


def day_of(text: str) -> date | None:
    """Return a day from 1970 to 2069; None for any other text."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if re.fullmatch("[0-9-]{10}", text) and 1970 <= day.year <= 2069 else None


def act_out_of_range(act: Any, on: date | None) -> str | None:
    """Name the first member of an act that no record can hold."""
    for name, limits in RANGES.items():
        value = getattr(act, name)
        if limits is None:
            if on is None and day_of(value) is None:
                return name
        elif value is not None and not limits[0] <= value <= limits[1]:
            return name
    return None


def invoice_out_of_range(invoice: Any) -> str | None:
    if not re.fullmatch("[0-9]{8}", invoice.beneficiary.birth_date):
        return "beneficiary.birth_date"
    if invoice.created_on is not None and day_of(invoice.created_on) is None:
        return "created_on"
    return None if 0 <= invoice.amo.nature <= 99 else "amo.nature"


def faults(
    book: Book, lines: list[Line], place: int, asked: Any, rate_rule: str, is_excess_covered: bool, is_too_soon: bool, written: date | None
) -> Iterator[Fault]:
    """Say what is wrong with a priced line: code, field and rule, with the amounts given and expected where it compares."""
    line = lines[place]
    if asked.fees > asked.base and not allows_excess(line, is_excess_covered):
        yield "excess_not_allowed", "fees", "P15", asked.fees, asked.base
    cap = None if line.basket is None or line.is_unreimbursed else line.basket.cap
    if cap is not None and asked.fees > cap * line.act.quantity:
        yield "fee_above_cap", "fees", "P14", asked.fees, cap * line.act.quantity
    if rate_rule == "dental_check":
        yield "exemption_needed", "exemption", "P12"
    if line.row is not None and line.nature != 30 and not is_of_age(line):
        yield "age_not_covered", "code", "age"
    if is_too_soon or not is_in_order(lines, place):
        yield "line_order", "code", "order"
    if line.role == "atd" and line.nature != 41:
        yield "work_accident_only", "code", "order"
    if written is not None and is_late(line.day, written, book.threshold(line.day, "late_care_months")):
        yield "care_too_old", "date", "late"


def allows_excess(line: Line, is_excess_covered: bool) -> bool:
    if line.is_unreimbursed:
        return True
    if line.contract_is("c2s", "ame"):
        return is_excess_covered
    if line.effect() == "excess":
        return True
    if line.effect() == "authorised_excess" and line.off_path and line.act.executor.specialty not in GENERAL_PRACTICE:
        return True
    return line.role in ("atd", "unknown") or (line.category is not None and line.category.excess_free)


def is_of_age(line: Line) -> bool:
    lowest, highest = line.row.age_from, line.row.age_to
    return (lowest is None or lowest <= line.age) and (highest is None or line.age <= highest)


def is_in_order(lines: list[Line], place: int) -> bool:
    line = lines[place]
    near = [other for other in lines if (other.who, other.day) == (line.who, line.day)]
    if line.role in ("majoration", "atd"):
        before = lines[place - 1] if place else None
        return before is not None and before in near and before.role in ("act", "majoration", "atd", "unknown")
    if line.role == "forfait":
        return any(other in near and other.role in ("act", "unknown") for other in lines[place + 1 :])
    return True


def is_late(care: date, written: date, months: int) -> bool:
    between = 12 * (written.year - care.year) + written.month - care.month
    return between > months or (between == months and written.day > care.day)
