# SPDX-License-Identifier: Apache-2.0
"""Returns that were refused: kept sealed with their faults, looked at, tried again, given up by a person; none is dropped silently."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.base.errors import DesmosError, NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import uuid7
from desmos_fast.billing.rules import as_api
from desmos_fast.db import journal, kernel
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.returns import service
from desmos_fast.returns.letters import store
from desmos_fast.returns.letters.model import (
    ORDER_REPEATED,
    DeadEnded,
    DeadPage,
    DeadRequestInvalid,
    DeadState,
    DeadWhole,
    Discard,
    OrderRepeated,
    Retry,
    Taken,
)
from desmos_fast.returns.letters.store import Refusal
from desmos_fast.returns.model import ReturnConflict, ReturnRepeated, WrongRecipient
from monitoring import metrics

TABLE: Final = "dead_return"
FAULTS_KEPT: Final = 100
REFUSALS: Final = (FaultyInput, WrongRecipient, ReturnRepeated, ReturnConflict)
T = TypeVar("T")


async def keep(con: Connection, context: Context, data: bytes, error: DesmosError) -> UUID | None:
    """Keep a return that was refused for good, once for its bytes, and return its id; None for an error that says nothing of the bytes.

    Call it in a transaction of its own: that of the import is undone.
    """
    if not isinstance(error, REFUSALS) or not data:
        return None
    row_id, sha256 = uuid7(), await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    (sealed,) = await asyncio.to_thread(kernel.seal, context.keys, TABLE, context.tenant, [row_id], [data])
    kept = await store.keep(con, context.tenant, row_id, sha256, _why(error), len(data), load_pack().profile, sealed, context.now)
    if kept == row_id:
        metrics.returns_dead.labels(error.code).inc()
        events = [Event("return.dead", kept, detail={"code": error.code, "sha256": sha256.hex(), "size": len(data)})]
        await journal.record(con, context.tenant, context.now, events, by=context.actor)
        found = Found(Kind.RETURN_DEAD, kept, None, {"code": error.code, "sha256": sha256.hex()})
        await anomalies.note(con, context.tenant, context.now, [found], by=context.actor)
    return kept


def _why(error: DesmosError) -> Refusal:
    faults = [as_api(fault) for fault in error.faults[:FAULTS_KEPT]] if isinstance(error, FaultyInput) else []
    return Refusal(error.code, mask_nir(error.detail), msgspec.json.encode(faults))


async def listed(
    con: Connection, context: Context, state: DeadState | None, before: UUID | None, limit: int, cursor: Callable[[UUID], str]
) -> DeadPage:
    """Return one page of the dead letters."""
    rows = await store.listed(con, context.tenant, state, before, limit + 1)
    return DeadPage(dead=tuple(rows[:limit]), next=cursor(rows[limit - 1].id) if len(rows) > limit else None)


async def show(con: Connection, context: Context, dead: UUID) -> DeadWhole:
    """Show a dead letter with its faults. Raises NotThere."""
    found = await store.find(con, context.tenant, dead)
    if found is None:
        raise NotThere("the centre has no such dead letter")
    return found


async def content(con: Connection, context: Context, dead: UUID) -> bytes:
    """Return the bytes of a dead letter, or of the return that holds a repeated order. Raises NotThere, SealBroken."""
    found = await store.content(con, context.tenant, dead)
    if found is None:
        raise NotThere("the centre has no such dead letter")
    table, row_id, sealed = _kept(dead, found)
    (data,) = await asyncio.to_thread(kernel.unseal, context.keys, table, context.tenant, [row_id], [sealed])
    return data


class _Kept(NamedTuple):
    table: str
    row_id: UUID
    sealed: bytes


def _kept(dead: UUID, found: store.Sealed) -> _Kept:
    if found.sealed is not None:
        return _Kept(TABLE, dead, found.sealed)
    assert found.return_id is not None and found.return_sealed is not None, "a constraint of the table"
    return _Kept(service.TABLE, found.return_id, found.return_sealed)


async def retry(con: Connection, context: Context, dead: UUID, body: bytes, *, real: bool = True) -> Taken:
    """Try to import a dead letter again, under the layouts of now and with what a person accepts.

    What is not `real` the caller undoes, and no metric counts it.
    Raises NotThere, DeadEnded, DeadRequestInvalid, OrderRepeated, and what the import raises.
    """
    asked = _read(body or b"{}", Retry)
    await lots.hold(con, context.tenant)
    found = await _open(con, context, dead)
    data = await content(con, context, dead)
    if found.ordinal is None:
        made = await service.import_file(con, context, data, although=asked.although, real=real)
        return Taken(id=dead, return_id=made.id, orders=made.orders)
    if ORDER_REPEATED not in asked.although:
        hint = 'ask the sender whether it pays twice, then send {"although": ["order_repeated"]}, or discard it'
        raise OrderRepeated(found.detail, hint=hint)
    assert found.return_id is not None, "a constraint of the table"
    await service.take_order(con, context, data, found.return_id, found.ordinal)
    await store.take_order(con, context.tenant, dead, context.now, context.actor)
    await service.end_dead(con, context, [dead], {"return": str(found.return_id), "ordinal": found.ordinal})
    return Taken(id=dead, return_id=found.return_id, orders=1)


async def tried(con: Connection, context: Context, dead: UUID, error: DesmosError) -> None:
    """Keep why a new try failed, in a transaction of its own."""
    if isinstance(error, REFUSALS):
        await store.tried(con, context.tenant, dead, _why(error), load_pack().profile)


async def discard(con: Connection, context: Context, dead: UUID, body: bytes) -> DeadWhole:
    """Give a dead letter up by a person's word; its bytes stay. Raises NotThere, DeadEnded, DeadRequestInvalid, WhyMissing."""
    asked = _read(body, Discard)
    why = anomalies.why_of(asked.why)
    await lots.hold(con, context.tenant)
    await _open(con, context, dead)
    await store.discard(con, context.tenant, dead, context.now, context.actor, why)
    event = Event("return.discarded", dead, detail={"why": why})
    await journal.record(con, context.tenant, context.now, [event], by=context.actor)
    await anomalies.clear(con, context.tenant, context.now, Kind.RETURN_DEAD, [dead], by=context.actor)
    return await show(con, context, dead)


async def _open(con: Connection, context: Context, dead: UUID) -> DeadWhole:
    found = await show(con, context, dead)
    if found.state != "open":
        raise DeadEnded(f"the dead letter was {found.state}")
    return found


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DeadRequestInvalid("the body is not what this route takes", hint="see docs/reference/rejects.md") from error
