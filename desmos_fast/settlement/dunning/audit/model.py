# SPDX-License-Identifier: Apache-2.0
"""The audit of a quarter of third-party payment: what was refused, how fast was paid, what is still out."""

import re
from datetime import date, datetime, timedelta
from typing import ClassVar, Final

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import Cents
from desmos_fast.settlement.dunning.model import AgeRow, Paid, PenaltyRow
from desmos_fast.settlement.model import Tally

FORMS: Final = ("json", "html", "md")
_QUARTER: Final = re.compile(r"(20[0-9]{2})Q([1-4])")


class QuarterInvalid(InvalidInput):
    """What was asked for is no quarter that has begun."""

    code: ClassVar[str] = "quarter_invalid"


class RejectRow(msgspec.Struct, frozen=True):
    """Lines that payers answered with, those that refuse, how many of a thousand that is, and the cents of the parts refused."""

    name: str
    answered: int
    rejected: int
    permille: int
    cents: Cents


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Lines refused for one reason, and the cents of their parts."""

    code: str
    label: str
    name: str = msgspec.field(name="class")
    count: int
    cents: Cents


class TpAudit(msgspec.Struct, frozen=True, kw_only=True):
    """One quarter: what payers said and paid in it, and what was out when the report was made (`made_at`).

    `complete` says that the quarter was over by then; a complete report is kept, and never made again.
    """

    quarter: str
    since: date
    until: date
    made_at: datetime
    complete: bool
    rejects: RejectRow
    payers: tuple[RejectRow, ...]
    executors: tuple[RejectRow, ...]
    causes: tuple[Cause, ...]
    days_to_pay: dict[str, Paid]
    speeds: dict[str, Paid]
    ageing: tuple[AgeRow, ...]
    outstanding: dict[str, Tally]
    penalties: tuple[PenaltyRow, ...]
    forclusion: dict[str, Tally]


class Kept(msgspec.Struct, frozen=True):
    """One report that is kept."""

    quarter: str
    made_at: datetime


class KeptList(msgspec.Struct, frozen=True):
    """The reports that are kept, the latest first."""

    audits: tuple[Kept, ...]


def days_of(quarter: str) -> tuple[date, date]:
    """Return the first and the last day of a quarter such as 2026Q3. Raises QuarterInvalid."""
    found = _QUARTER.fullmatch(quarter)
    if found is None:
        raise QuarterInvalid("a quarter is written such as 2026Q3")
    year, number = int(found[1]), int(found[2])
    following = date(year + number // 4, number % 4 * 3 + 1, 1)
    return date(year, number * 3 - 2, 1), following - timedelta(1)


def quarter_before(day: date) -> str:
    """Return the quarter that was over last on a day."""
    number = (day.month - 1) // 3
    return f"{day.year}Q{number}" if number else f"{day.year - 1}Q4"
