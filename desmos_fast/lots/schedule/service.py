# SPDX-License-Identifier: Apache-2.0
"""A centre says when its lots are built; each due time is dealt with once, together with the word that it was."""

from datetime import datetime
from typing import Final

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.db import journal, queue
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service as lots
from desmos_fast.lots.codec import decode_request
from desmos_fast.lots.schedule import rules, store
from desmos_fast.lots.schedule.model import BUILD_ON_SCHEDULE, BuildOnSchedule, LastRun, Plan, Schedule, ScheduleRefused
from monitoring import metrics

FORM: Final = '{"days": ["mon", …], "at": ["12:30", …], "skip_holidays": true, "settings": {…}}'


def read_plan(body: bytes, context: Context) -> Plan:
    """Read a plan and the settings in it. Raises ScheduleRefused, FaultyInput for the settings."""
    try:
        plan = msgspec.json.decode(body, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScheduleRefused(f"the body is {FORM}") from error
    rules.check(plan)
    decode_request(bytes(plan.settings), context.today.isoformat())
    return plan


async def put(con: Connection, context: Context, plan: Plan) -> Schedule:
    """Let the lots of the centre be built by a plan from now on, and no more by another one."""
    revision = await store.put(con, context.tenant, plan, context.now)
    await queue.enqueue(con, BUILD_ON_SCHEDULE, [msgspec.json.encode(BuildOnSchedule(context.tenant, context.finess, revision))])
    detail = {"revision": revision, "at": plan.at, "days": plan.days, "skip_holidays": plan.skip_holidays}
    await journal.record(con, context.tenant, context.now, [Event("schedule.set", context.tenant, detail=detail)], by=context.actor)
    return await show(con, context)


async def show(con: Connection, context: Context) -> Schedule:
    """Return the schedule of the centre, its next due time and its last run. Raises NotThere."""
    kept = await store.find(con, context.tenant)
    if kept is None:
        raise NotThere("the centre has no schedule")
    plan = kept.plan
    return Schedule(
        at=plan.at, days=plan.days, skip_holidays=plan.skip_holidays, settings=plan.settings, revision=kept.revision, since=kept.since,
        next=rules.next_due(plan, max(context.now, kept.done or kept.since)), last=kept.last,
    )  # fmt: skip


async def end(con: Connection, context: Context) -> None:
    """Let nothing be built by itself any more. Raises NotThere."""
    if not await store.end(con, context.tenant):
        raise NotThere("the centre has no schedule")
    await journal.record(con, context.tenant, context.now, [Event("schedule.ended", context.tenant)], by=context.actor)


async def run(con: Connection, context: Context, revision: int, *, failed: str | None = None) -> datetime | None:
    """Build if a due time came, and return the next one; None when this revision is no longer the schedule.

    Of several that were missed the last one is dealt with, for all of them. `failed` is the code of why a try of it failed: then that is
    kept, and nothing built. Raises what a build raises, and then nothing is done.
    """
    kept = await store.hold(con, context.tenant)
    if kept is None or kept.revision != revision:
        return None
    came = list(rules.due_between(kept.plan, kept.done or kept.since, context.now))
    if came:
        last = LastRun(due=came[-1], at=context.now, missed=len(came) - 1, result="failed", code=failed)
        if failed is None:
            built = await lots.build(con, context, bytes(kept.plan.settings))
            last = msgspec.structs.replace(
                last, result="built" if built.files else "nothing", files=len(built.files), lots=built.lots, invoices=built.invoices
            )
        await _ran(con, context, last)
    return rules.next_due(kept.plan, context.now)


async def _ran(con: Connection, context: Context, last: LastRun) -> None:
    await store.ran(con, context.tenant, last)
    name = "schedule.failed" if last.result == "failed" else "schedule.ran"
    await journal.record(
        con, context.tenant, context.now, [Event(name, context.tenant, detail=msgspec.to_builtins(last))], by=context.actor
    )
    metrics.observe_scheduled_build(last.result, context.now.timestamp(), (last.at - last.due).total_seconds())
