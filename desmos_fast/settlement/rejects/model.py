# SPDX-License-Identifier: Apache-2.0
"""Rejects as work to do: what is asked for, what is answered, and why something is refused. Amounts are integer cents."""

from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.types import Cents
from desmos_fast.nomenclature.model import RejectOwner

ClaimedPart = Literal["amo", "amc"]
PARTS: Final[tuple[ClaimedPart, ...]] = ("amo", "amc")
PAGE: Final = 200
Reason = Literal["number", "patient", "care_date", "amount", "part"]
Place = Literal["matched", "parked", "free"]


class ShareNotRejected(Conflict):
    """The share is in another state: nothing of it was refused, or it was dealt with."""

    code = "share_not_rejected"


class RejectNotResent(Conflict):
    """What is rejected for such a reason is never billed again."""

    code = "reject_not_resent"


class RecycleParts(Conflict):
    """The parts asked for cannot be billed again together, or not without the other one."""

    code = "recycle_parts"


class RecycleAmountDiffers(Conflict):
    """The corrected invoice comes to something else than what is open."""

    code = "recycle_amount_differs"


class RejectRequestInvalid(InvalidInput):
    """The body is not what the route takes, or corrects what no person may."""

    code = "reject_request_invalid"


# --- what is asked for


class RecycleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is billed again and with which corrections: keys of the invoice, merged into it as RFC 7396 says.

    Without `parts` it is the part of the path. `amount_may_change` is a person's word that another amount than the open one is right.
    """

    why: str
    parts: tuple[ClaimedPart, ...] = ()
    corrections: dict[str, Any] = {}
    amount_may_change: bool = False


class ClaimRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim that was sent to the payer; `reference` is what the centre calls it."""

    why: str
    reference: Annotated[str, msgspec.Meta(max_length=80)] = ""


class AssignRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes care of it; null gives it back to the owner of its class."""

    to: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None


class Wanted(NamedTuple):
    """What of the queue is asked for; None is any. Days are counted from the day of the payment order that refused."""

    name: str | None = None
    owner: RejectOwner | None = None
    code: str | None = None
    payer: str | None = None
    assigned: str | None = None
    youngest: int | None = None
    oldest: int | None = None
    invoice: UUID | None = None


# --- what is answered


class RejectShown(msgspec.Struct, frozen=True, kw_only=True):
    """One rejected share: `told_on` is the day of the payment order, from which `days` count, `since` that of the import."""

    invoice: UUID
    part: ClaimedPart
    share: str
    payer: str
    care_date: date
    code: str
    name: str = msgspec.field(name="class")
    label: str
    action: str
    owner: RejectOwner
    owner_fr: str
    assigned_to: str | None
    recycle: bool
    amount: Cents
    open: Cents
    told_on: date
    since: date
    days: int
    age: str
    order_line: str | None


class RejectTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many rejects of a class are of an age, and what is open on them."""

    name: str = msgspec.field(name="class")
    label: str
    owner: RejectOwner
    age: str
    count: int
    cents: Cents


class RejectFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All rejects that were asked for, by class, owner and age."""

    count: int
    cents: Cents
    tallies: tuple[RejectTally, ...]


class RejectPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rejects, those of the oldest invoices first; `next` is the cursor of what follows, null at the end."""

    rejects: tuple[RejectShown, ...]
    next: str | None


class BilledPart(msgspec.Struct, frozen=True, kw_only=True):
    """What was open on a part, and what is billed for it again."""

    part: ClaimedPart
    payer: str
    open: Cents
    billed: Cents


class OtherPart(msgspec.Struct, frozen=True, kw_only=True):
    """What the corrected invoice would give a part that is not billed again, where that differs from before."""

    part: Literal["amo", "amc", "patient"]
    before: Cents
    now: Cents


class Recycled(msgspec.Struct, frozen=True, kw_only=True):
    """What was billed again and by which invoice; without `invoice` nothing was done yet."""

    share: str
    parts: tuple[BilledPart, ...]
    others: tuple[OtherPart, ...]
    corrected: tuple[str, ...]
    invoice: UUID | None = None
    number: int | None = None
    supersedes: UUID
    decision: UUID | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that was noted: the state of the share, and the lines that count for nothing from now on."""

    share: str
    state: str
    lines: tuple[str, ...]
    decision: UUID


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes care of a reject."""

    share: str
    assigned_to: str | None
    decision: UUID


class PaymentFound(msgspec.Struct, frozen=True, kw_only=True):
    """An order line that may be the payment in question: what it has in common with the share, what not, and where it stands."""

    order_line: str
    payer: str
    payment_ref: str
    payment_date: date
    credited: bool
    amount: Cents
    invoice_number: int | None
    care_date: date | None
    part: str | None
    equal: tuple[Reason, ...]
    differs: tuple[Reason, ...]
    place: Place
    share: str | None
    text: str


class PaymentsFound(msgspec.Struct, frozen=True, kw_only=True):
    """The payments of that payer that may be it, those with the most in common first; `left_out` counts what the list does not show."""

    share: str
    payments: tuple[PaymentFound, ...]
    left_out: int
