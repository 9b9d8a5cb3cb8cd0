# SPDX-License-Identifier: Apache-2.0
"""A cluster for trial: a copy of a backup, started on a socket of its own, gone at the end."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desmos_fast.backups.model import BackupFailed
from desmos_fast.db import postmaster
from desmos_fast.db.binaries import Binaries, usable
from desmos_fast.db.home import Account, account
from desmos_fast.db.sockets import socket_folder

PREFIX: Final = "desmos-trial-"
COPY: Final = "postgres"
LOG: Final = "postgres.log"
# The passwords are those of the roles when the backup was made: nobody is let in without one, here neither.
DOOR: Final = "local all all scram-sha-256\n"
# What the server of the backup was told may lead to its archive, its standbys or its machine's memory; nothing of it holds here.
CONFIGURATION: Final = """archive_mode = off
max_connections = 40
shared_buffers = 64MB
timezone = 'UTC'
log_timezone = 'UTC'
"""
RECOVERY: Final = "recovery.signal"
LEFT_OUT: Final = ("postgresql.auto.conf", "standby.signal", RECOVERY)
# It stands inside quotes of a shell inside quotes of a file, where PostgreSQL puts names in the place of its signs.
PLAIN: Final = re.compile(r"/[A-Za-z0-9/._+@~ -]*")


@dataclass
class Stopwatch:
    """Seconds that each phase took."""

    phases: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time one phase, also one that fails."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - begun, 3)


@contextlib.contextmanager
def restored(
    cluster: Path, binaries: Binaries, data_dir: Path, place: Path | None, archive: Path | None, watch: Stopwatch
) -> Iterator[Path]:
    """Give the folder of the socket of a copy that runs, with what an archive of WAL adds. Raises BackupFailed, StartFailed, NoAccount."""
    who = account()
    clear(place)
    home = _home(place, who)
    held = _hold(home)
    try:
        programs = usable(binaries, data_dir if data_dir.is_dir() else home, who, lambda _: None)
        pgdata = home / COPY
        with watch.phase("copy"):
            _copy(cluster, pgdata, who, archive)
        socket_dir = socket_folder(home, who)
        with watch.phase("start"):
            server = postmaster.start(programs, pgdata, socket_dir, who, home / LOG, lambda _: None)
        try:
            yield socket_dir
        finally:
            server.stop()
            if socket_dir.parent != home:
                shutil.rmtree(socket_dir)
    finally:
        shutil.rmtree(home)
        os.close(held)


def clear(place: Path | None) -> None:
    """End and remove what a trial left that was killed: a copy tells of patients as the database does."""
    for left in Path(tempfile.gettempdir() if place is None else place).glob(f"{PREFIX}*"):
        if left.stat().st_uid != os.geteuid():
            continue
        try:
            held = _hold(left)
        except BlockingIOError:
            continue
        try:
            found = postmaster.running(left / COPY)
            if found is not None:
                postmaster.Postmaster(left / COPY, found.pid, None).stop()
            shutil.rmtree(left)
        finally:
            os.close(held)


def _hold(home: Path) -> int:
    """Hold a trial's folder for as long as the descriptor stays open. Raises BlockingIOError while another program does."""
    held = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise
    return held


def _home(place: Path | None, who: Account) -> Path:
    try:
        home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    except OSError as error:
        raise BackupFailed(f"there is no place for a trial: {error.strerror}", hint="name a folder: --scratch FOLDER") from error
    # As in the data folder of root, the account of PostgreSQL passes through and sees nothing.
    home.chmod(0o711 if who.foreign else 0o700)
    return home


def _goes_on(archive: Path, who: Account) -> str:
    """Return the settings by which a copy goes on to the end of an archive. Raises BackupFailed."""
    if not PLAIN.fullmatch(str(archive)):
        raise BackupFailed(f"{archive} cannot be named to PostgreSQL", hint="give an absolute path of letters, digits, spaces and ._+@~-")
    if not archive.is_dir() or not who.may("-r", archive) or not who.may("-x", archive):
        raise BackupFailed(f"the account {who.name} cannot read {archive}", hint="name the folder of WAL, and let that account read it")
    return f'restore_command = \'cp "{archive}/%f" "%p"\'\nhot_standby = off\n'


def _copy(cluster: Path, pgdata: Path, who: Account, archive: Path | None) -> None:
    goes_on = "" if archive is None else _goes_on(archive, who)
    try:
        shutil.copytree(cluster, pgdata, symlinks=True)
        for name in LEFT_OUT:
            (pgdata / name).unlink(missing_ok=True)
        (pgdata / "postgresql.conf").write_text(CONFIGURATION + goes_on, encoding="utf-8")
        if goes_on:
            (pgdata / RECOVERY).touch()
        (pgdata / "pg_hba.conf").write_text(DOOR, encoding="ascii")
        (pgdata / "pg_ident.conf").write_text("", encoding="ascii")
        if who.foreign:
            for parent, _, names in os.walk(pgdata):
                for path in (parent, *(os.path.join(parent, name) for name in names)):
                    os.chown(path, who.uid, who.gid, follow_symlinks=False)
    except OSError as error:
        raise BackupFailed(f"the backup cannot be copied: {error.strerror}", hint="is there room? --scratch FOLDER") from error
