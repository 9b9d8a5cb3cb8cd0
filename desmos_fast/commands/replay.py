# SPDX-License-Identifier: Apache-2.0
"""`replay`: rebuild what became of a centre from what came in and was decided, and compare."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands.acting import AsJson
from desmos_fast.commands.common import counting

if TYPE_CHECKING:
    from desmos_fast.settlement.replay.service import Replayed

HELP: Final = """
Rebuild the matches, shares, balances and ledger of a centre in memory, from its invoices, returns, statements, runs and decisions alone,
and compare their hashes with those of what is stored. Read only, while the service runs or not.

Of each component that differs the first thing is named.

Exit 0: the same. Exit 1: something differs, or cannot be played again. Exit 3: no verdict, for the database is away.
"""


def replay(
    centre: Annotated[str | None, typer.Option("--centre", help="FINESS of the one centre to replay; without it, all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild what is stored, and compare."""
    import msgspec

    found = asyncio.run(_replay(centre))
    for one in found:
        if as_json:
            sys.stdout.write(msgspec.json.encode(one).decode() + "\n")
        else:
            print(_told(one))
    if not all(one.same for one in found):
        raise typer.Exit(1)


async def _replay(only: str | None) -> "list[Replayed]":
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.keyring import KeyUse
    from desmos_fast.db.masters import open_keyring
    from desmos_fast.identity.model import UnknownCentre
    from desmos_fast.invariants.store import centres, reading
    from desmos_fast.settlement.replay import service

    with database() as place:
        keyring = open_keyring(place.settings)
        # Fingerprints alone are compared, which no change of keys touches.
        keyring.follow(KeyUse())
        async with reading(place.owner_dsn) as con:
            chosen = [centre for centre in await centres(con) if only in (None, centre.finess)]
        if only is not None and not chosen:
            raise UnknownCentre(f"no centre has the FINESS {only!r}")
        found = []
        for centre in chosen:
            async with reading(place.app_dsn, centre.id) as con:
                with counting(centre.finess) as progress:
                    found.append(await service.replay(con, centre.id, centre.finess, keyring.of(centre.id).index, progress))
        return found


def _told(one: "Replayed") -> str:
    played = f"{one.invoices} invoices, {one.returns} returns, {one.statements} statements, {one.runs} runs, {one.decisions} decisions"
    lines = [f"{one.centre}  {'the same' if one.same else 'DIFFERS'}  {one.rebuilt.state}  {played}, {one.entries} entries"]
    lines += [f"  {what.component}: {what.name}: stored {what.stored}, rebuilt {what.rebuilt}" for what in one.differences]
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command(help=HELP)(replay)
