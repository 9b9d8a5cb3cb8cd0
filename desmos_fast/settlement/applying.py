# SPDX-License-Identifier: Apache-2.0
"""Write what a plan says, of a run or of a person: rows given free and taken, shares told again, events. The caller posts the entries."""

import asyncio
from typing import Final

from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.settlement import store
from desmos_fast.settlement.posting import Plan, share_moves
from desmos_fast.settlement.rejects.told import explained

# Laying out more at once would keep the loop from everyone else.
EVENTS_AT_ONCE: Final = 2_000


async def take(con: Connection, context: Context, plan: Plan) -> None:
    """Give free what the plan undoes, then take what it confirms."""
    await store.undo(con, context.tenant, list(plan.undone), list(plan.undone.values()), plan.freed)
    await store.free_lines(con, context.tenant, plan.lines_freed)
    await store.take_lines(con, context.tenant, plan.lines)
    await store.park(con, context.tenant, plan.parked)
    await store.take_orders(con, context.tenant, plan.orders)
    await store.take_credits(con, context.tenant, plan.credits)


async def move_shares(con: Connection, context: Context, plan: Plan) -> None:
    """Tell the shares of a plan again from all their lines, and the events of the plan and of that."""
    await lots.hold(con, context.tenant)
    rows = await store.share_lines(con, context.tenant, plan.shares, [*plan.orders, *plan.freed])
    moves, events = await asyncio.to_thread(share_moves, rows, plan.orders.keys())
    await store.move_shares(con, context.tenant, moves)
    told = await explained(con, context.tenant, [*plan.events, *events])
    for start in range(0, len(told), EVENTS_AT_ONCE):
        await journal.record(con, context.tenant, context.now, told[start : start + EVENTS_AT_ONCE], by=context.actor)
