# SPDX-License-Identifier: Apache-2.0
"""The audit of a quarter: made when it is over and kept, or looked at before."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature import rejects
from desmos_fast.nomenclature.payers import payers
from desmos_fast.nomenclature.rejects import RejectTable
from desmos_fast.settlement.dunning.audit import pages, store
from desmos_fast.settlement.dunning.audit.model import (
    Cause,
    KeptList,
    QuarterInvalid,
    RejectRow,
    TpAudit,
    days_of,
    quarter_before,
)
from desmos_fast.settlement.dunning.figures import ageing_of, penalties_of, stages_of, total_of
from desmos_fast.settlement.dunning.model import AGES, Paid
from desmos_fast.settlement.dunning.service import question

Item = TypeVar("Item")


class _Answered(msgspec.Struct):
    name: str
    answered: int
    rejected: int
    cents: Cents


class _Cause(msgspec.Struct):
    code: str
    payer: str
    count: int
    cents: Cents


class _Paid(msgspec.Struct):
    name: str
    count: int
    days: int
    median: int


async def show(con: Connection, context: Context, quarter: str) -> TpAudit:
    """Return the audit of a quarter: the one that is kept, else one of what there is now. Raises QuarterInvalid."""
    since, _ = days_of(quarter)
    if since > context.today:
        raise QuarterInvalid(f"{quarter} has not begun")
    kept = await store.find(con, context.tenant, quarter)
    return await make(con, context, quarter) if kept is None else msgspec.json.decode(kept, type=TpAudit)


async def write(con: Connection, context: Context, quarter: str, form: str) -> str:
    """Return the audit of a quarter as JSON, as a page of HTML with its charts, or as Markdown."""
    report = await show(con, context, quarter)
    if form == "json":
        return msgspec.json.encode(report).decode()
    return pages.write(report, form, context.finess, {row.id: row.names[0] for row in payers(context.kind, context.today)})


async def listed(con: Connection, context: Context) -> KeptList:
    """Return which audits are kept."""
    return KeptList(await store.every(con, context.tenant))


async def keep_last_quarter(con: Connection, context: Context) -> None:
    """Make and keep the audit of the quarter that is over, unless there is one, or the centre had signed nothing by its end."""
    quarter = quarter_before(context.today)
    _, until = days_of(quarter)
    if await store.find(con, context.tenant, quarter) is not None or not await store.was_busy(con, context.tenant, until):
        return
    report = await make(con, context, quarter)
    if await store.add(con, context.tenant, quarter, msgspec.json.encode(report).decode(), context.now):
        event = Event("audit.made", UUID(str(context.tenant)), detail={"quarter": quarter})
        await journal.record(con, context.tenant, context.now, [event], by=context.actor)


async def make(con: Connection, context: Context, quarter: str) -> TpAudit:
    """Make the audit of a quarter from what there is now. Raises QuarterInvalid."""
    since, until = days_of(quarter)
    columns = await store.columns(con, context.tenant, await question(con, context), since, until)
    payers, executors = (_rows(columns[name], _Answered) for name in ("payers", "executors"))
    ageing = ageing_of(columns["ageing"])
    table = await rejects.current(con)
    return TpAudit(
        quarter=quarter,
        since=since,
        until=until,
        made_at=context.now,
        complete=until < context.today,
        rejects=_whole(payers),
        payers=tuple(map(_refused, payers)),
        executors=tuple(map(_refused, executors)),
        causes=_causes(_rows(columns["causes"], _Cause), table, quarter),
        days_to_pay=_speeds(columns["kinds"]),
        speeds=_speeds(columns["speeds"]),
        ageing=ageing,
        outstanding={age: total_of(row.ages[age] for row in ageing if age in row.ages) for age in AGES},
        penalties=penalties_of(columns["penalties"]),
        forclusion=stages_of(columns["forclusion"]),
    )


def _rows(text: str, kind: type[Item]) -> list[Item]:
    return msgspec.json.decode(text, type=list[kind])  # type: ignore[valid-type]


def _refused(row: _Answered) -> RejectRow:
    return RejectRow(row.name, row.answered, row.rejected, 1000 * row.rejected // row.answered, row.cents)


def _whole(rows: Iterable[_Answered]) -> RejectRow:
    answered, rejected, cents = (sum(column) for column in zip((0, 0, 0), *((r.answered, r.rejected, r.cents) for r in rows), strict=True))
    return RejectRow("", answered, rejected, 1000 * rejected // answered if answered else 0, Cents(cents))


def _causes(rows: Iterable[_Cause], table: RejectTable, quarter: str) -> tuple[Cause, ...]:
    _, until = days_of(quarter)
    found: dict[tuple[str, str, str], Cause] = {}
    for row in rows:
        said = table.find(row.code, row.payer, until)
        key = (row.code, said.label if said.known else "", said.name)
        before = found.get(key)
        count, cents = (row.count, row.cents) if before is None else (before.count + row.count, Cents(before.cents + row.cents))
        found[key] = Cause(code=key[0], label=key[1], name=key[2], count=count, cents=cents)
    return tuple(sorted(found.values(), key=lambda one: (-one.count, one.code)))


def _speeds(text: str) -> dict[str, Paid]:
    return {row.name: Paid(row.count, 10 * row.days // row.count, row.median) for row in _rows(text, _Paid)}
