# SPDX-License-Identifier: Apache-2.0
"""Count look-ups with the trail, in its own transaction, so that no process sees less than all of them."""

from collections.abc import Sequence
from uuid import UUID

from desmos_fast.base.clock import paris_date
from desmos_fast.db.pool import Connection
from desmos_fast.identity.lookups import store
from desmos_fast.identity.lookups.model import Look, Refused
from desmos_fast.identity.lookups.rules import fit, hour_of


async def count(con: Connection, tenant: UUID, looks: Sequence[Look]) -> list[Refused | None]:
    """Count looks of one centre that come at once, and say of each whether it is refused; one statement unless one is."""
    if not looks:
        return []
    places: dict[UUID, list[int]] = {}
    for place, look in enumerate(looks):
        places.setdefault(look.actor, []).append(place)
    sums = {actor: sum(looks[place].items for place in found) for actor, found in places.items()}
    latest = max(look.at for look in looks)
    seen = await store.count(con, tenant, hour_of(latest), paris_date(latest), sums)
    refused: list[Refused | None] = [None] * len(looks)
    for actor, found in places.items():
        mine, total = [looks[place] for place in found], sums[actor]
        told = fit(mine, seen[actor].in_hour - total, seen[actor].in_day - total)
        back = sum(look.items for look, why in zip(mine, told, strict=True) if why is not None)
        if back:
            await store.take_back(con, tenant, actor, back)
        for place, why in zip(found, told, strict=True):
            refused[place] = why
    return refused


async def name(con: Connection, tenant: UUID, actor: UUID) -> str:
    """Return what an account is called: the label of a key, the login of a user."""
    return await store.name(con, tenant, actor)
