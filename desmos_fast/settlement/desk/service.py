# SPDX-License-Identifier: Apache-2.0
"""Use cases of the desk: take a payment, attach it, take it back, give money back, look. Each write is a decision, an entry and events."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.clock import PARIS
from desmos_fast.base.errors import NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.decisions.model import Kind
from desmos_fast.settlement.decisions.store import add_decision
from desmos_fast.settlement.desk import rules, store
from desmos_fast.settlement.desk.model import (
    AttachAsked,
    Counted,
    Deposit,
    Means,
    NothingAtDesk,
    Part,
    PartAsked,
    PartView,
    PatientShare,
    Payment,
    PaymentAsked,
    PaymentBounced,
    PaymentLine,
    PaymentPage,
    PaymentRefused,
    PaymentSpent,
    PaymentView,
    RefundAsked,
    ShareView,
    Till,
    TillMeans,
    UnpayAsked,
    Wanted,
)
from desmos_fast.settlement.store import lock

T = TypeVar("T", bound=msgspec.Struct)
NOTHING: Final = Counted(0, 0)


def read(body: bytes, into: type[T]) -> T:
    """Read what is asked for. Raises PaymentRefused, whose detail never holds a value."""
    try:
        asked = msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PaymentRefused("the body is not what this route takes", hint="see the page on payments at the desk") from error
    for text in msgspec.structs.astuple(asked):
        if isinstance(text, Deposit):
            text = text.plan
        if isinstance(text, str) and mask_nir(text) != text:
            raise PaymentRefused("a text has the form of a NIR", hint="name a payment or a plan by a number of the centre's own")
    return asked


# --- writes


async def take(con: Connection, context: Context, asked: PaymentAsked) -> PaymentView:
    """Take a payment: for invoices, for care to come, or for neither yet.

    Raises PaymentRefused, NotThere, NothingAtDesk, PrepaymentForbidden.
    """
    on = _day(context, asked.on)
    _check_parts(asked.invoices)
    if sum(part.amount for part in asked.invoices) > asked.amount:
        raise PaymentRefused("the parts are more than the payment")
    if asked.deposit is not None and asked.invoices:
        raise PaymentRefused("a deposit is for care to come, and no invoice is of that")
    await lock(con, context.tenant)
    if asked.deposit is not None:
        rules.check_prepaid(await store.prepaid(con, context.tenant, asked.deposit.plan) + asked.amount, asked.deposit.total)
    deposit = asked.deposit or Deposit("", 0)
    payment = Payment(
        uuid7(), asked.means, asked.amount, on, asked.reference, deposit.plan or None, deposit.total or None, context.now, None, 0
    )
    changes = await _payable(con, context, asked.invoices)
    rest = asked.amount - sum(change for _, change in changes)
    parts = [Part(share.invoice, share.number, None, change) for share, change in changes]
    await _decide(con, context, "payment", payment, {"parts": _told(parts), "deposit": asked.deposit})
    await store.add(con, context.tenant, payment)
    await store.add_parts(con, context.tenant, payment.id, parts)
    await _settle(con, context, "payment.received", payment, asked.amount, changes, [(payment.id, rest)])
    return await show(con, context, payment.id)


async def attach(con: Connection, context: Context, name: UUID, asked: AttachAsked) -> PaymentView:
    """Put what a payment has left on invoices. Raises what `take` raises, PaymentBounced, PaymentSpent."""
    _check_parts(asked.invoices)
    await lock(con, context.tenant)
    payment = await _standing(con, context, name)
    amount = sum(part.amount for part in asked.invoices)
    if amount > payment.rest:
        raise PaymentSpent(f"{amount} cents are asked of a payment that has {payment.rest} left")
    changes = await _payable(con, context, asked.invoices)
    parts = [Part(share.invoice, share.number, None, change) for share, change in changes]
    await _decide(con, context, "payment", payment, {"attached": _told(parts)})
    await store.add_parts(con, context.tenant, payment.id, parts)
    await _settle(con, context, "payment.attached", payment, 0, changes, [(payment.id, -amount)])
    return await show(con, context, name)


async def unpay(con: Connection, context: Context, name: UUID, asked: UnpayAsked) -> PaymentView:
    """Take a payment or a refund back: what it did is undone, and nothing else. Raises NotThere, PaymentBounced."""
    await lock(con, context.tenant)
    payment = await _standing(con, context, name)
    parts = (await store.parts(con, context.tenant, [name]))[name]
    shares = await store.shares(con, context.tenant, [part.invoice for part in parts if part.invoice is not None])
    changes = _summed([(shares[part.invoice], -part.amount) for part in parts if part.invoice is not None])
    # What a refund gave back of the rest stays owed on the payment's own account.
    waiting = [(name, sum(part.amount for part in parts) - payment.amount)]
    waiting += [(part.payment, -part.amount) for part in parts if part.payment is not None]
    await _decide(con, context, "unpay", payment, {"why": asked.why})
    await store.unpay(con, context.tenant, name, context.now)
    await _settle(con, context, "payment.unpaid", payment, -payment.amount, changes, waiting)
    return await show(con, context, name)


async def refund(con: Connection, context: Context, asked: RefundAsked) -> PaymentView:
    """Give money back: the excess of an invoice, or the rest of a payment.

    Raises PaymentRefused, NotThere, NothingAtDesk, PaymentBounced, RefundTooHigh.
    """
    on = _day(context, asked.on)
    if (asked.invoice is None) == (asked.payment is None):
        raise PaymentRefused("a refund is of one invoice or of one payment")
    await lock(con, context.tenant)
    given = Payment(uuid7(), asked.means, -asked.amount, on, asked.reference, None, None, context.now, None, 0)
    changes, waiting = [], []
    if asked.invoice is not None:
        share = (await _owed(con, context, [asked.invoice]))[asked.invoice]
        rules.check_refund(asked.amount, rules.excess(share))
        changes = [(share, -asked.amount)]
    if asked.payment is not None:
        rules.check_refund(asked.amount, (await _standing(con, context, asked.payment)).rest)
        waiting = [(asked.payment, -asked.amount)]
    parts = [Part(share.invoice, share.number, None, change) for share, change in changes]
    parts += [Part(None, None, payment, amount) for payment, amount in waiting]
    await _decide(con, context, "refund", given, {"parts": _told(parts)})
    await store.add(con, context.tenant, given)
    await store.add_parts(con, context.tenant, given.id, parts)
    await _settle(con, context, "payment.refunded", given, given.amount, changes, waiting)
    return await show(con, context, given.id)


def _day(context: Context, on: date | None) -> date:
    if on is not None and on > context.today:
        raise PaymentRefused("money is not received on a day that is to come")
    return on or context.today


def _check_parts(asked: Sequence[PartAsked]) -> None:
    if len({part.invoice for part in asked}) < len(asked):
        raise PaymentRefused("an invoice is named once")


async def _standing(con: Connection, context: Context, name: UUID) -> Payment:
    payment = await store.find(con, context.tenant, name)
    if payment is None:
        raise NotThere("the centre has no such payment")
    if payment.unpaid_at is not None:
        raise PaymentBounced("the payment was taken back")
    return payment


async def _owed(con: Connection, context: Context, invoices: Sequence[UUID]) -> dict[UUID, PatientShare]:
    found = await store.shares(con, context.tenant, invoices)
    missing = [invoice for invoice in invoices if invoice not in found]
    known = await store.numbers(con, context.tenant, missing) if missing else {}
    for invoice in missing:
        if invoice not in known:
            raise NotThere("the centre has no such invoice")
        raise NothingAtDesk(f"invoice {known[invoice]} has no part at the desk", hint="take the payment without an invoice")
    return found


async def _payable(con: Connection, context: Context, asked: Sequence[PartAsked]) -> list[tuple[PatientShare, int]]:
    shares = await _owed(con, context, [part.invoice for part in asked])
    for part in asked:
        rules.check_payable(shares[part.invoice], part.amount, context.today)
    return [(shares[part.invoice], part.amount) for part in asked]


def _summed(changes: Sequence[tuple[PatientShare, int]]) -> list[tuple[PatientShare, int]]:
    """Bring together what is of one share: a payment may have been attached to it several times."""
    sums: dict[PatientShare, int] = {}
    for share, change in changes:
        sums[share] = sums.get(share, 0) + change
    return list(sums.items())


def _told(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [{"invoice": part.invoice, "payment": part.payment, "amount": part.amount} for part in parts]


async def _decide(con: Connection, context: Context, kind: Kind, payment: Payment, detail: dict[str, Any]) -> None:
    said = {"means": payment.means, "amount": payment.amount, "on": payment.on, "reference": payment.reference}
    await add_decision(con, context, kind, str(payment.id), msgspec.to_builtins(said | detail))


async def _settle(
    con: Connection, context: Context, event: str, payment: Payment, cash: int, changes: Sequence[tuple[PatientShare, int]],
    waiting: Sequence[tuple[UUID, int]],
) -> None:  # fmt: skip
    """Move the shares, tell it, and post the entry: `changes` are cents more on each share, `waiting` on each payment's own account."""
    moved = [rules.move(share, change) for share, change in changes]
    await store.move_shares(con, context.tenant, [one.share for one in moved])
    events = [
        Event(event, payment.id, share.invoice, "patient", {"means": payment.means, "amount": change, "state": after.share.state})
        for (share, change), after in zip(changes, moved, strict=True)
    ]
    events += [Event(event, payment.id, detail={"means": payment.means, "amount": amount}) for _, amount in waiting if amount]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    advances = [(str(name), amount) for name, amount in waiting]
    entry = ledger.at_desk(event, str(payment.id), payment.means, cash, [one.settled for one in moved], advances)
    await journal.post(con, context.tenant, context.now, [entry])


# --- reads


async def show(con: Connection, context: Context, name: UUID) -> PaymentView:
    """Return one payment with the shares that it touches. Raises NotThere."""
    payment = await store.find(con, context.tenant, name)
    if payment is None:
        raise NotThere("the centre has no such payment")
    parts = (await store.parts(con, context.tenant, [name]))[name]
    invoices = list(dict.fromkeys(part.invoice for part in parts if part.invoice is not None))
    shares = await store.shares(con, context.tenant, invoices)
    line = _line(payment, parts)
    return PaymentView(**msgspec.structs.asdict(line), shares=[_share(shares[invoice]) for invoice in invoices if invoice in shares])


async def listed(con: Connection, context: Context, wanted: Wanted, cursor: Callable[[UUID], str]) -> PaymentPage:
    """Return one page of payments; `cursor` writes the place where the next one begins."""
    found = await store.page(con, context.tenant, wanted)
    shown = found[: wanted.limit]
    parts = await store.parts(con, context.tenant, [payment.id for payment in shown])
    lines = [_line(payment, parts[payment.id]) for payment in shown]
    return PaymentPage(lines, cursor(shown[-1].id) if len(found) > len(shown) else None)


async def till(con: Connection, context: Context, on: date | None) -> Till:
    """Return one day at the desk, as the books took it; today without one."""
    day = on or context.today
    start, end = (datetime.combine(some, time(), PARIS) for some in (day, day + timedelta(days=1)))
    kinds: dict[Means, dict[str, Counted]] = {}
    for moved in await store.till(con, context.tenant, start, end):
        kinds.setdefault(moved.means, {})[moved.kind] = Counted(moved.times, moved.cents)
    means = [_means(name, found) for name, found in kinds.items()]
    return Till(day, means, sum(one.net for one in means))


def _means(name: Means, found: dict[str, Counted]) -> TillMeans:
    received, refunded, unpaid = (found.get(kind, NOTHING) for kind in ("received", "refunded", "unpaid"))
    return TillMeans(
        means=name, received=received, refunded=refunded, unpaid=unpaid, net=received.cents + refunded.cents + unpaid.cents,
    )  # fmt: skip


def _line(payment: Payment, parts: Sequence[Part]) -> PaymentLine:
    return PaymentLine(
        id=payment.id,
        kind="payment" if payment.amount > 0 else "refund",
        means=payment.means,
        amount=payment.amount,
        on=payment.on,
        reference=payment.reference,
        state="kept" if payment.unpaid_at is None else "unpaid",
        rest=payment.rest,
        deposit=None if payment.plan is None or payment.plan_total is None else Deposit(payment.plan, payment.plan_total),
        parts=[PartView(*part) for part in parts],
        recorded_at=payment.recorded_at,
        unpaid_at=payment.unpaid_at,
    )


def _share(share: PatientShare) -> ShareView:
    owed = share.amount - share.closed
    return ShareView(
        invoice=share.invoice,
        number=share.number,
        state=share.state,
        amount=share.amount,
        received=share.received,
        open=max(owed - share.received, 0),
        excess=rules.excess(share),
    )
