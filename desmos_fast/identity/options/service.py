# SPDX-License-Identifier: Apache-2.0
"""Whether a centre has what it asks for, and what it has."""

import time
from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from desmos_fast.base.clock import paris_date
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.options import rules, store
from desmos_fast.identity.options.model import Option, OptionList, OptionNotSubscribed, OptionRefused, Turn

# As long as a key is remembered: what an operator sets holds within a second in every process.
KEPT_S: Final = 0.9
KEPT_MOST: Final = 10_000


class OptionBook:
    """What centres subscribed to, remembered for less than a second."""

    __slots__ = ("_kept_s", "_known", "_pool")

    def __init__(self, pool: Pool, *, kept_s: float = KEPT_S) -> None:
        self._pool = pool
        self._kept_s = kept_s
        self._known: dict[UUID, tuple[float, Sequence[Turn]]] = {}

    async def check(self, tenant: UUID, option: Option, day: date) -> None:
        """Refuse what a centre has no option for on a day. Raises OptionNotSubscribed, DatabaseDown."""
        if not rules.has(option, await self._turns(tenant), day):
            raise OptionNotSubscribed(
                f"the centre has not subscribed to {option.name} ({option.title_fr})", hint="ask who runs the service for it"
            )

    async def _turns(self, tenant: UUID) -> Sequence[Turn]:
        asked = time.monotonic()
        known = self._known.get(tenant)
        if known is not None and asked - known[0] < self._kept_s:
            return known[1]
        async with transaction(self._pool, tenant) as con:
            found = await store.turns(con, tenant)
        if len(self._known) >= KEPT_MOST:
            self._known.clear()
        self._known[tenant] = asked, found
        return found


async def show(con: Connection, context: Context) -> OptionList:
    """Return every option as the centre has it today."""
    return OptionList(rules.shown(await store.turns(con, context.tenant), context.today))


async def put(con: Connection, context: Context, turns: Sequence[Turn]) -> OptionList:
    """Say which options a centre has, or has no more, each from a day on: today or later. Raises OptionRefused."""
    for turn in turns:
        if turn.option not in rules.OPTIONS:
            raise OptionRefused(f"there is no option {turn.option!r}", hint=f"one of {', '.join(rules.OPTIONS)}")
        if turn.starts < paris_date(context.now):
            raise OptionRefused("an option begins or ends today or later", hint="what was asked for meanwhile was answered")
    for turn in turns:
        await store.put(con, context.tenant, turn, context.now, context.actor)
    return await show(con, context)
