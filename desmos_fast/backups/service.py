# SPDX-License-Identifier: Apache-2.0
"""Take a backup, look whether it is what was written, and restore one for trial: the copy must hold everything that must always hold."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desmos_fast.backups import folder as folders
from desmos_fast.backups import programs, rules, store
from desmos_fast.backups.model import BackupBroken, BackupFailed, Content, Manifest, Server, Trial
from desmos_fast.backups.scratch import Stopwatch, restored
from desmos_fast.base.errors import DesmosError
from desmos_fast.db import binaries, migrate
from desmos_fast.db.binaries import Binaries, NoBinaries
from desmos_fast.db.home import NoAccount, Unreachable
from desmos_fast.db.postmaster import PORT
from desmos_fast.db.secrets import sync_folder
from desmos_fast.invariants import service as invariants
from desmos_fast.invariants import store as rows
from desmos_fast.invariants.model import Limits

OWN_MANIFEST: Final = "backup_manifest"
NOTHING: Final = Content(rows={}, last_commit=None)


class Source:
    """The database that is saved: DSNs of its roles, and where programs of its version are looked for."""

    def __init__(self, owner_dsn: str, app_dsn: str, data_dir: Path, pg_bin: Path | None) -> None:
        self.owner_dsn, self.app_dsn, self.data_dir, self.pg_bin = owner_dsn, app_dsn, data_dir, pg_bin

    def programs(self, major: int) -> Binaries:
        """Return the programs of a version. Raises NoBinaries, BadSetting."""
        return binaries.find(self.data_dir, major, self.pg_bin, lambda _: None)

    async def server(self) -> Server:
        """Return what the server says of itself. Raises DatabaseDown."""
        async with rows.reading(self.owner_dsn) as con:
            return await store.server(con)


async def content(owner_dsn: str) -> Content:
    """Return what a database holds over all centres. Raises DatabaseDown, NotOwner, NotMigrated."""
    counts: Counter[str] = Counter()
    last: datetime | None = None
    async with rows.reading(owner_dsn) as con:
        centres = await store.centres(con)
    for centre in centres:
        async with rows.reading(owner_dsn, centre) as con:
            found = await store.content(con, centre)
        counts.update(found.rows)
        last = max(filter(None, (last, found.last_commit)), default=None)
    return Content(rows=counts, last_commit=last)


async def take(source: Source, backup_dsn: str, folder: Path) -> Manifest:
    """Make a backup, look at it and only then give it its name. Raises BackupFailed, BackupBroken, DatabaseDown, NoBinaries."""
    server = await source.server()
    tools = source.programs(server.major)
    with folders.held(folder):
        least = await content(source.owner_dsn)
        name = f"{server.now.astimezone(UTC):{folders.NAME}}"
        part = folder / f"{name}{folders.PART}"
        part.mkdir(mode=0o700)
        programs.take(tools, backup_dsn, part / folders.CLUSTER)
        programs.verify(tools, part / folders.CLUSTER)
        most = await content(source.owner_dsn)
        made = Manifest(
            format=1, name=name, begun_at=server.now, ended_at=(await source.server()).now, version=server.version, major=server.major,
            archiving=server.archiving, bytes=_size(part / folders.CLUSTER), sha256=_hash(part / folders.CLUSTER),
            least=dict(least.rows), most=dict(most.rows),
        )  # fmt: skip
        folders.write(part / folders.MANIFEST, made)
        part.rename(folder / name)
        sync_folder(folder)
    return made


def verify(source: Source, folder: Path, name: str | None) -> Manifest:
    """Look whether a backup, the last one without a name, is what was written. Raises BackupBroken, BackupFailed, NoBinaries."""
    found = folders.find(folder, name)
    cluster = folder / found.name / folders.CLUSTER
    if _hash(cluster) != found.sha256:
        raise BackupBroken(f"{found.name} has another list of files than when it was made", hint="make a new backup; keep this one apart")
    programs.verify(source.programs(found.major), cluster)
    return found


async def try_out(
    source: Source, folder: Path, name: str | None, now: Callable[[], datetime], *, place: Path | None = None, archive: Path | None = None
) -> Trial:
    """Restore a backup into a scratch cluster, prove it, compare it, and keep what became of it, well or not.

    With the folder of an archive of WAL the copy goes on to its end, and has what the database has by then at most.

    What makes a trial impossible says nothing of the backup, and is raised: BackupFailed, NoBinaries, NoAccount, BadSetting, Unreachable.
    """
    found = folders.find(folder, name)
    tools = source.programs(found.major)
    watch, at = Stopwatch(), now()
    copy, broken = NOTHING, list[str]()
    try:
        with watch.phase("verify"):
            verify(source, folder, found.name)
        with restored(folder / found.name / folders.CLUSTER, tools, source.data_dir, place, archive, watch) as socket_dir:
            owner_dsn, app_dsn = (programs.moved_dsn(dsn, socket_dir, PORT) for dsn in (source.owner_dsn, source.app_dsn))
            with watch.phase("prove"):
                await migrate.migrate(owner_dsn)
                copy = await content(owner_dsn)
                broken = await _broken(invariants.Place(owner_dsn, app_dsn, socket_dir.parent / "house"))
    except (BackupFailed, NoBinaries, NoAccount, Unreachable):
        raise
    except DesmosError as error:
        broken = [error.detail]
    except store.REFUSED as error:
        broken = [f"the copy cannot be read: {type(error).__name__}"]
    there = await _there(source)
    if copy is not NOTHING:
        # What an archive adds is bounded by what the database has by now, while that is there.
        broken += rules.differences(found.least, found.most if archive is None else (there or copy).rows, copy.rows)
    trial = Trial(
        backup=found.name, at=at, passed=not broken, why="; ".join(broken), phases=watch.phases,
        rto_s=round(sum(watch.phases.values()), 3), last_commit=copy.last_commit, rpo_s=_lost_s(there, copy), tables=len(found.least),
        rows=sum(copy.rows.values()),
    )  # fmt: skip
    folders.keep_trial(folder, trial)
    return trial


async def _broken(place: invariants.Place) -> list[str]:
    report = await invariants.check(place, Limits(), lambda _done, _of: None)
    return [f"{one.id} does not hold" for one in report.verdicts if not one.holds]


async def _there(source: Source) -> Content | None:
    """Return what the database holds now, None when it is away: a trial needs the backup alone."""
    try:
        return await content(source.owner_dsn)
    except DesmosError:
        return None


def _lost_s(there: Content | None, copy: Content) -> float | None:
    """Return how far the last commit of a copy is behind that of the database; None when either is unknown."""
    if there is None or there.last_commit is None or copy.last_commit is None:
        return None
    return max(0.0, (there.last_commit - copy.last_commit).total_seconds())


def _hash(cluster: Path) -> str:
    try:
        with (cluster / OWN_MANIFEST).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise BackupBroken(f"{cluster.parent.name} has no list of its files", hint="make a new backup; keep this one apart") from None


def _size(cluster: Path) -> int:
    return sum(Path(parent, name).lstat().st_size for parent, _, names in os.walk(cluster) for name in names)
