# SPDX-License-Identifier: Apache-2.0
"""`agent install | uninstall | wipe`: how the agent comes onto a workstation, and leaves it."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from desmos_fast.commands import groups

Place = Annotated[Path | None, typer.Option("--folder", help="The agent's own folder; without it, one in the home of this user.")]


def install(
    folder: Place = None,
    origin: Annotated[list[str] | None, typer.Option("--origin", help="As for `agent run`; repeatable.")] = None,
    shown: Annotated[Literal["systemd", "windows"] | None, typer.Option("--print", help="Print what the system would be given.")] = None,
) -> None:
    """Have this system start the agent whenever this user signs in, and now: a unit of systemd, or a task of Windows."""
    import getpass

    from readers.packaging.install import command
    from readers.packaging.install import install as put
    from readers.packaging.units import task, unit

    words = [*(["--folder", str(folder.absolute())] if folder else []), *(word for each in origin or () for word in ("--origin", each))]
    if shown == "systemd":
        sys.stdout.write(unit(command(words)))
    elif shown == "windows":
        sys.stdout.write(task(command(words), getpass.getuser()).decode("utf-16") + "\n")
    else:
        print(put(words))


def uninstall() -> None:
    """Have this system start the agent no more, and end it now. Its folder stays: see `agent wipe`."""
    from readers.packaging.install import uninstall as take

    print(take())


def wipe(
    proof: Annotated[Path, typer.Option("--proof", help="Where the proof goes; there must be no such file yet.")],
    folder: Place = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Remove what is the agent's from this workstation for good: its certificate at the service, its key, its queue.

    Each file is written over and removed; what was removed is listed in the proof, which the agent's key signs before it is forgotten.
    """
    import asyncio

    import msgspec

    from desmos_fast.agents.wiping import read
    from readers.packaging.wipe import wipe as remove
    from readers.uplink_folder import Folder, default_folder

    place = Folder(folder or default_folder())
    if not yes:
        typer.confirm(f"Wipe {place.path}, and end this workstation at its service?", abort=True)
    if proof.exists():
        raise typer.BadParameter(f"{proof} is there already")
    # Opened before anything is gone: a proof that cannot be written is none.
    part = proof.with_name(f".{proof.name}.part")
    try:
        with part.open("xb") as file:
            made = asyncio.run(remove(place))
            file.write(msgspec.json.encode(made) + b"\n")
        part.replace(proof)
    finally:
        part.unlink(missing_ok=True)
    said, _, _ = read(made)
    print(f"{len(said.files)} files removed; the certificate is {'revoked' if said.revoked else 'NOT revoked: block it at the service'}")
    for name in [*said.left, *(one.name for one in said.files if not one.removed)]:
        print(f"left: {name}", file=sys.stderr)


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.command("install")(install)
    groups.agent.command("uninstall")(uninstall)
    groups.agent.command("wipe")(wipe)
