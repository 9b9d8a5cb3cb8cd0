# SPDX-License-Identifier: Apache-2.0
"""Shares that a person closes: given up, moved to the patient, barred; and what becomes of what was claimed back."""

from typing import Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import applying
from desmos_fast.settlement.correcting import matching, rules, store
from desmos_fast.settlement.correcting.keeping import keep_of_share, kind_of
from desmos_fast.settlement.correcting.model import Done
from desmos_fast.settlement.decisions.model import DecisionStale, InduAccept, NotBarredYet, ShareClosed, ShareRequest
from desmos_fast.settlement.desk.rules import patient_state
from desmos_fast.settlement.dunning.rules import barred_on
from desmos_fast.settlement.dunning.service import terms_of
from desmos_fast.settlement.dunning.terms import kind_of as kind_of_payer
from desmos_fast.settlement.model import Evidence, PartRow
from desmos_fast.settlement.posting import Plan, Shares, plan_line_undone
from desmos_fast.settlement.rules import make_match, part_name, settings_version
from desmos_fast.settlement.taught.service import in_force

BECOMES: Final = {"write_off": "written_off", "to_patient": "to_patient", "time_bar": "time_barred"}
ACCEPTED: Final = {"written_off": "write_off", "to_patient": "to_patient"}


async def of_share(con: Connection, context: Context, asked: ShareRequest) -> Done:
    """Decide of one share, in the state and with the open amount that it has now."""
    kind = kind_of(asked)
    part = await store.share(con, context.tenant, asked.share)
    rules.check_state(kind, part)
    if kind == "from_patient":
        return await _take_back(con, context, asked, part)
    _check_seen(asked, rules.open_of(part), "open on")
    if kind == "indu_contest":
        return await _contest(con, context, asked, part)
    if isinstance(asked, InduAccept):
        if asked.into == "open":
            return await _reopen(con, context, asked, part)
        return await _close(con, context, asked, ACCEPTED[asked.into], part)
    if kind == "time_bar":
        await _check_barred(con, context, part)
    return await _close(con, context, asked, kind, part)


def _check_seen(asked: ShareRequest, cents: int, where: str) -> None:
    if asked.amount is not None and asked.amount != cents:
        raise DecisionStale(f"{cents} cents are {where} {asked.share}, not {asked.amount}", hint="look at the share again")


async def _check_barred(con: Connection, context: Context, part: PartRow) -> None:
    delay = (await terms_of(con, context)).count(f"{kind_of_payer(part.payer)}.forclusion", part.care_date, part.payer)
    if delay is None:
        raise NotBarredYet(f"no delay is set after which {part.payer} can be asked for nothing more")
    day = barred_on(part.care_date, delay.number)
    if context.today < day:
        raise NotBarredYet(f"{part_name(part)} can be asked for until {day}")


# --- ends


async def _close(con: Connection, context: Context, asked: ShareRequest, way: str, part: PartRow) -> Done:
    """Let a share end in one of the ways of `BECOMES`."""
    name, invoice, still_open = part_name(part), f"{part.biller}/{part.number}", rules.open_of(part)
    state = part.state if part.state in TERMINAL else BECOMES[way]
    if way == "to_patient":
        rules.check_owed(part)
    patient = await _desk_of(con, context, invoice) if way == "to_patient" else None
    told = {"from": part.state, "to": state, "amount": still_open, "payer": part.payer}
    decision = await keep_of_share(con, context, asked, part, told)
    await store.close(con, context.tenant, part, state, still_open)
    event = f"share.{BECOMES[way]}"
    events = [Event(event, part.invoice_id, part.invoice_id, part.part, {"state": state, "amount": still_open})]
    if way == "to_patient":
        events.append(await _owe(con, context, part.invoice_id, patient, still_open))
        excess = max(patient.announced - patient.amount, 0) if patient is not None else 0
        entry = ledger.moved_to_patient(name, part.payer, invoice, still_open, Cents(min(excess, still_open)))
    else:
        entry = ledger.written_off(name, part.payer, invoice, still_open, event=event)
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    return Done(decision, (), [entry])


async def _desk_of(con: Connection, context: Context, invoice: str) -> PartRow | None:
    """Return the patient's share, if there is one. Raises ShareClosed when it has ended."""
    patient = await store.find_share(con, context.tenant, f"{invoice}/patient")
    if patient is not None and patient.state in TERMINAL:
        raise ShareClosed(f"{part_name(patient)} is {patient.state}", hint="an end is not left: a correction is a new linked invoice")
    return patient


async def _owe(con: Connection, context: Context, invoice: UUID, patient: PartRow | None, cents: int) -> Event:
    owed, received = (cents, 0) if patient is None else (patient.amount + cents, patient.announced)
    state = patient_state(owed, received, "due")
    await store.owe(con, context.tenant, invoice, state, cents, new=patient is None)
    return Event("share.due", invoice, invoice, "patient", {"state": state, "amount": cents})


# --- what the payer sent after all


async def _take_back(con: Connection, context: Context, asked: ShareRequest, part: PartRow) -> Done:
    """Let the patient owe no more what the payer has sent; what was paid of it at the desk is to be given back."""
    name, invoice = part_name(part), f"{part.biller}/{part.number}"
    cents = rules.taken_back(part, await store.closed_of(con, context.tenant, part))
    _check_seen(asked, cents, "to be taken back on")
    patient = await _desk_of(con, context, invoice)
    if patient is None:
        raise OurBug(f"{name} was moved to the patient, who has no share")
    owed, received = patient.amount - cents, patient.announced
    due = rules.open_of(patient) - max(owed - received, 0)
    told = {"from": part.state, "amount": cents, "payer": part.payer, "refund_due": cents - due}
    decision = await keep_of_share(con, context, asked, part, told)
    await store.close(con, context.tenant, part, part.state, -cents)
    state = patient_state(owed, received, patient.state)
    await store.owe(con, context.tenant, part.invoice_id, state, -cents, new=False)
    detail = {"state": part.state, "amount": cents, "patient": state, "refund_due": cents - due}
    event = Event("share.from_patient", part.invoice_id, part.invoice_id, part.part, detail)
    await journal.record(con, context.tenant, context.now, [event], by=context.actor)
    return Done(decision, (), [ledger.taken_from_patient(name, part.payer, invoice, Cents(due), Cents(cents - due))])


# --- what was claimed back


async def _contest(con: Connection, context: Context, asked: ShareRequest, part: PartRow) -> Done:
    """Take off a share all that was claimed back on it and nobody has accepted: the payer owes it again."""
    name, account = part_name(part), ledger.clawback(part.payer)
    names = await store.recoveries(con, context.tenant, part)
    _, settings = await in_force(con, context)
    told = {"lines": names, "from": part.state}
    decision = await keep_of_share(con, context, asked, part, told)
    plan, shares = Plan(), Shares([part])
    held: list[tuple[UUID, int, UUID]] = []
    for line_name in names:
        line = await store.line(con, context.tenant, line_name)
        plan_line_undone(plan, line_name, line, shares, await store.placed_by(con, context.tenant, line_name))
        row_id = uuid7()
        evidence = Evidence(fields=("amount",), values={"amount": (line.amount, None)}, settings=settings_version(settings))
        record = make_match("A", "confirmed", rules.MANUAL, [line_name], [account], line.amount, evidence, outcome="recovery")
        plan.matches.append((row_id, record))
        detail = {"match": record.match_id, "rule": record.rule, "order_line": line_name, "amount": line.amount, "outcome": "recovery"}
        plan.events.append(Event("match.confirmed", row_id, part.invoice_id, part.part, detail))
        held.append((line.order_id, line.line, row_id))
    await matching.write(con, context, decision, plan)
    for order_id, number, row_id in held:
        await store.hold(con, context.tenant, order_id, number, row_id)
    await store.forbid(con, context.tenant, "A", names, [name], decision.id, matching.UNDONE)
    return Done(decision, tuple(row_id for _, _, row_id in held), plan.entries)


async def _reopen(con: Connection, context: Context, asked: ShareRequest, part: PartRow) -> Done:
    """Accept what was claimed back: it counts for its amount, and the share is told again from the rest."""
    told = {"into": "open", "lines": await store.recoveries(con, context.tenant, part), "amount": rules.open_of(part)}
    decision = await keep_of_share(con, context, asked, part, told)
    await store.answer_recoveries(con, context.tenant, part)
    await applying.move_shares(con, context, Plan(shares={(part.invoice_id, part.part)}))
    return Done(decision)
