# SPDX-License-Identifier: Apache-2.0
"""Reminders of a centre: made once a day, looked at, sent or cancelled by a person, over when everything in them is settled."""

from collections.abc import Callable
from uuid import UUID

import msgspec

from desmos_fast.anomalies.service import why_of
from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.payers import payers
from desmos_fast.settlement.dunning import rules as law
from desmos_fast.settlement.dunning.reminders import letters, rules, store
from desmos_fast.settlement.dunning.reminders.model import (
    DayDone,
    Ending,
    Reminder,
    ReminderClosed,
    ReminderPage,
    ReminderView,
    Wanted,
)
from desmos_fast.settlement.dunning.service import question, terms_of
from monitoring import metrics

Cursor = Callable[[UUID], str]


# --- by itself, once a day


async def make_day(con: Connection, context: Context) -> DayDone | None:
    """Do what the day asks for: end the reminders that are settled, make those that are due. None when the day was done before."""
    if not await store.begin(con, context.tenant, context.today, context.now):
        return None
    terms = await terms_of(con, context)
    asked = law.question(terms, context.today)
    settled = await store.settle(con, context.tenant, asked, context.now, context.actor)
    events = [Event("reminder.settled", reminder) for reminder in settled]
    due = await store.due(con, context.tenant, asked, rules.levels(terms, context.today))
    made = [(uuid7(), items) for _, items in sorted(rules.together(due).items())]
    if made:
        await store.add(con, context.tenant, context.today, context.now, made)
    for reminder, items in made:
        first = items[0]
        head = {"rule": first.rule, "level": first.level, "items": len(items), "amount": sum(one.amount for one in items)}
        events.append(Event("reminder.made", reminder, detail=head))
        told = {"rule": first.rule, "level": first.level, "reminder": str(reminder)}
        events += [Event("share.reminded", one.invoice_id, one.invoice_id, one.part, told) for one in items if one.invoice_id is not None]
        metrics.reminders_made.labels(first.rule).inc()
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    return DayDone(len(made), len(due), len(settled))


# --- by a person


async def listed(con: Connection, context: Context, wanted: Wanted, cursor: Cursor) -> ReminderPage:
    """Return one page of the centre's reminders; `cursor` writes the place where the next one begins."""
    total, found = await store.some(con, context.tenant, wanted)
    shown = tuple(found[: wanted.limit])
    return ReminderPage(total, shown, cursor(shown[-1].id) if len(found) > wanted.limit else None)


async def show(con: Connection, context: Context, reminder: UUID) -> ReminderView:
    """Return a reminder with its list. Raises NotThere."""
    found = await store.find(con, context.tenant, reminder)
    if found is None:
        raise NotThere("the centre has no such reminder")
    items = await store.items(con, context.tenant, await question(con, context), reminder)
    return ReminderView(**msgspec.structs.asdict(found), list=tuple(items))


async def letter(con: Connection, context: Context, reminder: UUID, form: str) -> str:
    """Return the letter of a reminder, `txt` or `html`: what is still open of one that is open, what it said of one that was sent."""
    found = await show(con, context, reminder)
    names = {row.id: row.names[0] for row in payers(context.kind, context.today)}
    return letters.write(found, form, context.finess, names.get(found.payer or "", found.payer or ""), context.today)


async def send(con: Connection, context: Context, reminder: UUID) -> ReminderView:
    """Say that a reminder was sent, with what is open of it now. Raises NotThere, ReminderClosed."""
    await _hold(con, context, reminder)
    await store.say(con, context.tenant, await question(con, context), reminder)
    await _end(con, context, reminder, "sent", None)
    return await show(con, context, reminder)


async def cancel(con: Connection, context: Context, reminder: UUID, body: bytes) -> ReminderView:
    """Cancel a reminder; its level counts as reached all the same. Raises NotThere, ReminderClosed, WhyMissing."""
    try:
        why = why_of(msgspec.json.decode(body, type=Ending).why)
    except (msgspec.DecodeError, UnicodeDecodeError):
        why = why_of("")
    await _hold(con, context, reminder)
    await _end(con, context, reminder, "cancelled", why)
    return await show(con, context, reminder)


async def _hold(con: Connection, context: Context, reminder: UUID) -> Reminder:
    found = await store.find(con, context.tenant, reminder, hold=True)
    if found is None:
        raise NotThere("the centre has no such reminder")
    if found.state != "open":
        raise ReminderClosed(f"the reminder is {found.state}", hint="only one that is open is sent or cancelled")
    return found


async def _end(con: Connection, context: Context, reminder: UUID, state: str, why: str | None) -> None:
    await store.end(con, context.tenant, reminder, state, context.now, context.actor, why)
    detail = None if why is None else {"why": why}
    await journal.record(con, context.tenant, context.now, [Event(f"reminder.{state}", reminder, detail=detail)], by=context.actor)
