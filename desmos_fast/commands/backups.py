# SPDX-License-Identifier: Apache-2.0
"""`backup take | verify | list | restore-test`: the database saved, and proof that it can be restored."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson
from desmos_fast.commands.common import exit_faulty, working

if TYPE_CHECKING:
    from desmos_fast.backups.model import Manifest, Trial
    from desmos_fast.backups.service import Source
    from desmos_fast.commands.runtime import Runtime

Folder = Annotated[Path | None, typer.Option("--in", help="The folder of backups; without it, that of DESMOS_BACKUPS.")]
Name = Annotated[str | None, typer.Argument(help="Its name, as `backup list` shows it; without it, the last one.")]
NO_FOLDER: Final = "say where backups are: --in FOLDER, or DESMOS_BACKUPS"


def take(folder: Folder = None, as_json: AsJson = False) -> None:
    """Save the database while it runs, and verify what was saved; nothing is there under its name before."""
    from desmos_fast.backups import service
    from desmos_fast.backups.model import BackupFailed

    with _opened(folder) as (place, source, where), working("Saving the database"):
        if place.backup_dsn is None:
            raise BackupFailed("no role may copy this database", hint="set DESMOS_BACKUP_DSN to one that has REPLICATION")
        made = asyncio.run(service.take(source, place.backup_dsn, where))
    _print(made, _line(made), as_json)


def verify(name: Name = None, folder: Folder = None, as_json: AsJson = False) -> None:
    """Compare every file of a backup with the hashes that were kept of it. Exit 1 when one is not what was written."""
    from desmos_fast.backups import service

    source, where = _apart(folder)
    with working("Comparing"):
        found = service.verify(source, where, name)
    _print(found, f"{_line(found)}  is what was written", as_json)


def show(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the backups of a folder, and what became of each that was restored for trial; the oldest first."""
    import msgspec

    from desmos_fast.backups import folder as folders

    kept = folders.read(_apart(folder)[1])
    if as_json:
        sys.stdout.write(msgspec.json.encode(kept).decode() + "\n")
        return
    for made in kept.backups:
        print(_line(made))
    for trial in kept.trials:
        print(_trial_line(trial))
    if not kept.backups:
        print("no backup")


def restore_test(
    name: Name = None,
    folder: Folder = None,
    scratch: Annotated[
        Path | None, typer.Option("--scratch", help="Where the copy is made; without it, where temporary files are.")
    ] = None,
    archive: Annotated[Path | None, typer.Option("--archive", help="The folder of archived WAL, to whose end the copy goes on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a cluster of its own, check what must always hold there, compare its rows, and note how long it took.

    The copy is gone at the end. Exit 1 when the backup does not serve; that too is noted.
    """
    from desmos_fast.backups import service
    from desmos_fast.base.clock import system_clock

    with _opened(folder) as (_, source, where), working("Restoring"):
        trial = asyncio.run(service.try_out(source, where, name, system_clock, place=scratch, archive=archive))
    _print(trial, _trial_line(trial), as_json)
    if not trial.passed:
        exit_faulty()


def _apart(folder: Path | None) -> "tuple[Source, Path]":
    """Return the source and the folder without the database, which need not run."""
    from desmos_fast.backups.service import Source
    from desmos_fast.base.settings import load

    settings = load()
    where = folder or settings.backups
    if where is None:
        raise typer.BadParameter(NO_FOLDER)
    return Source(settings.owner_dsn or "", settings.dsn or "", settings.data_dir, settings.pg_bin), where.absolute()


@contextlib.contextmanager
def _opened(folder: Path | None) -> "Iterator[tuple[Runtime, Source, Path]]":
    from desmos_fast.backups.service import Source
    from desmos_fast.commands.runtime import database

    where = _apart(folder)[1]
    with database() as place:
        settings = place.settings
        yield place, Source(place.owner_dsn, place.app_dsn, settings.data_dir, settings.pg_bin), where


def _print(told: "Manifest | Trial", line: str, as_json: bool) -> None:
    import msgspec

    print(msgspec.json.encode(told).decode() if as_json else line)


def _line(made: "Manifest") -> str:
    rows = sum(made.least.values())
    sizes = f"{made.bytes / 1e6:.1f} MB  {rows} rows in {len(made.least)} tables"
    return f"{made.name}  {_local(made.begun_at)}  PostgreSQL {made.version}  {sizes}"


def _trial_line(trial: "Trial") -> str:
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in trial.phases.items())
    lost = "loss not measured" if trial.rpo_s is None else f"{trial.rpo_s:.0f} s would be lost"
    word = f"restored in {trial.rto_s:.1f} s ({phases}), {trial.rows} rows, {lost}" if trial.passed else f"DOES NOT SERVE: {trial.why}"
    return f"{trial.backup}  tried {_local(trial.at)}  {word}"


def _local(instant: datetime) -> str:
    from desmos_fast.base.clock import PARIS

    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M:%S}"


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    for name, command in (("take", take), ("verify", verify), ("list", show), ("restore-test", restore_test)):
        groups.backup.command(name)(command)
