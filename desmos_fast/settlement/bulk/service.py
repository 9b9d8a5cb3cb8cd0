# SPDX-License-Identifier: Apache-2.0
"""Use case: before a run decides the lines of a centre, settle those that one share answers to the letter."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from desmos_fast.base.ledger import Entry
from desmos_fast.base.settings import bulk_lines
from desmos_fast.base.types import Cents
from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.settlement.bulk import store
from desmos_fast.settlement.bulk.kernel import Posts, make_posts
from desmos_fast.settlement.model import RunAnswer, Settings, Tally
from desmos_fast.settlement.rules import settings_version


class Settled:
    """What was settled of a run, whose entries are still to be posted."""

    def __init__(self, posts: Posts | None = None) -> None:
        self._posts = posts

    async def post(self, con: Connection, context: Context, others: Sequence[Entry]) -> int:
        """Post the entries of a whole run, in order of their ref, and return how many; last in the transaction."""
        if self._posts is None:
            return await journal.post(con, context.tenant, context.now, others)
        return await store.post(con, context.tenant, self._posts, others)

    def added_to(self, answer: RunAnswer) -> RunAnswer:
        """Return what a run answers, with what was settled before."""
        if self._posts is None:
            return answer
        named, nameless = (
            Tally(count, Cents(cents))
            for count, cents in ((self._posts.named, self._posts.named_cents), (self._posts.nameless, self._posts.nameless_cents))
        )
        rules = _added(_added(answer.rules, "A1", named), "A2", nameless)
        lines = _added(_added(answer.lines, "confirmed", named), "confirmed", nameless)
        return RunAnswer(run_id=answer.run_id, lines=lines, credits=answer.credits, rules=rules, entries=answer.entries)


def _added(tallies: dict[str, Tally], name: str, more: Tally) -> dict[str, Tally]:
    before = tallies.get(name, Tally(0, Cents(0)))
    if not more.count:
        return tallies
    return dict(sorted({**tallies, name: Tally(before.count + more.count, Cents(before.cents + more.cents))}.items()))


async def settle(con: Connection, context: Context, run_id: UUID, since: datetime, settings: Settings) -> Settled:
    """Settle what needs no doubt, when there are as many free lines as the setting says; what is left comes to the passes of the run.

    A line is left to them when its share bears anything already, when another line may be of the same invoice, or of the same patient and
    day, and when its order has its credit: so they find the same as if they had decided all. `since` and `settings` are theirs.
    """
    if not await store.are_many(con, context.tenant, bulk_lines()):
        return Settled()
    await lots.hold(con, context.tenant)
    settlement = await store.read(con, context.tenant, since)
    settled = await asyncio.to_thread(settlement.decide)
    if not settled:
        return Settled()
    posts = await asyncio.to_thread(make_posts, settlement, context.tenant, settings_version(settings), context.actor, context.now)
    await store.write(con, context.tenant, run_id, context.now, posts, settled)
    return Settled(posts)
