# SPDX-License-Identifier: Apache-2.0
"""Recoveries that no invoice explains and that a person gives up."""

from desmos_fast.base import ledger
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.correcting import matching, rules, store
from desmos_fast.settlement.correcting.keeping import keep
from desmos_fast.settlement.correcting.model import Done
from desmos_fast.settlement.decisions.model import DecisionStale, InduWriteOff
from desmos_fast.settlement.model import Evidence
from desmos_fast.settlement.posting import Plan, waiting
from desmos_fast.settlement.rules import make_match


async def write_off(con: Connection, context: Context, asked: InduWriteOff) -> Done:
    """Put on the losses what a payer took back; a record holds the line, so that its undo alone gives it free."""
    name = asked.line
    line = await store.line(con, context.tenant, name)
    rules.check_recovery(name, line)
    if asked.amount is not None and asked.amount != -line.amount:
        raise DecisionStale(f"{name} takes back {-line.amount} cents, not {asked.amount}", hint="look at the list again")
    record = uuid7()
    evidence = Evidence(fields=("amount",), values={"amount": (line.amount, None)}, settings=await matching.version(con, context))
    told = make_match("A", "confirmed", rules.MANUAL, [name], [rules.LOSS], line.amount, evidence, outcome="recovery")
    decision = await keep(con, context, asked, record, {"left": [name], "right": [rules.LOSS], "amount": line.amount, "payer": line.payer})
    detail = {"match": told.match_id, "rule": told.rule, "order_line": name, "amount": line.amount, "outcome": "recovery"}
    await matching.write(con, context, decision, Plan(matches=[(record, told)], events=[Event("match.confirmed", record, detail=detail)]))
    await store.take_line(con, context.tenant, line.order_id, line.line, record)
    entries = [] if line.parked else [waiting(name, line)]
    return Done(decision, (record,), [*entries, ledger.recovery_identified(name, line.payer, None, Cents(line.amount))])
