# SPDX-License-Identifier: Apache-2.0
"""The embedded PostgreSQL: one data folder, one program that runs its server, others that join in.

The data folder holds `lock` (held while a program runs the server), `secrets/`, `postgres/` (the cluster, of the service account), `run/`
(its socket), `postgres.log`, `running.json` (where the server is, once its roles are right), and `binaries/` if programs had to be copied.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import asyncpg
import msgspec

from desmos_fast.base.errors import Conflict, OutsideFailed
from desmos_fast.base.settings import Settings
from desmos_fast.db import binaries, postmaster
from desmos_fast.db.binaries import Binaries
from desmos_fast.db.home import Account, account, check_reachable, make_home
from desmos_fast.db.keeper import Keeper
from desmos_fast.db.postmaster import PORT, Postmaster, StartFailed
from desmos_fast.db.roles import ADMIN, APP, OWNER, bootstrap
from desmos_fast.db.secrets import kept, secret
from desmos_fast.db.sockets import forget_short, socket_folder

CLUSTER: Final = "postgres"
LOG: Final = "postgres.log"
MARK: Final = "running.json"
PASSWORD_BYTES: Final = 24


class DataInUse(Conflict):
    """Another program runs the server of this data folder."""

    code = "conflict"


class NotRunning(OutsideFailed):
    """No program runs the server of this data folder."""

    code = "outside_failed"


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `running.json` tells to programs that join in."""

    pid: int
    version: str
    binaries: str
    socket_dir: str


@dataclass(eq=False)
class Cluster:
    """A running server and how to reach it; as a context manager it is stopped at the end if this program runs it."""

    data_dir: Path
    version: str
    binaries: Path
    socket_dir: Path
    pid: int
    passwords: dict[str, str] = field(repr=False)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def admin_dsn(self, database: str = "postgres") -> str:
        """Return the DSN of the superuser: for making databases, never for serving."""
        return self._dsn(ADMIN, database)

    def owner_dsn(self, database: str) -> str:
        """Return the DSN of the role that owns the tables."""
        return self._dsn(OWNER, database)

    def app_dsn(self, database: str) -> str:
        """Return the DSN of the role that serves, which row-level security binds."""
        return self._dsn(APP, database)

    def stop(self) -> None:
        """Stop the server and free the data folder; do nothing for a program that joined in, or a second time. Raises StopFailed."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _dsn(self, role: str, database: str) -> str:
        place = f"host={quote(str(self.socket_dir), safe='')}&port={PORT}"
        return f"postgresql://{role}:{self.passwords[role]}@/{quote(database, safe='')}?{place}"


def open_cluster(settings: Settings, *, progress: Callable[[str], None] = lambda _: None) -> Cluster:
    """Run the server of the data folder, which is made at first use; a server that a killed program left running is taken over.

    Raises DataInUse, Unreachable, NoAccount, NoBinaries, BadSetting, StartFailed, SecretMissing, SecretUnreadable, OpenDoor.
    """
    data_dir = settings.data_dir
    make_home(data_dir)
    with contextlib.ExitStack() as closing:
        closing.callback(os.close, _lock(data_dir / "lock"))
        pgdata = data_dir / CLUSTER
        made_by = binaries.data_major(pgdata)
        who = account(None if made_by is None else pgdata.stat().st_uid)
        if who.foreign:
            check_reachable(data_dir, who)
        (data_dir / MARK).unlink(missing_ok=True)
        socket_dir = socket_folder(data_dir, who)
        closing.callback(forget_short, data_dir)
        found = binaries.usable(binaries.find(data_dir, made_by, settings.pg_bin, progress), data_dir, who, progress)
        passwords = _passwords(data_dir, made_by is None)
        if made_by is None:
            _first_use(found, pgdata, who, passwords[ADMIN], progress)
        start = partial(postmaster.start, found, pgdata, socket_dir, who, data_dir / LOG, progress)
        server = postmaster.adopt(pgdata, socket_dir)
        if server is None:
            progress(f"Starting PostgreSQL {found.version}")
            server = start()
        else:
            progress(f"Taking over the PostgreSQL that was left running (process {server.pid})")
        cluster = Cluster(data_dir, found.version, found.folder, socket_dir, server.pid, passwords)

        def again() -> Postmaster:
            fresh = start()
            cluster.pid = fresh.pid
            _write_mark(cluster)
            return fresh

        closing.callback(Keeper(server, again).stop)
        cluster.version = _bootstrap(cluster)
        closing.callback((data_dir / MARK).unlink, missing_ok=True)
        _write_mark(cluster)
        cluster._closing = closing.pop_all()
    return cluster


def attach(settings: Settings) -> Cluster:
    """Join in on the server that another program runs; nothing is started, stopped or written.

    Raises NotRunning, SecretMissing, SecretUnreadable.
    """
    data_dir = settings.data_dir
    hint = "start it with `desmos-fast serve`, or set DESMOS_DSN"
    try:
        mark = msgspec.json.decode((data_dir / MARK).read_bytes(), type=Mark)
    except FileNotFoundError:
        raise NotRunning(f"the database in {data_dir} is not running", hint=hint) from None
    except PermissionError as error:
        raise NotRunning(f"the data folder {data_dir} is not open to this user", hint="run as the user that the service runs as") from error
    except msgspec.DecodeError as error:
        raise NotRunning(f"{data_dir / MARK} cannot be read", hint=hint) from error
    if not postmaster.alive(mark.pid, data_dir / CLUSTER):
        raise NotRunning(f"the database in {data_dir} is not running: its server ended", hint=hint)
    return Cluster(data_dir, mark.version, Path(mark.binaries), Path(mark.socket_dir), mark.pid, _passwords(data_dir, new=False))


def _first_use(found: Binaries, pgdata: Path, who: Account, password: str, progress: Callable[[str], None]) -> None:
    """Make the cluster. Only here, never when a server is started again: data that vanish meanwhile must not come back empty."""
    postmaster.clear_parts(pgdata)
    if pgdata.exists():
        raise StartFailed(f"{pgdata} holds no database, and is not ours to replace", hint="restore it from the backup, or move it away")
    progress(f"Making the database (PostgreSQL {found.version}, first use)")
    postmaster.make(found, pgdata, who, ADMIN, password)


def _lock(path: Path) -> int:
    """Take the lock of the data folder for as long as the descriptor stays open: the system gives it back however we end."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise DataInUse(
            f"the data folder {path.parent} is in use by another program (process {holder})",
            hint=f"stop process {holder}, or set DESMOS_DATA_DIR to another folder",
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, b"%d\n" % os.getpid(), 0)
    return handle


def _passwords(data_dir: Path, new: bool) -> dict[str, str]:
    make = secret if new else kept
    return {role: make(data_dir, role, PASSWORD_BYTES).hex() for role in (ADMIN, OWNER, APP)}


def _bootstrap(cluster: Cluster) -> str:
    """Set roles and database right; return the version that the server says it is."""
    passwords = {role: cluster.passwords[role] for role in (OWNER, APP)}
    try:
        # In a thread of its own: the caller's may already run an event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, bootstrap(cluster.admin_dsn(), passwords)).result()
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise StartFailed(
            "PostgreSQL refuses the administrator's password", hint="the folder of secrets is not the one of this database: restore it"
        ) from error
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise StartFailed(
            f"the roles of the database could not be set ({type(error).__name__})", hint="look at postgres.log in the data folder"
        ) from error


def _write_mark(cluster: Cluster) -> None:
    path = cluster.data_dir / MARK
    temporary = path.with_name(f".{path.name}.part")
    mark = Mark(cluster.pid, cluster.version, str(cluster.binaries), str(cluster.socket_dir))
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(handle, "wb") as file:
        file.write(msgspec.json.encode(mark))
    temporary.replace(path)
