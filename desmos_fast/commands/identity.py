# SPDX-License-Identifier: Apache-2.0
"""`centre add` and `key new`: the first steps of a new house."""

import asyncio
import sys
from typing import Annotated, Literal

import typer

from desmos_fast.commands import groups


def add_centre(
    finess: Annotated[str, typer.Argument(help="Its FINESS: 9 characters, the last one a key.")],
    name: Annotated[str, typer.Option("--name", help="Its name, as screens show it.")],
) -> None:
    """Register a health centre; the same FINESS and name again change nothing."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.migrate import migrate
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service

    async def run(owner_dsn: str) -> None:
        await migrate(owner_dsn)
        async with direct(owner_dsn) as con:
            await service.add_centre(con, finess, name)

    with database() as place:
        asyncio.run(run(place.owner_dsn))
    print(f"{finess} {name}")


def new_key(
    finess: Annotated[str, typer.Argument(help="The FINESS of a registered centre.")],
    kind: Annotated[Literal["test", "live"], typer.Option("--kind", help="test takes synthetic people only, live refuses them.")],
) -> None:
    """Make an API key and print it, for the only time: nothing but its HMAC is kept."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.secrets import secret
    from desmos_fast.db.tenant import direct
    from desmos_fast.identity import service

    async def run(owner_dsn: str, pepper: bytes) -> str:
        async with direct(owner_dsn) as con:
            return await service.new_key(con, finess, kind, pepper=pepper)

    with database() as place:
        made = asyncio.run(run(place.owner_dsn, secret(place.settings, "api_keys")))
    print(made)
    print("Keep this key now: it cannot be shown again.", file=sys.stderr)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.centre.command("add")(add_centre)
    groups.key.command("new")(new_key)
