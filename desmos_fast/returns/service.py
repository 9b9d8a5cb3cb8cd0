# SPDX-License-Identifier: Apache-2.0
"""Files that come back: acknowledgements move lots and shares, payment orders are kept for the settlement."""

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal, kernel
from desmos_fast.db.journal import Event
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.identity.context import Context
from desmos_fast.lots import rules
from desmos_fast.lots import service as lots
from desmos_fast.lots import store as lot_store
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow.model import DeadAck
from desmos_fast.returns import codec, store
from desmos_fast.returns.letters import store as apart
from desmos_fast.returns.letters.model import ORDER_REPEATED
from desmos_fast.returns.letters.store import RepeatedOrder
from desmos_fast.returns.model import Arl, ArlFile, Imported, PaymentOrder, ReturnConflict, ReturnRepeated, RspFile, WrongRecipient
from desmos_fast.returns.store import Known, NamedLot, NewFile, NewLine, NewOrder, Verdict, WaitingLine
from monitoring import metrics

TABLE: Final = "return_file"
_CONTENT: Final = b"return content\n"
_ORDER: Final = b"payment order\n"
WIDTH: Final = 14
NOT_SAID_SENT: Final = frozenset({"queued", "dead"})
# A lot that was replaced had been refused.
ANSWERED: Final = {"accepted": "accepted", "refused": "refused", "replaced": "refused"}


async def import_file(
    con: Connection, context: Context, data: bytes, *, although: Collection[str] = (), real: bool = True
) -> Imported:
    """Import one acknowledgement or return, whole or not at all; the same bytes again give the first answer and change nothing.

    `although` are codes of conflicts that a person accepts. What is not `real` the caller undoes, and no metric counts it.
    Raises FaultyInput with every fault of the file, WrongRecipient, ReturnRepeated, ReturnConflict.
    """
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    # Also what makes one of two imports of a file that run at once wait for the answer of the other.
    await lot_store.hold(con, context.tenant)
    known = await store.find(con, context.tenant, sha256)
    if known is not None:
        return known
    found = await asyncio.to_thread(codec.parse, data)
    _check_recipient(found, context.finess)
    content = await _content(con, context, found, although)
    blank = Imported(id=uuid7(), kind="arl" if isinstance(found, ArlFile) else "rsp", sha256=sha256.hex(), sequence=found.sequence)
    (sealed,) = await asyncio.to_thread(kernel.seal, context.keys, TABLE, context.tenant, [blank.id], [data])
    said = await (
        _acknowledge(con, context, blank, found)
        if isinstance(found, ArlFile)
        else _announce(con, context, blank, found, taken=ORDER_REPEATED in although)
    )
    file = NewFile(said.answer, content, sealed, _sender(found), date.fromisoformat(found.date))
    await store.add(con, context.tenant, file, context.now)
    await store.add_orders(con, context.tenant, blank.id, said.orders, said.lines)
    if said.repeated:
        await apart.add_orders(con, context.tenant, sha256, blank.id, load_pack().profile, said.repeated, context.now)
        odd = [Found(Kind.RETURN_DEAD, one.id, None, {"code": ORDER_REPEATED, "ordinal": one.ordinal}) for one in said.repeated]
        await anomalies.note(con, context.tenant, context.now, odd, by=context.actor)
    taken = await apart.take(con, context.tenant, sha256, blank.id, context.now, context.actor)
    await end_dead(con, context, taken, {"return": str(blank.id)})
    await follow.unmatched(con, context.tenant, context.now, said.dead, context.actor)
    detail = {"kind": blank.kind, "sequence": blank.sequence, "sha256": blank.sha256}
    events = [Event("return.imported", blank.id, detail=detail), *said.events]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    metrics.returns_imported.inc(int(real))
    for delay in said.delays if real else ():
        metrics.ack_delay_seconds.observe(max(0, delay.total_seconds()))
    return said.answer


def _check_recipient(found: ArlFile | RspFile, finess: str) -> None:
    digits = rules.biller_digits(finess)
    if digits is None or found.recipient_number != digits.rjust(WIDTH, "0"):
        raise WrongRecipient("the file is addressed to another centre", hint="give it with the key of the centre that it names")


async def end_dead(con: Connection, context: Context, taken: Sequence[UUID], detail: Mapping[str, object]) -> None:
    """Tell that dead letters were taken after all."""
    events = [Event("return.taken", one, detail=detail) for one in taken]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    await anomalies.clear(con, context.tenant, context.now, Kind.RETURN_DEAD, taken, by=context.actor)


def _sender(found: ArlFile | RspFile) -> str:
    return f"{found.sender_type} {found.sender_number}"


async def _content(con: Connection, context: Context, found: ArlFile | RspFile, although: Collection[str]) -> bytes | None:
    """Return the key of what an RSP says, in any order and envelope; None for an ARL, and for what came before and a person accepts.

    Raises ReturnRepeated, ReturnConflict.
    """
    if isinstance(found, ArlFile):
        return None
    content = await asyncio.to_thread(_content_key, context.keys.index, found)
    former = await store.find_content(con, context.tenant, content)
    if former is not None:
        if ReturnRepeated.code in although:
            return None
        raise ReturnRepeated(
            f"the payment orders of this file were imported before (return {former}), in a file of other bytes",
            hint="nothing was written: ask the sender whether it pays twice or sent the same again",
        )
    former = await store.find_number(con, context.tenant, _sender(found), found.sequence, date.fromisoformat(found.date))
    if former is not None and ReturnConflict.code not in although:
        raise ReturnConflict(
            f"the sender gave another content under the number {found.sequence} of {found.date} before (return {former})",
            hint="nothing was written: ask the sender whether this one takes the place of the other or comes beside it",
        )
    return content


def _content_key(secret: bytes, found: RspFile) -> bytes:
    # The records hold NIRs: a bare hash of little unknown can be searched.
    said = hmac.new(secret, _CONTENT, hashlib.sha256)
    for order in sorted(msgspec.json.encode(order) for order in found.orders):
        said.update(order + b"\n")
    return said.digest()


def _order_keys(secret: bytes, found: RspFile) -> list[bytes]:
    return [hmac.digest(secret, _ORDER + msgspec.json.encode(order), hashlib.sha256) for order in found.orders]


class Said(NamedTuple):
    """What a return says: the answer to who brought it, what happened by it, the payment orders and the dead letters to keep.

    `delays` are the times from the sending of each lot to its answer.
    """

    answer: Imported
    events: list[Event]
    orders: Sequence[NewOrder] = ()
    lines: Sequence[NewLine] = ()
    dead: Sequence[DeadAck] = ()
    repeated: Sequence[RepeatedOrder] = ()
    delays: Sequence[timedelta] = ()


class Weighed(NamedTuple):
    """What an ARL says, against what is known: new verdicts, events, what no lot takes, and how many of its lines say or are what."""

    verdicts: list[Verdict]
    events: list[Event]
    dead: list[DeadAck]
    counts: Counter[str]


async def _acknowledge(con: Connection, context: Context, blank: Imported, found: ArlFile) -> Said:
    """Move the lots that an ARL answers for the first time; what it repeats changes nothing, what it contradicts is told."""
    arls = found.acknowledgements
    named = await store.named_lots(con, context.tenant, [(arl.biller, arl.lot, date.fromisoformat(arl.lot_date)) for arl in arls])
    # An answer proves that the file left, also when the worker that sent it died before it said so.
    for file in {lot.file for lot in named.values() if lot.file_state in NOT_SAID_SENT}:
        await lots.mark_sent(con, context.tenant, context.now, file, by=context.actor)
    verdicts, events, dead, counts = _weigh(arls, named, blank.id, context.now)
    members = await store.answer_lots(con, context.tenant, verdicts)
    told = {event.subject: event for event in events}
    events += await asyncio.to_thread(lambda: [told[one.lot]._replace(invoice=one.invoice, part=one.part) for one in members])
    files = list({lot.file for lot in named.values()})
    closed = await store.acknowledge(con, context.tenant, files)
    events += [Event("file.acknowledged", file) for file in closed]
    await follow.acknowledged(con, context.tenant, context.now, closed, context.actor)
    await follow.answered(con, context.tenant, context.now, files, context.actor)
    sent = {lot.id: lot.sent_at for lot in named.values()}
    delays = [context.now - at for one in verdicts if (at := sent[one.lot]) is not None]
    return Said(msgspec.structs.replace(blank, **counts), events, dead=dead, delays=delays)


def _weigh(arls: Sequence[Arl], named: Mapping[int, NamedLot], file: UUID, now: datetime) -> Weighed:
    known = {lot.id: ANSWERED[lot.state] for lot in named.values() if lot.state in ANSWERED}
    found = Weighed([], [], [], Counter())
    for place, arl in enumerate(arls):
        says = "accepted" if arl.accepted else "refused"
        detail = {"lot": arl.lot, "code": arl.code, "record": arl.record}
        lot = named.get(place)
        if lot is None:
            found.events.append(Event("ack.unknown", file, detail={**detail, "biller": arl.biller, "date": arl.lot_date, "says": says}))
            found.dead.append(_dead(arl, file, "unknown", says, now))
        elif lot.id not in known:
            known[lot.id] = says
            found.verdicts.append(Verdict(lot.id, says, arl.code))
            found.events.append(Event(f"ack.{says}", lot.id, detail={**detail, "trace": str(lot.file)}))
        elif known[lot.id] != says:
            found.events.append(Event("ack.conflict", file, detail={**detail, "date": arl.lot_date, "says": says}))
            found.dead.append(_dead(arl, file, "conflict", says, now))
        agreed = lot is not None and known[lot.id] == says
        found.counts[says if agreed else "unknown"] += 1
    return found


def _dead(arl: Arl, file: UUID, why: str, says: str, now: datetime) -> DeadAck:
    return DeadAck(uuid7(), file, why, arl.biller, arl.lot, date.fromisoformat(arl.lot_date), says, arl.code, arl.record, now)


async def _announce(con: Connection, context: Context, blank: Imported, found: RspFile, *, taken: bool) -> Said:
    """Take the payment orders of an RSP, matched to nothing yet, and let the invoices wait that it says do.

    An order that came before in another file, as often as here, is kept apart unless it is to be `taken`.
    """
    orders, lines = await asyncio.to_thread(_rows, context.keys, found, blank.sha256)
    known = {} if taken else await store.find_orders(con, context.tenant, [order.content_key for order in orders])
    repeated = _repeated(orders, known)
    again = {order.id for order, _ in repeated}
    orders, lines = [order for order in orders if order.id not in again], [line for line in lines if line.order not in again]
    told = [order for place, order in enumerate(found.orders, 1) if place not in {order.line for order, _ in repeated}]
    waiting = await asyncio.to_thread(_waiting, context.keys, told)
    shares = await store.find_waiting(con, context.tenant, waiting)
    moved = await store.pend(con, context.tenant, shares)
    answer = msgspec.structs.replace(
        blank,
        orders=len(orders),
        lines=len(lines),
        announced=Cents(sum(order.total for order in orders)),
        pending=len(waiting),
        unknown=len(waiting) - len({share.place for share in shares}),
        repeated=len(repeated),
    )
    events = [Event("share.pending", blank.id, share.invoice, share.part) for share in moved]
    return Said(answer, events, orders, lines, repeated=[_kept_apart(order, first) for order, first in repeated])


def _repeated(orders: Sequence[NewOrder], known: Mapping[bytes, Known]) -> list[tuple[NewOrder, str]]:
    """Return the orders that came before, each with the first of its content: of equal ones in one file as many as came in others."""
    left = {key: one.times for key, one in known.items()}
    found = []
    for order in orders:
        if left.get(order.content_key, 0):
            left[order.content_key] -= 1
            found.append((order, known[order.content_key].ref))
    return found


def _kept_apart(order: NewOrder, first: str) -> RepeatedOrder:
    says = {"order": order.ref, "first": first, "payer": order.payer, "total": order.total, "payment_date": order.payment_date}
    detail = f"the payment order {order.ref} says what {first} said: it was kept apart"
    return RepeatedOrder(uuid7(), order.line, detail, msgspec.json.encode([says]).decode())


async def take_order(con: Connection, context: Context, data: bytes, file: UUID, ordinal: int) -> None:
    """Take one order of a return that was kept apart because it came before."""
    found = await asyncio.to_thread(codec.parse, data)
    assert isinstance(found, RspFile), "only payment orders are kept apart"
    orders, lines = await asyncio.to_thread(_rows, context.keys, found, hashlib.sha256(data).hexdigest())
    (order,) = [order for order in orders if order.line == ordinal]
    await store.add_orders(con, context.tenant, file, [order], [line for line in lines if line.order == order.id])


def _rows(keys: TenantKeys, found: RspFile, sha256: str) -> tuple[list[NewOrder], list[NewLine]]:
    canonical = codec.orders(found, sha256)
    names = journal.ids(len(canonical))
    orders = [
        NewOrder(
            name, order["id"], order["kind"], order["payer"], order["emitter"], order["emitter_name"], order["biller"],
            date.fromisoformat(order["payment_date"]), order["payment_ref"], order["total"], order["source"]["line"], key,
        )
        for name, order, key in zip(names, canonical, _order_keys(keys.index, found), strict=True)
    ]  # fmt: skip
    lines = [(name, line) for name, order in zip(names, canonical, strict=True) for line in order["lines"]]
    insured = iter(kernel.blind_index(keys, [line["nir"] for _, line in lines if line["nir"] is not None]))
    return orders, [_line(name, line, None if line["nir"] is None else next(insured)) for name, line in lines]


def _line(order: UUID, line: Mapping[str, Any], insured: bytes | None) -> NewLine:
    day = line["care_date"]
    return NewLine(
        order, line["line"], line["biller"], line["part"], line["payer"], line["status"], line["amount"], line["invoice_number"],
        line["lot"], insured, None if day is None else date.fromisoformat(day), line["reject_code"],
    )  # fmt: skip


def _waiting(keys: TenantKeys, orders: Sequence[PaymentOrder]) -> list[WaitingLine]:
    lines = [line for order in orders for line in order.invoices if line.outcome == codec.WAITING]
    insured = kernel.blind_index(keys, [line.nir for line in lines])
    return [
        WaitingLine(place, line.biller, line.number, key, codec.PARTS[line.part])
        for place, (line, key) in enumerate(zip(lines, insured, strict=True))
    ]
