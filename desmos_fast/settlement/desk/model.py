# SPDX-License-Identifier: Apache-2.0
"""What is asked for at the desk, what is kept of it, and why it is refused. Amounts are integer cents."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput

Means = Literal["cash", "card", "cheque", "transfer"]
Kind = Literal["payment", "refund"]
State = Literal["kept", "unpaid"]
PAGE: Final = 200
LARGEST: Final = 10**11
MOST_INVOICES: Final = 1000

Amount = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
Reference = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[0-9A-Za-z ./-]*$")]
Plan = Annotated[str, msgspec.Meta(min_length=1, max_length=35, pattern=r"^[0-9A-Za-z ./-]+$")]


# --- what is asked for


class PartAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a payment is for one invoice."""

    invoice: UUID
    amount: Amount


Parts = Annotated[tuple[PartAsked, ...], msgspec.Meta(max_length=MOST_INVOICES)]


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Care that is still to come: the centre's name for it, and what all of it is worth."""

    plan: Plan
    total: Amount


class _Money(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what goes through the till."""

    means: Means
    amount: Amount
    on: date | None = None
    reference: Reference = ""


class PaymentAsked(_Money, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment to take: for invoices, for care to come, or for neither yet."""

    invoices: Parts = ()
    deposit: Deposit | None = None


class RefundAsked(_Money, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money to give back: the excess of an invoice, or the rest of a payment."""

    invoice: UUID | None = None
    payment: UUID | None = None


class AttachAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Invoices for what a payment has left."""

    invoices: Annotated[Parts, msgspec.Meta(min_length=1)]


class UnpayAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a payment is taken back."""

    why: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which payments a list shows, the newest first: those older than `before`, days of reception included."""

    means: str | None = None
    kind: str | None = None
    state: str | None = None
    invoice: UUID | None = None
    since: date | None = None
    until: date | None = None
    before: UUID | None = None
    limit: int = PAGE


# --- rows


class Payment(NamedTuple):
    """One payment, or a refund when below zero; `rest` is what it has for no invoice, 0 once it was taken back."""

    id: UUID
    means: Means
    amount: int
    on: date
    reference: str
    plan: str | None
    plan_total: int | None
    recorded_at: datetime
    unpaid_at: datetime | None
    rest: int


class Part(NamedTuple):
    """How much of a payment is for an invoice, or how much of a refund is the rest of another payment."""

    invoice: UUID | None
    number: int | None
    payment: UUID | None
    amount: int


class PatientShare(NamedTuple):
    """What the patient owes on one signed invoice: `amount` less `closed`, and `received` from all payments that stand.

    `name` is `biller/number`, `total` what the whole invoice is worth.
    """

    invoice: UUID
    name: str
    number: int
    care_date: date
    total: int
    amount: int
    closed: int
    received: int
    state: str


# --- answers


class PartView(msgspec.Struct, frozen=True):
    """One part as it is shown."""

    invoice: UUID | None
    number: int | None
    payment: UUID | None
    amount: int


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """The patient's share of one invoice; one of `open` and `excess` at most is above zero."""

    invoice: UUID
    number: int
    state: str
    amount: int
    received: int
    open: int
    excess: int


class PaymentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One payment or refund, as lists show it."""

    id: UUID
    kind: Kind
    means: Means
    amount: int
    on: date
    reference: str
    state: State
    rest: int
    deposit: Deposit | None
    parts: list[PartView]
    recorded_at: datetime
    unpaid_at: datetime | None


class PaymentView(PaymentLine, frozen=True, kw_only=True):
    """One payment or refund, and the shares that it touches as they stand now."""

    shares: list[ShareView]


class PaymentPage(msgspec.Struct, frozen=True):
    """Payments, the newest first; `next` is the cursor of what follows, null at the end."""

    payments: list[PaymentLine]
    next: str | None


class Counted(msgspec.Struct, frozen=True):
    """How many, and their cents."""

    count: int
    cents: int


class TillMeans(msgspec.Struct, frozen=True, kw_only=True):
    """One day's money in one form; `net` is the sum of the three."""

    means: Means
    received: Counted
    refunded: Counted
    unpaid: Counted
    net: int


class Till(msgspec.Struct, frozen=True):
    """One day at the desk, as the books took it."""

    on: date
    means: list[TillMeans]
    net: int


# --- why not


class PaymentRefused(InvalidInput):
    """The body is none of the desk's, or its fields contradict each other."""

    code: ClassVar[str] = "payment_refused"


class NothingAtDesk(Conflict):
    """The patient owes nothing on this invoice, or no more."""

    code = "nothing_at_desk"


class PrepaymentForbidden(Conflict):
    """Care that is not given yet would be paid in full."""

    code = "prepayment_forbidden"


class PaymentSpent(Conflict):
    """The payment has less left than is asked of it."""

    code = "payment_spent"


class PaymentBounced(Conflict):
    """The payment was taken back."""

    code = "payment_bounced"


class RefundTooHigh(Conflict):
    """More would be given back than there is to give back."""

    code = "refund_too_high"
