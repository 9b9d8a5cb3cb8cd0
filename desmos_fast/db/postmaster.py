# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL server process: its data made, started, found again, stopped."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db.binaries import Binaries
from desmos_fast.db.home import Account, own_folder
from desmos_fast.db.secrets import sync_folder

PORT: Final = 5432
SOCKET: Final = f".s.PGSQL.{PORT}"
START_TIMEOUT_S: Final = 300.0
LEFT_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02
INITDB_TIMEOUT_S: Final = 300.0
MAX_LOG: Final = 16 << 20
BUILTIN_LOCALE_SINCE: Final = 17
# Backends of a server that was killed may outlive it by a moment; until they are gone a new one refuses to start.
_LEFT_BEHIND: Final = re.compile(r"pre-existing shared memory block|lock file .* already exists")
# What safety asks for goes on the command line, where the cluster's own files cannot undo it. Values are people's data: never logged.
_FIXED: Final = (
    "listen_addresses=", f"port={PORT}", "unix_socket_permissions=0700", "password_encryption=scram-sha-256", "fsync=on",
    "full_page_writes=on", "log_error_verbosity=terse", "log_parameter_max_length=0", "log_parameter_max_length_on_error=0",
    "logging_collector=off",
)  # fmt: skip


class StartFailed(OutsideFailed):
    """PostgreSQL did not make its data or did not start; the hint holds the end of what it said."""

    code = "outside_failed"


class StopFailed(OutsideFailed):
    """PostgreSQL did not end."""

    code = "outside_failed"


@dataclass(frozen=True, slots=True)
class Running:
    """What a server says of itself in postmaster.pid; `status` is `ready`, `starting` or `stopping`."""

    pid: int
    port: int
    socket_dir: str
    listens: str
    status: str


def running(pgdata: Path) -> Running | None:
    """Return the live server of a data folder, or None; a file left by a dead one, its number now another's, does not count."""
    try:
        lines = (pgdata / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not re.fullmatch(r"[0-9]{1,9}", lines[0]) or not alive(int(lines[0]), pgdata):
        return None
    lines += [""] * (8 - len(lines))
    port = int(lines[3]) if re.fullmatch(r"[0-9]{1,5}", lines[3]) else 0
    return Running(int(lines[0]), port, lines[4].strip(), lines[5].strip(), lines[7].strip() or "starting")


def alive(pid: int, pgdata: Path) -> bool:
    """Say whether `pid` is a server of this data folder: numbers come again after a reboot, the working folder tells whose it is."""
    try:
        os.kill(pid, 0)
        if os.path.isdir("/proc/self"):
            return os.path.samefile(f"/proc/{pid}/cwd", pgdata)
    except (ProcessLookupError, PermissionError, FileNotFoundError):
        return False
    return True


def make(binaries: Binaries, pgdata: Path, who: Account, superuser: str, password: str) -> None:
    """Make a cluster whose every door asks for a password, whole or not at all. Raises StartFailed."""
    part = pgdata.with_name(f".{pgdata.name}.{os.urandom(4).hex()}.part")
    given = part.with_suffix(".password")
    try:
        own_folder(part, who)
        handle = os.open(given, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        if who.foreign:
            os.fchown(handle, who.uid, who.gid)
        with open(handle, "w", encoding="ascii") as file:
            file.write(password + "\n")
        command: list[str | Path] = [
            binaries.initdb, "-D", part, "-U", superuser, "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={given}",
            "--encoding=UTF8", "--data-checksums", *_locale(binaries.major),
        ]  # fmt: skip
        run = subprocess.run(command, cwd=part, stdin=subprocess.DEVNULL, capture_output=True, timeout=INITDB_TIMEOUT_S, **who.popen)
        if run.returncode != 0:
            raise StartFailed("initdb failed", hint=_last_lines(run.stderr))
        _tune(part / "postgresql.conf")
        part.rename(pgdata)
        sync_folder(pgdata.parent)
    except (OSError, subprocess.SubprocessError) as error:
        raise StartFailed(f"the database could not be made in {pgdata}: {error}") from error
    finally:
        given.unlink(missing_ok=True)


def clear_parts(pgdata: Path) -> None:
    """Remove what an interrupted `make` left behind. Raises StartFailed when it cannot be removed."""
    for left in sorted(pgdata.parent.glob(f".{pgdata.name}.*")):
        # The initdb of a program that was killed goes on for a moment and writes while we remove: it fails by itself, then all can go.
        if not _wait(partial(_removed, left), LEFT_TIMEOUT_S):
            raise StartFailed(f"{left}, left by an interrupted start, cannot be removed", hint="remove it by hand")


def _removed(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


class Postmaster:
    """The server of one data folder, as this program started it or found it."""

    def __init__(self, pgdata: Path, pid: int, process: "subprocess.Popen[bytes] | None") -> None:
        self.pgdata = pgdata
        self.pid = pid
        self.process = process

    def alive(self) -> bool:
        """Say whether it still runs."""
        if self.process is not None:
            return self.process.poll() is None
        return alive(self.pid, self.pgdata)

    def stop(self) -> None:
        """End every session and write everything down; after a minute end it at once, which loses nothing either. Raises StopFailed."""
        for number, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, LEFT_TIMEOUT_S)):
            if self.alive():
                os.kill(self.pid, number)
            if _wait(lambda: not self.alive(), patience_s):
                return
        raise StopFailed(f"PostgreSQL (process {self.pid}) does not end", hint="look at its log in the data folder")


def adopt(pgdata: Path, socket_dir: Path) -> Postmaster | None:
    """Return the server that a killed program left running; one that listens elsewhere is stopped. Raises StartFailed, StopFailed."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (found := running(pgdata)) is not None:
        if found.status == "ready":
            server = Postmaster(pgdata, found.pid, None)
            if (found.port, found.socket_dir, found.listens) == (PORT, str(socket_dir), "") and (socket_dir / SOCKET).exists():
                return server
            server.stop()
        elif time.monotonic() > deadline:
            raise StartFailed(f"PostgreSQL (process {found.pid}) is still {found.status}", hint="look at its log in the data folder")
        time.sleep(POLL_S)
    return None


def start(binaries: Binaries, pgdata: Path, socket_dir: Path, who: Account, log: Path, progress: Callable[[str], None]) -> Postmaster:
    """Start the server and wait until it takes connections, recovery included. Raises StartFailed."""
    deadline = time.monotonic() + LEFT_TIMEOUT_S
    while True:
        _clear_marks(pgdata, socket_dir)
        mark = _rotate(log)
        server = _launch(binaries, pgdata, socket_dir, who, log)
        if _ready(server, progress):
            return server
        said = _tail(log, mark)
        if not _LEFT_BEHIND.search(said) or time.monotonic() > deadline:
            raise StartFailed("PostgreSQL did not start", hint=said)
        time.sleep(0.2)


def _launch(binaries: Binaries, pgdata: Path, socket_dir: Path, who: Account, log: Path) -> Postmaster:
    command: list[str | Path] = [binaries.postgres, "-D", pgdata]
    for setting in (*_FIXED, f"unix_socket_directories={socket_dir}"):
        command += ["-c", setting]
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        # A session of its own: Ctrl-C in a terminal must end our program first, which then ends the server.
        process = subprocess.Popen(
            command, cwd=pgdata.parent, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, start_new_session=True, **who.popen
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StartFailed(f"{binaries.postgres} could not be started as {who.name}: {error}") from error
    finally:
        os.close(handle)
    return Postmaster(pgdata, process.pid, process)


def _ready(server: Postmaster, progress: Callable[[str], None]) -> bool:
    """Wait for the server; False when it ended instead."""
    begun = time.monotonic()
    said = False
    try:
        while server.alive():
            found = running(server.pgdata)
            if found is not None and found.pid == server.pid and found.status == "ready":
                return True
            waited = time.monotonic() - begun
            if waited > START_TIMEOUT_S:
                server.stop()
                raise StartFailed(f"PostgreSQL is not ready after {START_TIMEOUT_S:.0f} s", hint="look at its log in the data folder")
            if waited > 5 and not said:
                progress("PostgreSQL recovers from an abrupt end")
                said = True
            time.sleep(POLL_S)
    except BaseException:
        server.stop()
        raise
    return False


def _clear_marks(pgdata: Path, socket_dir: Path) -> None:
    """Remove the marks of a dead server: if another program has its number now, PostgreSQL would take it for a server and refuse."""
    if running(pgdata) is None and os.path.isdir("/proc/self"):
        (pgdata / "postmaster.pid").unlink(missing_ok=True)
        for name in (SOCKET, f"{SOCKET}.lock"):
            (socket_dir / name).unlink(missing_ok=True)


def _wait(done: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _locale(major: int) -> list[str]:
    """Sort by code point, know the case of accented letters, the same on every machine: no index may depend on a library's version."""
    if major >= BUILTIN_LOCALE_SINCE:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C", "--lc-ctype=C.UTF-8"]


def _tune(path: Path) -> None:
    """Write sizes for a small server; an operator may change them there later."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    sizes = {
        "max_connections": "60",
        "shared_buffers": f"{min(512, max(64, memory_mb // 8))}MB",
        "effective_cache_size": f"{max(128, memory_mb // 2)}MB",
        "maintenance_work_mem": "64MB",
        "work_mem": "8MB",
        "max_wal_size": "2GB",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] %q%u@%d '",
    }
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with open(handle, "w", encoding="ascii") as file:
        file.write("\n# Set by desmos-fast when the database was made.\n")
        file.writelines(f"{name} = {value}\n" for name, value in sizes.items())
        file.flush()
        os.fsync(file.fileno())


def _rotate(log: Path) -> int:
    """Begin a new log when the old one is long, keep that one; return where the next lines will begin."""
    size = log.stat().st_size if log.exists() else 0
    if size <= MAX_LOG:
        return size
    log.replace(log.with_suffix(".log.1"))
    return 0


def _tail(log: Path, mark: int) -> str:
    with log.open("rb") as file:
        file.seek(mark)
        return _last_lines(file.read())


def _last_lines(data: bytes, count: int = 12) -> str:
    return "\n  ".join(data.decode(errors="replace").strip().splitlines()[-count:])
