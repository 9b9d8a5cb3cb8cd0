# SPDX-License-Identifier: Apache-2.0
"""Writers that work at once, some of whose transactions are rolled back and some of whose connections are killed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from desmos_fast.base.types import TenantId
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from tests.db.databases import Place

T = TypeVar("T")
WRITERS: Final = 8
FATES: Final = {"kept": 13, "rolled back": 8, "killed": 3}


class Broken(Exception):
    """What a use case may raise after it wrote."""


async def storm(place: Place, pool: Pool, tenant: TenantId, rounds: int, act: Callable[[Connection, int], Awaitable[T]]) -> list[T]:
    """Have eight writers act in `rounds` transactions each, and return what those gave that were committed.

    `act` gets a number that no other transaction has.
    """
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    kept: list[T] = []
    met: list[str] = []
    async with place.admin() as admin:
        killing = asyncio.Lock()

        async def writer(turns: range, fates: list[str]) -> None:
            for turn, fate in zip(turns, fates, strict=True):
                with suppress(Broken, DatabaseDown):
                    async with transaction(pool, tenant) as con:
                        result = await act(con, turn)
                        met.append(fate)
                        if fate == "rolled back":
                            raise Broken
                        if fate == "killed":
                            async with killing:
                                await admin.execute("SELECT pg_terminate_backend($1, 5000)", con.get_server_pid())
                    # The commit of a connection that was killed never comes here.
                    kept.append(result)

        await asyncio.gather(*(
            writer(range(first, first + rounds), draw.choices(list(FATES), list(FATES.values()), k=rounds))
            for first in range(1, WRITERS * rounds, rounds)
        ))  # fmt: skip
    assert set(met) == set(FATES)
    assert len(kept) == met.count("kept")
    assert len(kept) > WRITERS * rounds / 4
    return kept
