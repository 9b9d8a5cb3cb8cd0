# SPDX-License-Identifier: Apache-2.0
"""Matches by people: made, accepted, refused, undone. Each function writes all that follows but the entries, which are posted last."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import applying
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.correcting import pieces, rules, store
from desmos_fast.settlement.correcting.keeping import keep
from desmos_fast.settlement.correcting.model import Done
from desmos_fast.settlement.correcting.rules import Remainder
from desmos_fast.settlement.correcting.store import Record
from desmos_fast.settlement.decisions.model import (
    Accept,
    AlreadyMatched,
    Decision,
    DecisionFinal,
    DecisionInvalid,
    DecisionStale,
    MatchRequest,
    NotCandidate,
    NotConfirmed,
    NothingProposed,
    Refuse,
    ShareClosed,
    Undo,
)
from desmos_fast.settlement.decisions.store import find_decision
from desmos_fast.settlement.model import CreditRow, Evidence, Match, OrderRow
from desmos_fast.settlement.posting import LineFreed, Plan, Shares, plan_line_undone, plan_taken
from desmos_fast.settlement.rules import SHOWN, settings_version
from desmos_fast.settlement.taught.service import in_force

UNDONE: Final = "undone_by_person"
REFUSED: Final = "refused_by_person"
HELD: Final = "indu:"
"""How the right side of a record begins that holds a recovery on no share."""


class Said(NamedTuple):
    """What is to be confirmed, in which words, and why: evidence and rule are those of a record when one is accepted."""

    asked: MatchRequest | Accept
    problem: Literal["A", "B"]
    left: Sequence[str]
    right: Sequence[str]
    remainder: str | None
    rule: str
    evidence: Evidence | None
    detail: dict[str, Any]


async def match(con: Connection, context: Context, asked: MatchRequest) -> Done:
    """Confirm what a person says goes together."""
    detail = {"problem": asked.problem, "left": sorted(set(asked.left)), "right": sorted(set(asked.right)), "remainder": asked.remainder}
    said = Said(asked, asked.problem, asked.left, asked.right, asked.remainder, rules.MANUAL, None, detail)
    return await _confirm(con, context, said)


async def accept(con: Connection, context: Context, asked: Accept) -> Done:
    """Confirm what a record proposes, or the candidate that is chosen of those it hesitates between."""
    (record,) = await store.records(con, context.tenant, [asked.record])
    await check_holds(con, context, record)
    if record.status == "suggested":
        if asked.right and sorted(asked.right) != sorted(record.right):
            raise NotCandidate("the record proposes something else", hint="match what you name instead")
        right: Sequence[str] = record.right
    else:
        right = _chosen(record, asked.right)
    evidence = msgspec.structs.replace(record.evidence, why=msgspec.UNSET)
    remainder = await _owed_back(con, context, right) if record.problem == "B" and record.residual else None
    detail = {"record": record.id, "problem": record.problem, "left": sorted(record.left), "right": sorted(right), "remainder": remainder}
    problem: Literal["A", "B"] = "A" if record.problem == "A" else "B"
    return await _confirm(con, context, Said(asked, problem, record.left, right, remainder, record.rule, evidence, detail))


def _chosen(record: Record, right: Sequence[str]) -> Sequence[str]:
    if record.status != "ambiguous" or not right:
        raise NothingProposed(f"the record is {record.status}", hint="accept a suggested record, or name a candidate of an ambiguous one")
    told = record.evidence.candidate_ids
    # Ten are kept at most: one that is not told may still be one of them.
    if len(told) < SHOWN and not set(right) <= set(told):
        raise NotCandidate(f"the candidates are {', '.join(told)}")
    return right


async def _owed_back(con: Connection, context: Context, right: Sequence[str]) -> str:
    orders = await store.orders(con, context.tenant, right)
    return f"indu:{orders[0].payer}"


async def check_holds(con: Connection, context: Context, record: Record) -> None:
    """Refuse a record that is not what there is to say any more. Raises DecisionStale."""
    if not record.holds:
        raise DecisionStale(f"the record {record.id} does not hold any more", hint="look at the matches again")
    if record.status in ("confirmed", "split"):
        return
    if record.problem == "A":
        taken = [(await store.line(con, context.tenant, name)).match_id for name in record.left]
    else:
        taken = [credit.match_id for credit in await store.credits(con, context.tenant, record.left)]
    if any(match_id is not None for match_id in taken):
        raise DecisionStale(f"what the record {record.id} is about was matched since", hint="look at the matches again")


# --- confirming


async def _confirm(con: Connection, context: Context, said: Said) -> Done:
    return await (_confirm_line if said.problem == "A" else _confirm_credits)(con, context, said)


async def _confirm_line(con: Connection, context: Context, said: Said) -> Done:
    if len(said.left) != 1 or len(said.right) != 1 or said.remainder is not None:
        raise DecisionInvalid("an order line goes to one share, without remainder", hint="split a line of several shares first")
    name = said.left[0]
    line, part = await store.line(con, context.tenant, name), await store.share(con, context.tenant, said.right[0])
    rules.check_line(name, line, part)
    plan = Plan()
    evidence = said.evidence or rules.compared(line, part, await version(con, context))
    plan_taken(plan, rules.line_match(name, line, part, said.rule, evidence), line, Shares([part]))
    record = plan.matches[0][0]
    detail = {**said.detail, "amount": line.amount, "residual": plan.matches[0][1].residual}
    decision = await keep(con, context, said.asked, record, detail, part)
    await write(con, context, decision, plan)
    return Done(decision, (record,), plan.entries)


async def _confirm_credits(con: Connection, context: Context, said: Said) -> Done:
    credits, orders = await store.credits(con, context.tenant, said.left), await store.orders(con, context.tenant, said.right)
    for credit in credits:
        rules.check_credit(credit)
    for order in orders:
        rules.check_order(order)
    remainder = rules.remainder_of(credits, orders, said.remainder)
    record = uuid7()
    received = sum(credit.line.amount for credit in credits)
    detail = {**said.detail, "amount": received, "residual": remainder.cents}
    decision = await keep(con, context, said.asked, record, detail)
    made: tuple[UUID, ...] = (record,)
    if remainder.account == rules.STAYS_FREE:
        whole = rules.cut_for(credits, remainder.cents)
        cut, kept = await pieces.cut_credit(con, context, decision, whole, (whole.line.amount - remainder.cents, remainder.cents))
        credits = sorted((kept if credit is whole else credit for credit in credits), key=lambda credit: credit.line.id)
        remainder, made = Remainder(), (record, cut)
    evidence = said.evidence or rules.summed(credits, orders, await version(con, context))
    plan = _plan_credits(record, credits, orders, remainder, rules.credits_match(credits, orders, remainder, said.rule, evidence))
    await write(con, context, decision, plan)
    return Done(decision, made, plan.entries)


def _plan_credits(record: UUID, credits: Sequence[CreditRow], orders: Sequence[OrderRow], remainder: Remainder, told: Match) -> Plan:
    detail = {"match": told.match_id, "rule": told.rule, "credit": told.left[0], "orders": told.right, "amount": told.amount}
    return Plan(
        matches=[(record, told)],
        credits={credit.id: record for credit in credits},
        orders={order.id: record for order in orders},
        entries=[_received(credits, orders, remainder)],
        events=[Event("match.confirmed", record, detail=detail)],
    )


def _received(credits: Sequence[CreditRow], orders: Sequence[OrderRow], remainder: Remainder) -> Entry:
    dues = [Due(order.payer, Cents(order.total)) for order in orders]
    rest = None if remainder.account is None else (remainder.account, remainder.cents)
    return ledger.credit_matched_later(credits[0].line.id, dues, rest)


async def version(con: Connection, context: Context) -> str:
    """Name the settings in force."""
    _, settings = await in_force(con, context)
    return settings_version(settings)


async def write(con: Connection, context: Context, decision: Decision, plan: Plan) -> None:
    """Write a plan of one decision, but for its entries."""
    document = settlement.matches_document(plan.matches)
    await settlement.add_matches(con, context.tenant, context.now, decision.id, document, context.actor)
    await applying.take(con, context, plan)
    await applying.move_shares(con, context, plan)


# --- refusing


async def refuse(con: Connection, context: Context, asked: Refuse) -> Done:
    """Keep that a person speaks against pairs: those that a record proposes, or those named."""
    if asked.record is None:
        return await _refuse_pair(con, context, asked)
    (record,) = await store.records(con, context.tenant, [asked.record])
    await check_holds(con, context, record)
    if asked.left or (asked.right and record.status == "suggested"):
        raise DecisionInvalid("a proposal is refused whole: a record, and its candidates only when it is ambiguous")
    right = record.right if record.status == "suggested" else _chosen(record, asked.right)
    detail = {"record": record.id, "problem": record.problem, "left": record.left, "right": right}
    decision = await keep(con, context, asked, record.id, detail)
    await store.forbid(con, context.tenant, record.problem, record.left, right, decision.id, REFUSED)
    if record.status != "suggested":
        return Done(decision)
    row_id, told = uuid7(), _refused(record)
    document = settlement.matches_document([(row_id, told)])
    await settlement.add_matches(con, context.tenant, context.now, decision.id, document, context.actor)
    return Done(decision, (row_id,))


def _refused(record: Record) -> Match:
    return Match(
        match_id=record.match_key, problem="A" if record.problem == "A" else "B", status="suggested", rule=record.rule, left=record.left,
        right=record.right, amount=Cents(record.amount), residual=Cents(record.residual), outcome=None,
        evidence=msgspec.structs.replace(record.evidence, why=REFUSED),
    )  # fmt: skip


async def _refuse_pair(con: Connection, context: Context, asked: Refuse) -> Done:
    problem = rules.problem_of(asked.left, asked.right)
    if problem == "A":
        shares = [await store.share(con, context.tenant, name) for name in asked.right]
        lines = {name: await store.line(con, context.tenant, name) for name in asked.left}
        pairs = {(part.invoice_id, str(part.part)) for part in shares}
        together = [name for name, line in lines.items() if line.share in pairs]
    else:
        orders = {order.match_id for order in await store.orders(con, context.tenant, asked.right)} - {None}
        credits = await store.credits(con, context.tenant, asked.left)
        together = [credit.line.id for credit in credits if credit.match_id in orders]
    if together:
        raise AlreadyMatched(f"{together[0]} is matched so", hint="undo the match instead")
    left, right = sorted(set(asked.left)), sorted(set(asked.right))
    decision = await keep(con, context, asked, left[0], {"problem": problem, "left": left, "right": right})
    await store.forbid(con, context.tenant, problem, left, right, decision.id, REFUSED)
    return Done(decision)


# --- undoing


async def undo(con: Connection, context: Context, asked: Undo) -> Done:
    """Take one match back, and nothing else."""
    (record,) = await store.records(con, context.tenant, [await _undone_record(con, context, asked)])
    if record.status != "confirmed":
        hint = "a line that was split is made whole by unsplit" if record.status == "split" else "look at the matches again"
        raise NotConfirmed(f"the record {record.id} is {record.status}", hint=hint)
    detail = {"match": record.id, "problem": record.problem, "rule": record.rule, "left": record.left, "right": record.right}
    return await (_undo_line if record.problem == "A" else _undo_credits)(con, context, asked, record, detail)


async def _undone_record(con: Connection, context: Context, asked: Undo) -> UUID:
    if (asked.match is None) == (asked.decision is None):
        raise DecisionInvalid("say the match that is undone, or the decision that made it")
    if asked.match is not None:
        return asked.match
    assert asked.decision is not None, "one of both is given"
    decision = await find_decision(con, context.tenant, asked.decision)
    if decision.kind not in ("accept", "match", "indu_write_off"):
        raise DecisionFinal(
            f"{decision.kind} is not undone", hint="an end is not left: a correction is a new linked invoice; see the page of decisions"
        )
    return UUID(decision.subject)


async def _undo_line(con: Connection, context: Context, asked: Undo, record: Record, detail: dict[str, Any]) -> Done:
    name = record.left[0]
    line = await store.line(con, context.tenant, name)
    lost = record.right[0] == rules.LOSS
    if lost or record.right[0].startswith(HELD):
        decision = await keep(con, context, asked, record.id, detail)
        freed = LineFreed(line.order_id, line.line, record.id, parked=True)
        told = {"match": record.match_key, "order_line": name, "amount": line.amount}
        await write(con, context, decision, Plan(lines_freed=[freed], events=[Event("match.undone", record.id, detail=told)]))
        entry = ledger.recovery_identified(name, line.payer, None, Cents(line.amount))
        return Done(decision, (), [ledger.undone(entry, name)] if lost else [])
    part = await store.share(con, context.tenant, record.right[0])
    plan = Plan()
    plan_line_undone(plan, name, line, Shares([part]), await store.placed_by(con, context.tenant, name))
    # What the patient was asked for, and the payer had paid by that match, the patient may be asked for once more.
    ended = part.state in TERMINAL and part.state != "to_patient"
    if ended and max(part.amount - part.announced + line.amount, 0) > rules.open_of(part):
        raise ShareClosed(
            f"{record.right[0]} is {part.state} and would owe again", hint="an end is not left: a correction is a new linked invoice"
        )
    decision = await keep(con, context, asked, record.id, detail, part)
    await store.forbid(con, context.tenant, "A", record.left, record.right, decision.id, UNDONE)
    await write(con, context, decision, plan)
    return Done(decision, (), plan.entries)


async def _undo_credits(con: Connection, context: Context, asked: Undo, record: Record, detail: dict[str, Any]) -> Done:
    credits, orders = await store.credits(con, context.tenant, record.left), await store.orders(con, context.tenant, record.right)
    entry = ledger.undone(_received(credits, orders, rules.remainder_kept(record.evidence)), credits[0].line.id)
    decision = await keep(con, context, asked, record.id, detail)
    await store.forbid(con, context.tenant, "B", record.left, record.right, decision.id, UNDONE)
    await settlement.undo(con, context.tenant, [record.id], [credit.id for credit in credits], [order.id for order in orders])
    told = {"match": record.match_key, "credit": credits[0].line.id, "orders": [order.ref for order in orders], "amount": record.amount}
    await applying.move_shares(
        con, context, Plan(freed=[order.id for order in orders], events=[Event("match.undone", record.id, detail=told)])
    )
    return Done(decision, (), [entry])
