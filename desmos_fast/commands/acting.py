# SPDX-License-Identifier: Apache-2.0
"""What an operator does for one centre, on its database, without a key and without the service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context

T = TypeVar("T")
Centre = Annotated[str, typer.Option("--centre", help="The FINESS of a registered centre.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def take(
    finess: str,
    action: str,
    subject: str,
    work: "Callable[[Connection, Context], Awaitable[T]]",
    count: "Callable[[T], int]" = lambda _: 1,
) -> T:
    """Do what `act` does for what leaves the house: it enters the audit of the centre in the same transaction, or is not given."""
    from desmos_fast.base.clock import system_clock
    from desmos_fast.identity.audit import service as audit
    from desmos_fast.identity.audit.model import Access

    async def kept(con: "Connection", context: "Context") -> T:
        found = await work(con, context)
        # The trail goes by the clock of the house, wherever that of a test centre is.
        await audit.append(con, context.tenant, [Access(system_clock(), context.actor, action, subject, items=count(found))])
        return found

    return act(finess, kept)


def act(finess: str, work: "Callable[[Connection, Context], Awaitable[T]]") -> T:
    """Run one transaction of a centre and return what it gives. Raises UnknownCentre, and what `work` raises."""
    from desmos_fast.base.clock import system_clock
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.masters import open_keyring, read_use
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service as identity
    from desmos_fast.identity.clocks import service as clocks
    from desmos_fast.identity.context import OPERATOR, without_key

    async def run() -> T:
        with database() as place:
            keyring = open_keyring(place.settings)
            async with direct(place.owner_dsn) as con:
                keyring.follow(await read_use(con))
                centre = await identity.find_centre(con, finess)
            async with direct(place.app_dsn, centre.id) as con:
                now = system_clock() + await clocks.ahead(con, centre.id)
                return await work(con, without_key(centre.id, centre.finess, keyring.of(centre.id), now, OPERATOR))

    return asyncio.run(run())
