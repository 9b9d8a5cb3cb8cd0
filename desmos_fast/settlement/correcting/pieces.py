# SPDX-License-Identifier: Apache-2.0
"""Order lines and credits cut in pieces and made whole again: the record of the split takes what is not there for the time."""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.ledger import Entry
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.correcting import rules, store
from desmos_fast.settlement.correcting.keeping import keep
from desmos_fast.settlement.correcting.model import Done
from desmos_fast.settlement.correcting.store import Record
from desmos_fast.settlement.decisions.model import Decision, PiecesTaken, Split, SplitRefused, Unsplit
from desmos_fast.settlement.model import CreditRow, Evidence
from desmos_fast.settlement.posting import waiting
from desmos_fast.settlement.rules import make_match

SPLIT: Final = "split"


async def split(con: Connection, context: Context, asked: Split) -> Done:
    """Cut a free order line or credit in pieces that are lines and credits like others."""
    if "#" in asked.left:
        return await _split_line(con, context, asked)
    (whole,) = await store.credits(con, context.tenant, [asked.left])
    rules.check_credit(whole)
    rules.check_pieces(asked.left, whole.line.amount, asked.amounts)
    decision = await keep(con, context, asked, asked.left, {"amounts": asked.amounts})
    record, _ = await cut_credit(con, context, decision, whole, asked.amounts)
    return Done(decision, (record,))


async def _split_line(con: Connection, context: Context, asked: Split) -> Done:
    name, amounts = asked.left, asked.amounts
    line = await store.line(con, context.tenant, name)
    rules.check_free(name, line.match_id)
    if line.status == "rejected":
        raise SplitRefused(f"{name} is a reject: it has nothing to cut")
    rules.check_pieces(name, line.amount, amounts)
    entries: list[Entry] = [] if line.parked else [waiting(name, line)]
    decision = await keep(con, context, asked, name, {"amounts": amounts})
    record = uuid7()
    order = name.rpartition("#")[0]
    names = [f"{order}#{number}" for number in await store.cut_line(con, context.tenant, line, amounts, record)]
    await _keep(con, context, decision, record, "A", name, names, line.amount)
    return Done(decision, (record,), entries)


async def cut_credit(
    con: Connection, context: Context, decision: Decision, whole: CreditRow, amounts: Sequence[int]
) -> tuple[UUID, CreditRow]:
    """Cut a credit for a decision; return the record of the split and the first piece."""
    before = await store.pieces_before(con, context.tenant, whole)
    pieces = [
        CreditRow(uuid7(), msgspec.structs.replace(whole.line, id=f"{whole.line.id}.{before + rank}", amount=Cents(amount)), None, None)
        for rank, amount in enumerate(amounts, 1)
    ]
    record = uuid7()
    await store.cut_credit(con, context.tenant, whole, pieces, record)
    await _keep(con, context, decision, record, "B", whole.line.id, [piece.line.id for piece in pieces], whole.line.amount)
    return record, pieces[0]


async def _keep(
    con: Connection, context: Context, decision: Decision, record: UUID, problem: Literal["A", "B"], whole: str, names: Sequence[str],
    amount: int,
) -> None:  # fmt: skip
    told = make_match(problem, SPLIT, SPLIT, [whole], names, amount, Evidence())
    document = settlement.matches_document([(record, msgspec.structs.replace(told, right=tuple(names)))])
    await settlement.add_matches(con, context.tenant, context.now, decision.id, document, context.actor)
    await store.inherit(con, context.tenant, whole, names, decision.id)


# --- whole again


async def unsplit(con: Connection, context: Context, asked: Unsplit) -> Done:
    """Make a line or credit whole again, all of whose pieces are free."""
    name = asked.left
    if "#" in name:
        line = await store.line(con, context.tenant, name)
        record = await _record(con, context, name, line.match_id)
        pieces = [await store.line(con, context.tenant, piece) for piece in record.right]
        _check_free(name, [piece.match_id for piece in pieces])
        decision = await keep(con, context, asked, name, {"pieces": record.right})
        await store.whole_line(con, context.tenant, line, record.id, [piece.line for piece in pieces])
        return Done(decision)
    (whole,) = await store.credits(con, context.tenant, [name])
    record = await _record(con, context, name, whole.match_id)
    found = await store.credits(con, context.tenant, record.right)
    _check_free(name, [piece.match_id for piece in found])
    decision = await keep(con, context, asked, name, {"pieces": record.right})
    await store.whole_credit(con, context.tenant, whole, record.id, [piece.id for piece in found])
    return Done(decision)


async def _record(con: Connection, context: Context, name: str, match_id: UUID | None) -> Record:
    records = [] if match_id is None else await store.records(con, context.tenant, [match_id])
    if not records or records[0].status != SPLIT:
        raise SplitRefused(f"{name} is not cut in pieces")
    return records[0]


def _check_free(name: str, matches: Sequence[UUID | None]) -> None:
    if any(match_id is not None for match_id in matches):
        raise PiecesTaken(f"a piece of {name} is matched, or cut itself", hint="undo its match, or make it whole first")
