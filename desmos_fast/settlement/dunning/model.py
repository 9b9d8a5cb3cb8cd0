# SPDX-License-Identifier: Apache-2.0
"""What is still due, for how long, what it costs its payer, and until when it can be asked for."""

from datetime import date
from typing import ClassVar, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import Cents, Part
from desmos_fast.settlement.model import Tally

AGES: Final = ("0-7", "8-30", "31-60", "61-90", ">90")
STAGES: Final = ("18", "21", "24", "barred")
# The filter of each list beside the payer, and its words; a stage is any number of months that a centre set.
FILTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "outstanding": ("age", AGES),
    "late": ("age", AGES),
    "penalties": ("status", ("due", "running")),
    "forclusion": ("stage", STAGES),
    "indus": ("kind", ("identified", "unidentified")),
    "orders": ("", ()),
    "credits": ("", ()),
}
PAGE: Final = 200
NOTHING: Final = Tally(0, Cents(0))
Clock = Literal["ack", "sent", "signed"]
Unit = Literal["working", "calendar"]
PenaltyStatus = Literal["due", "running"]
ROUNDING: Final = "half_up"


class SettingRefused(InvalidInput):
    """A setting of the follow-up cannot be as it was asked for."""

    code: ClassVar[str] = "setting_refused"


class TermsInvalid(InvalidInput):
    """The table of delays is not sound."""

    code: ClassVar[str] = "terms_invalid"


# --- settings


class Term(NamedTuple):
    """One dated row: of the table, or of a centre, for one payer or for all; no value takes earlier rows of the centre back."""

    name: str
    value: str | None
    since: date
    until: date | None
    source: str
    confidence: str = "centre"
    payer: str | None = None


class TermInForce(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as it holds on a day, and where it comes from."""

    name: str
    value: str
    payer: str | None
    since: date
    until: date | None
    confidence: str
    source: str


class TermsShown(msgspec.Struct, frozen=True):
    """Every setting in force on a day: those of the table, then those of the centre."""

    day: date
    terms: tuple[TermInForce, ...]


class TermAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A setting that a centre makes for itself; without a value, earlier ones of the same name and payer hold no more."""

    name: str
    value: str | None
    since: date
    until: date | None = None
    payer: str | None = None
    source: str


class TermSet(msgspec.Struct, frozen=True):
    """The setting that was made."""

    id: UUID
    name: str
    value: str | None
    payer: str | None
    since: date
    until: date | None


# --- figures


class AgeRow(msgspec.Struct, frozen=True):
    """What one payer owes, by age in days since the signature; `late` is what of it is past the delay."""

    payer: str
    ages: dict[str, Tally]
    total: Tally
    late: Tally


class PenaltyRow(msgspec.Struct, frozen=True):
    """What one payer owes for paying late, and what it would owe if it paid today."""

    payer: str
    due: Tally
    running: Tally


class InduRow(msgspec.Struct, frozen=True):
    """What one payer took back and is not settled: from invoices, and without saying for what (`indu non identifié`)."""

    payer: str
    identified: Tally
    unidentified: Tally
    disputed: Tally


class Paid(msgspec.Struct, frozen=True):
    """How many parts were paid in full in a time, and in how many calendar days from the sending; `mean` is in tenths of a day."""

    count: int
    mean_tenths: int
    median: int


class Rate(msgspec.Struct, frozen=True):
    """How what came was matched: by rule, by a person, or not; `permille` is the share matched by rule, rounded down."""

    all: int
    automatic: int
    by_person: int
    ambiguous: int
    suggested: int
    permille: int


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of what is to be followed up; every one of them opens a list that sums to it."""

    ageing: tuple[AgeRow, ...] = ()
    penalties: tuple[PenaltyRow, ...] = ()
    forclusion: dict[str, Tally] = {}
    indus: tuple[InduRow, ...] = ()
    orders_uncredited: Tally = NOTHING
    days_to_pay: dict[str, Paid] = {}
    automatic: dict[str, Rate] = {}
    reminders_open: dict[str, Tally] = {}


# --- lists


class Outstanding(msgspec.Struct, frozen=True, kw_only=True):
    """One part on which cents are still due; `waited` counts days of `unit` since `start`, null before the clock of its payer starts."""

    place: str
    invoice: str
    invoice_id: UUID
    part: Part
    payer: str
    state: str
    amount: Cents
    open: Cents
    care_date: date
    signed_on: date
    age: str
    days: int
    start: date | None
    waited: int | None
    delay: int | None
    unit: str | None
    late: bool


class Penalty(msgspec.Struct, frozen=True, kw_only=True):
    """What one invoice costs its payer for coming late, with the arithmetic; amounts in cents."""

    place: str
    invoice: str
    invoice_id: UUID
    payer: str
    amount: Cents
    clock: str
    start: date
    paid_on: date | None
    status: PenaltyStatus
    days: int
    delay: int
    unit: str
    penalty: Cents
    flat: Cents
    flat_days: int
    rate: int
    holidays: tuple[date, ...] = ()
    rounding: str = ROUNDING
    arithmetic: str = ""
    payable_in: str | None = None


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """One part that can soon be asked for no more; `stage` is the months since the care, `barred` once it is too late."""

    place: str
    invoice: str
    invoice_id: UUID
    part: Part
    payer: str
    state: str
    open: Cents
    care_date: date
    barred_on: date
    stage: str


class Indu(msgspec.Struct, frozen=True, kw_only=True):
    """One sum that a payer took back, with the limits of the law; `barred` says that the payment was too old to be taken back.

    The subject is the name of a share, of an order line, or the id of a match of credits: `source` says of which.
    """

    place: str
    subject: str
    payer: str
    source: Literal["share", "line", "match"]
    identified: bool
    invoice: str | None
    invoice_id: UUID | None
    part: Part | None
    amount: Cents
    taken_on: date
    answer_by: date
    paid_on: date | None
    barred_on: date | None
    barred: bool | None
    disputed: bool
    why: str | None


class OrderUncredited(msgspec.Struct, frozen=True, kw_only=True):
    """One payment order that no credit was found for."""

    place: str
    ref: str
    payer: str
    payment_ref: str
    payment_date: date
    amount: Cents
    days: int


class CreditUnexplained(msgspec.Struct, frozen=True, kw_only=True):
    """One credit that no order was found for; the label is the bank's, without any NIR."""

    place: str
    ref: str
    account: str
    label: str
    booking_date: date
    amount: Cents
    days: int


Item = Outstanding | Penalty | Expiring | Indu | OrderUncredited | CreditUnexplained


class Page(msgspec.Struct, frozen=True):
    """One page of a list, from the oldest on; `total` is over the whole list, `next` the cursor of what follows."""

    total: Tally
    items: tuple[Item, ...]
    next: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is asked for: after which place, how many, of which payer, and which age, status or stage."""

    after: str | None = None
    limit: int = PAGE
    payer: str | None = None
    kind: str | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a centre says of a sum that was taken back: disputed or not any more, and why."""

    subject: str
    disputed: bool
    why: str


class Disputed(msgspec.Struct, frozen=True):
    """The flag as it is now."""

    subject: str
    disputed: bool
