# SPDX-License-Identifier: Apache-2.0
"""Recycling: what was rejected is corrected, priced, encoded and signed again under a new number, and only that."""

import asyncio
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.anomalies.service import why_of
from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents, Part
from desmos_fast.billing import intake
from desmos_fast.billing import rules as billing_rules
from desmos_fast.billing import service as billing
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.billing.sealed import SealedUnread, unpack_wire
from desmos_fast.db import journal, kernel
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.decisions.store import add_decision
from desmos_fast.settlement.rejects import rules, store
from desmos_fast.settlement.rejects.asked import Found, read, rejected
from desmos_fast.settlement.rejects.model import (
    BilledPart,
    ClaimedPart,
    OtherPart,
    Recycled,
    RecycleParts,
    RecycleRequest,
    RejectNotResent,
)
from desmos_fast.settlement.rejects.store import Kept


class Plan(NamedTuple):
    """What is to be signed: the entry that bills the parts alone, and what that comes to beside what was open."""

    found: Found
    why: str
    entry: Entry
    parts: tuple[BilledPart, ...]
    others: tuple[OtherPart, ...]
    corrected: tuple[str, ...]


async def recycle(
    con: Connection, context: Context, invoice: UUID, part: ClaimedPart, body: bytes, terms: Terms, *, validate_only: bool = False
) -> Recycled:
    """Bill a rejected part again by a new invoice, as a person corrected it; with `validate_only` say what that would be.

    Raises NotThere, ShareNotRejected, RejectNotResent, RecycleParts, RecycleAmountDiffers, RejectRequestInvalid, WhyMissing, FaultyInput.
    """
    asked = read(body, RecycleRequest)
    await settlement.lock(con, context.tenant)
    await lots.hold(con, context.tenant)
    found = await rejected(con, context, invoice, part)
    context = _as_signed(context, found.invoice)
    plan = await _plan(context, found, part, asked, terms)
    share = plan.found.invoice.share(part)
    answer = Recycled(share=share, parts=plan.parts, others=plan.others, corrected=plan.corrected, supersedes=invoice)
    return answer if validate_only else await _sign(con, context, plan, answer, part)


def _as_signed(context: Context, kept: Kept) -> Context:
    # Whoever has no key bills for real or for a test as the invoice was.
    caller = context.caller if context.by is None else msgspec.structs.replace(context.caller, kind=kept.kind)
    return dataclasses.replace(context, caller=caller)


async def _plan(context: Context, found: Found, part: ClaimedPart, asked: RecycleRequest, terms: Terms) -> Plan:
    parts = rules.parts_of(asked, part)
    for one in parts:
        if one not in found.shares or found.shares[one].state != "rejected":
            raise RecycleParts(f"the part {one} is not rejected", hint="only what was rejected is billed again")
        _check_reason(found, one)
    wire = await asyncio.to_thread(_wire, context, found.invoice)
    body = msgspec.json.encode(rules.corrected(wire, asked.corrections))
    checked = await asyncio.to_thread(intake.one, context, body, terms)
    if not checked.entries:
        raise FaultyInput(checked.faults)
    entry = checked.entries[0]
    rules.check_payer(entry.invoice, parts)
    before, now = billing_rules.split(msgspec.convert(wire, Invoice)), billing_rules.split(entry.invoice)
    opens: dict[str, int] = {one: found.shares[one].open for one in parts}
    payers: dict[str, str] = {share.part: share.payer for share in billing_rules.shares(entry.invoice, now)}
    if missing := [one for one in parts if one not in payers]:
        hint = "its share is decided otherwise: `to_patient`, `write_off`"
        raise RecycleParts(f"nothing is asked of {missing[0]} by the corrected invoice", hint=hint)
    again = rules.billed(parts, payers, opens, now)
    rules.check_amounts(again, {one: found.shares[one].announced for one in parts}, may_change=asked.amount_may_change)
    alone = entry._replace(invoice=billing_rules.for_parts(entry.invoice, parts), asked=None)
    corrected = tuple(sorted(rules.paths(asked.corrections)))
    return Plan(found, why_of(asked.why), alone, again, rules.others(parts, before, now), corrected)


def _check_reason(found: Found, part: str) -> None:
    reason = found.reasons.get(part)
    if reason is not None and not reason.recycle:
        share = found.invoice.share(part)
        raise RejectNotResent(
            f"{share} was rejected as {reason.name!r}: it is never billed again",
            hint=f"look for the payment: GET /v1/rejects/{found.invoice.id}/{part}/payments; if there is none, send a claim to the payer",
        )


def _wire(context: Context, kept: Kept) -> Mapping[str, Any]:
    (blob,) = kernel.unseal(context.keys, "invoice", context.tenant, [kept.id], [kept.sealed])
    if hashlib.sha256(blob).digest() != kept.content_hash:
        raise SealedUnread(f"invoice {kept.id} is not what was signed", hint="stop billing for this centre and look at the storage")
    return msgspec.json.decode(unpack_wire(blob), type=dict[str, Any])


async def _sign(con: Connection, context: Context, plan: Plan, answer: Recycled, part: ClaimedPart) -> Recycled:
    old = plan.found.invoice
    opens: dict[str, int] = {one.part: one.open for one in plan.parts}
    dues = [Due(plan.found.shares[one].payer, Cents(amount)) for one, amount in opens.items()]
    # Each part of an invoice may be taken back by an entry of its own: the share names it.
    contra = msgspec.structs.replace(ledger.voided(f"{old.biller}/{old.number}", dues, event="invoice.recycled"), ref=answer.share)
    billed = frozenset[Part](one.part for one in plan.parts)
    made = await billing.bill_again(con, context, plan.entry, billing.Again(old.id, billed, contra))
    successor = f"{old.biller}/{made.number}"
    detail = {
        "parts": [one.part for one in plan.parts], "successor": successor, "open": opens,
        "billed": {one.part: one.billed for one in plan.parts}, "corrected": plan.corrected, "why": plan.why,
    }  # fmt: skip
    decision = await add_decision(con, context, "recycle", answer.share, detail, invoice=old.id, part=part)
    await store.recycle(con, context.tenant, old.id, opens, made.id, decision.id)
    events = [
        Event("share.recycled", old.id, old.id, one, {"successor": successor, "invoice": str(made.id), "open": amount})
        for one, amount in opens.items()
    ]
    events += [Event("invoice.supersedes", made.id, made.id, None, {"share": answer.share, "invoice": str(old.id)})]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    return msgspec.structs.replace(answer, invoice=made.id, number=made.number, decision=decision.id)
