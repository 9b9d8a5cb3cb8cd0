# SPDX-License-Identifier: Apache-2.0
"""Files that come back: acknowledgements move lots and shares, payment orders are kept for the settlement."""

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal, kernel
from desmos_fast.db.journal import Event
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import rules
from desmos_fast.lots import service as lots
from desmos_fast.lots import store as lot_store
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow.model import DeadAck
from desmos_fast.returns import codec, store
from desmos_fast.returns.model import Arl, ArlFile, Imported, ReturnRepeated, RspFile, WrongRecipient
from desmos_fast.returns.store import NamedLot, NewLine, NewOrder, Verdict, WaitingLine
from monitoring import metrics

TABLE: Final = "return_file"
_CONTENT: Final = b"return content\n"
WIDTH: Final = 14
NOT_SAID_SENT: Final = frozenset({"queued", "dead"})
# A lot that was replaced had been refused.
ANSWERED: Final = {"accepted": "accepted", "refused": "refused", "replaced": "refused"}


async def import_file(con: Connection, context: Context, data: bytes) -> Imported:
    """Import one acknowledgement or return, whole or not at all; the same bytes again give the first answer and change nothing.

    Raises FaultyInput with every fault of the file, WrongRecipient, ReturnRepeated.
    """
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    # Also what makes one of two imports of a file that run at once wait for the answer of the other.
    await lot_store.hold(con, context.tenant)
    known = await store.find(con, context.tenant, sha256)
    if known is not None:
        return known
    found = await asyncio.to_thread(codec.parse, data)
    _check_recipient(found, context.finess)
    content = await _content(con, context, found)
    blank = Imported(id=uuid7(), kind="arl" if isinstance(found, ArlFile) else "rsp", sha256=sha256.hex(), sequence=found.sequence)
    (sealed,) = await asyncio.to_thread(kernel.seal, context.keys, TABLE, context.tenant, [blank.id], [data])
    said = await (_acknowledge(con, context, blank, found) if isinstance(found, ArlFile) else _announce(con, context, blank, found))
    await store.add(con, context.tenant, said.answer, content, sealed, context.now)
    await store.add_orders(con, context.tenant, blank.id, said.orders, said.lines)
    await follow.unmatched(con, context.tenant, context.now, said.dead, context.actor)
    detail = {"kind": blank.kind, "sequence": blank.sequence, "sha256": blank.sha256}
    events = [Event("return.imported", blank.id, detail=detail), *said.events]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    metrics.returns_imported.inc()
    return said.answer


def _check_recipient(found: ArlFile | RspFile, finess: str) -> None:
    digits = rules.biller_digits(finess)
    if digits is None or found.recipient_number != digits.rjust(WIDTH, "0"):
        raise WrongRecipient("the file is addressed to another centre", hint="give it with the key of the centre that it names")


async def _content(con: Connection, context: Context, found: ArlFile | RspFile) -> bytes | None:
    """Return the key of what an RSP says, in any order and envelope; an ARL has none. Raises ReturnRepeated when it came before."""
    if isinstance(found, ArlFile):
        return None
    content = await asyncio.to_thread(_content_key, context.keys.index, found)
    former = await store.find_content(con, context.tenant, content)
    if former is not None:
        raise ReturnRepeated(
            f"the payment orders of this file were imported before (return {former}), in a file of other bytes",
            hint="nothing was written: ask the sender whether it pays twice or sent the same again",
        )
    return content


def _content_key(secret: bytes, found: RspFile) -> bytes:
    # The records hold NIRs: a bare hash of little unknown can be searched.
    said = hmac.new(secret, _CONTENT, hashlib.sha256)
    for order in sorted(msgspec.json.encode(order) for order in found.orders):
        said.update(order + b"\n")
    return said.digest()


class Said(NamedTuple):
    """What a return says: the answer to who brought it, what happened by it, the payment orders and the dead letters to keep."""

    answer: Imported
    events: list[Event]
    orders: Sequence[NewOrder] = ()
    lines: Sequence[NewLine] = ()
    dead: Sequence[DeadAck] = ()


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
    return Said(msgspec.structs.replace(blank, **counts), events, dead=dead)


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


async def _announce(con: Connection, context: Context, blank: Imported, found: RspFile) -> Said:
    """Take the payment orders of an RSP, matched to nothing yet, and let the invoices wait that it says do."""
    orders, lines = await asyncio.to_thread(_rows, context.keys, found, blank.sha256)
    waiting = await asyncio.to_thread(_waiting, context.keys, found)
    shares = await store.find_waiting(con, context.tenant, waiting)
    moved = await store.pend(con, context.tenant, shares)
    answer = msgspec.structs.replace(
        blank,
        orders=len(orders),
        lines=len(lines),
        announced=Cents(sum(order.total for order in orders)),
        pending=len(waiting),
        unknown=len(waiting) - len({share.place for share in shares}),
    )
    return Said(answer, [Event("share.pending", blank.id, share.invoice, share.part) for share in moved], orders, lines)


def _rows(keys: TenantKeys, found: RspFile, sha256: str) -> tuple[list[NewOrder], list[NewLine]]:
    canonical = codec.orders(found, sha256)
    names = journal.ids(len(canonical))
    orders = [
        NewOrder(
            name, order["id"], order["kind"], order["payer"], order["emitter"], order["emitter_name"], order["biller"],
            date.fromisoformat(order["payment_date"]), order["payment_ref"], order["total"], order["source"]["line"],
        )
        for name, order in zip(names, canonical, strict=True)
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


def _waiting(keys: TenantKeys, found: RspFile) -> list[WaitingLine]:
    lines = [line for order in found.orders for line in order.invoices if line.outcome == codec.WAITING]
    insured = kernel.blind_index(keys, [line.nir for line in lines])
    return [
        WaitingLine(place, line.biller, line.number, key, codec.PARTS[line.part])
        for place, (line, key) in enumerate(zip(lines, insured, strict=True))
    ]
