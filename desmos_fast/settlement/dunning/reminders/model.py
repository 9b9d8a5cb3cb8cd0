# SPDX-License-Identifier: Apache-2.0
"""A reminder: one claim for one payer or patient at one level, with the list of what it is about."""

from datetime import date, datetime
from typing import ClassVar, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict
from desmos_fast.base.types import Cents, Part
from desmos_fast.settlement.model import Tally

Rule = Literal["amo", "amc", "patient", "reject", "order", "credit", "forclusion"]
State = Literal["open", "sent", "cancelled", "settled"]
STATES: Final = ("open", "sent", "cancelled", "settled")
RULES: Final = ("amo", "amc", "patient", "reject", "order", "credit", "forclusion")
PAGE: Final = 200


class ReminderClosed(Conflict):
    """A reminder that was sent, cancelled or settled stays so."""

    code: ClassVar[str] = "reminder_closed"


class Level(NamedTuple):
    """A level of a rule for a payer, blank for all others: what began on `cutoff` or before has reached it today."""

    rule: str
    key: str
    level: int
    cutoff: date


class Due(NamedTuple):
    """One thing that reached a level today; `debtor` is whom it is for, an index for a patient."""

    rule: Rule
    level: int
    debtor: str
    subject: str
    invoice_id: UUID | None
    part: str | None
    care_date: date | None
    since: date
    amount: int


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """One reminder; `payer` is null for a patient and a credit, `amount` is what was open when it was made, or what it said when sent."""

    id: UUID
    rule: Rule
    level: int
    payer: str | None
    account: str | None
    day: date
    state: State
    items: int
    amount: Cents
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    why: str | None


class ReminderItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a reminder is about: `open` is what is still due on it now."""

    subject: str
    invoice_id: UUID | None
    part: Part | None
    care_date: date | None
    since: date
    amount: Cents
    open: Cents


class ReminderView(Reminder, frozen=True, kw_only=True):
    """One reminder with its list."""

    list: tuple[ReminderItem, ...]


class ReminderPage(msgspec.Struct, frozen=True):
    """Reminders, the newest first; `total` is over all that are looked for, `next` the cursor of what follows."""

    total: Tally
    reminders: tuple[Reminder, ...]
    next: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which reminders are looked for."""

    state: str | None = None
    rule: str | None = None
    payer: str | None = None
    before: UUID | None = None
    limit: int = PAGE


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a reminder is cancelled."""

    why: str = ""


class DayDone(NamedTuple):
    """What a day gave: reminders made, things reminded of, reminders over because everything in them is settled."""

    reminders: int
    items: int
    settled: int
