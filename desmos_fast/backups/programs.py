# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's own programs that make a backup and look at one; a password is in their environment, never on their command line."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from desmos_fast.backups.model import BackupBroken, BackupFailed
from desmos_fast.db.binaries import Binaries

TAKES: Final = "pg_basebackup"
VERIFIES: Final = "pg_verifybackup"
SHOWN_LINES: Final = 8


def split_dsn(dsn: str) -> tuple[str, str]:
    """Return a DSN without its password, and the password."""
    parts = urlsplit(dsn)
    account, at, place = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{place}")), unquote(password)


def moved_dsn(dsn: str, socket_dir: Path, port: int) -> str:
    """Return a DSN of the same role, password and database on the server of a socket."""
    parts = urlsplit(dsn)
    account = parts.netloc.rpartition("@")[0]
    return f"postgresql://{account}@{parts.path or '/'}?host={quote(str(socket_dir), safe='')}&port={port}"


def take(binaries: Binaries, dsn: str, to: Path) -> None:
    """Copy a running cluster and the WAL that it needs into a folder. Raises BackupFailed."""
    shown, password = split_dsn(dsn)
    options = ("--format=plain", "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password")
    run = _run(binaries, TAKES, f"--dbname={shown}", f"--pgdata={to}", *options, password=password)
    if run.returncode != 0:
        hint = "the role must have REPLICATION, and pg_hba.conf a line for `replication`; see the page on backups"
        raise BackupFailed(f"{TAKES} failed: {_said(run.stderr)}", hint=hint)


def verify(binaries: Binaries, cluster: Path) -> None:
    """Compare every file of a copy, and the WAL that it needs, with PostgreSQL's manifest. Raises BackupBroken, BackupFailed."""
    run = _run(binaries, VERIFIES, str(cluster))
    if run.returncode != 0:
        detail = f"{cluster.parent.name} is not what was written: {_said(run.stderr)}"
        raise BackupBroken(detail, hint="make a new backup; keep this one apart")


def _run(binaries: Binaries, program: str, *arguments: str, password: str = "") -> "subprocess.CompletedProcess[str]":
    path = binaries.folder / program
    if not os.access(path, os.X_OK):
        hint = f"install the client programs of PostgreSQL {binaries.major}, or set DESMOS_PG_BIN to a folder that has them"
        raise BackupFailed(f"{binaries.folder} has no {program}", hint=hint)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
    # What it makes is for its user alone; PostgreSQL would refuse anything else.
    return subprocess.run([path, *arguments], cwd="/", env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=0o077)


def _said(stderr: str) -> str:
    return re.sub(r"\s+", " ", " ".join(stderr.strip().splitlines()[:SHOWN_LINES]))[:400] or "it said nothing"
