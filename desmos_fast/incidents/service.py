# SPDX-License-Identifier: Apache-2.0
"""Incidents and maintenance are declared, attended to, over; each step is an event of the centre."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.incidents import rules, store
from desmos_fast.incidents.model import (
    Attribution,
    Incident,
    IncidentMoved,
    IncidentPage,
    IncidentRefused,
    IncidentTold,
    MaintenanceTold,
    Moment,
)

T = TypeVar("T", bound=msgspec.Struct)


def read_told(body: bytes, kind: type[T]) -> T:
    """Read what is told of an incident; an empty body tells nothing. Raises IncidentRefused."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fields = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        raise IncidentRefused(f"the body is an object of {fields}; {error}", hint="instants have their offset") from error


async def declare(con: Connection, context: Context, told: IncidentTold, name: UUID | None = None) -> Incident:
    """Declare that the service is down or degraded; what is there under `name` stays as it is. Raises IncidentRefused."""
    rules.check_told(told, context.now)
    starts = told.starts_at or context.now
    degraded = starts if told.degraded else None
    return await _add(con, context, name, "incident", told.what, told.cause, (False, told.disaster), starts, degraded, None)


async def announce(con: Connection, context: Context, told: MaintenanceTold, name: UUID | None = None) -> Incident:
    """Declare maintenance; it is planned only if it is declared before it begins. Raises IncidentRefused."""
    rules.check_told(told, context.now)
    planned = told.planned and told.starts_at > context.now
    flags = planned, False
    return await _add(con, context, name, "maintenance", told.what, "maintenance", flags, told.starts_at, None, told.ends_at)


async def _add(
    con: Connection, context: Context, name: UUID | None, kind: str, what: str, cause: str, flags: tuple[bool, bool], starts: datetime,
    degraded: datetime | None, ended: datetime | None,
) -> Incident:  # fmt: skip
    chosen = name or uuid7()
    columns = chosen, kind, what, cause, *flags, starts, context.now, context.actor, degraded, ended
    if await store.add(con, context.tenant, *columns):
        await _tell(con, context, "declared", chosen, {"kind": kind, "cause": cause})
    return await find(con, context, chosen)


async def find(con: Connection, context: Context, name: UUID) -> Incident:
    """Return an incident, held until the transaction ends. Raises NotThere."""
    row = await store.find(con, context.tenant, name)
    if row is None:
        raise NotThere("the centre has no such incident")
    return rules.shown(row, context.now)


async def listed(
    con: Connection, context: Context, kind: str | None, before: UUID | None, limit: int, cursor: Callable[[UUID], str], *, running: bool
) -> IncidentPage:
    """List incidents and maintenance, the last declared first; `running` leaves out what is over."""
    rows = await store.listed(con, context.tenant, kind, before, context.now, limit + 1, running=running)
    page = [rules.shown(row, context.now) for row in rows[:limit]]
    return IncidentPage(page, cursor(page[-1].id) if len(rows) > limit else None)


async def between(con: Connection, context: Context, since: datetime, until: datetime) -> list[Incident]:
    """Return what ran at some time between two instants, for a report."""
    return [rules.shown(row, context.now) for row in await store.between(con, context.tenant, since, until)]


async def acknowledge(con: Connection, context: Context, name: UUID, told: Moment) -> Incident:
    """Say that somebody attends to an incident: the clock of intervention (GTI) stops. Raises NotThere, IncidentRefused, IncidentMoved."""
    found = await find(con, context, name)
    at = rules.stopped_at(found, told.at, context.now)
    if found.acknowledged_at is not None:
        raise IncidentMoved("somebody attends to it already")
    await store.stop(con, context.tenant, name, at, None, None)
    return await _moved(con, context, "acknowledged", name)


async def degrade(con: Connection, context: Context, name: UUID, told: Moment) -> Incident:
    """Say that the service runs again, degraded: the clock of recovery (GTR) stops. Raises NotThere, IncidentRefused, IncidentMoved."""
    found = await find(con, context, name)
    at = rules.stopped_at(found, told.at, context.now)
    if found.degraded_at is not None:
        raise IncidentMoved("it runs degraded already")
    await store.stop(con, context.tenant, name, None, at, None)
    return await _moved(con, context, "degraded", name)


async def restore(con: Connection, context: Context, name: UUID, told: Moment) -> Incident:
    """Say that the service runs as it should: every clock stops. Raises NotThere, IncidentRefused, IncidentMoved."""
    found = await find(con, context, name)
    at = rules.stopped_at(found, told.at, context.now)
    if found.degraded_at is not None and at < found.degraded_at:
        raise IncidentRefused("it was over before it ran degraded")
    # Who restored it attended to it.
    await store.stop(con, context.tenant, name, at, None, at)
    return await _moved(con, context, "restored", name)


async def attribute(con: Connection, context: Context, name: UUID, told: Attribution) -> Incident:
    """Say whose an incident is; the contract leaves those of a client or a payer out. Raises NotThere, IncidentRefused, IncidentMoved."""
    rules.check_text(told.why)
    if (await find(con, context, name)).kind != "incident":
        raise IncidentMoved("maintenance is nobody's else")
    await store.attribute(con, context.tenant, name, told.cause)
    await _tell(con, context, "attributed", name, {"cause": told.cause, "why": told.why})
    return await find(con, context, name)


async def cancel(con: Connection, context: Context, name: UUID) -> Incident:
    """Take back maintenance that did not begin. Raises NotThere, IncidentMoved."""
    found = await find(con, context, name)
    if found.state != "announced":
        raise IncidentMoved("only what did not begin is taken back", hint="an incident is attributed to whose it is, not taken back")
    await store.cancel(con, context.tenant, name, context.now)
    return await _moved(con, context, "cancelled", name)


async def _moved(con: Connection, context: Context, event: str, name: UUID) -> Incident:
    await _tell(con, context, event, name, None)
    return await find(con, context, name)


async def _tell(con: Connection, context: Context, event: str, name: UUID, detail: dict[str, object] | None) -> None:
    told = [Event(f"incident.{event}", name, detail=detail)]
    await journal.record(con, context.tenant, context.now, told, by=context.actor)
