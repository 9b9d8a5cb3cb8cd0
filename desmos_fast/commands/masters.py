# SPDX-License-Identifier: Apache-2.0
"""`keys show | make | rotate | wrap`: the master keys that numbers of patients, files and secrets are sealed under."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson
from desmos_fast.commands.common import counting

if TYPE_CHECKING:
    from desmos_fast.settlement.rotation.model import KeyShown

LEAST: Final = 1000
ROTATE: Final = (
    "Change the master key while the service runs: rows are sealed anew and found by a new index, some at a time.\n\n"
    "Requests are answered meanwhile, under either key. Killed, it goes on where it was when it is started again. The former key is let go "
    "of once nothing is left under it; its file stays, for backups that were made before, and for the fingerprints of what files say."
)


def show(as_json: AsJson = False) -> None:
    """Say which master keys are in use, and for what."""
    import msgspec

    from desmos_fast.commands.runtime import database
    from desmos_fast.db.tenant import direct
    from desmos_fast.settlement.rotation import service

    async def run(dsn: str) -> "list[KeyShown]":
        async with direct(dsn) as con:
            return await service.show(con)

    with database() as place:
        found = asyncio.run(run(place.owner_dsn))
    if as_json:
        sys.stdout.write(msgspec.json.encode({"keys": found}).decode() + "\n")
        return
    for one in found:
        said = [what for what in ("seals", "indexes", "alone") if getattr(one, what)]
        print(f"{one.number}  {' '.join(said) or 'made'}")


def make() -> None:
    """Make the next master key and nothing else, so that other hosts can be given its file before `keys rotate`."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.masters import key_files
    from desmos_fast.settlement.rotation import service

    with database() as place:
        print(f"key {asyncio.run(service.make(place.owner_dsn, key_files(place.settings)))} is made")


def rotate(
    grace: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds that your longest upload may take, before the end.")] = 120.0,
) -> None:
    """Change the master key while the service runs."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.masters import key_files
    from desmos_fast.db.secrets import found
    from desmos_fast.settlement.rotation import service

    with database() as place, counting("rows", LEAST) as progress:
        files = key_files(place.settings)
        people = found(place.settings.data_dir, "people")
        done = asyncio.run(service.rotate(place.owner_dsn, files, progress, people=people, grace_s=grace))
    print(f"key {done.present} for key {done.former}: {done.rows} rows sealed anew")


def wrap() -> None:
    """Wrap the master keys that lie plain, as the file says that DESMOS_KEYS names, and take the plain ones away."""
    from desmos_fast.base.settings import load
    from desmos_fast.db.masters import key_files

    print(f"{key_files(load()).wrap_all()} wrapped")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.keys.command()(show)
    groups.keys.command()(make)
    groups.keys.command(help=ROTATE)(rotate)
    groups.keys.command()(wrap)
