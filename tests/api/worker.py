# SPDX-License-Identifier: Apache-2.0
"""The worker as a child process, over the database of the tests; `python -m tests.api.worker POINT` is one that dies at a given point."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from tests.api.conftest import MASTER, Desk

ROOT: Final = Path(__file__).parents[2]


def environment(desk: Desk, home: Path) -> dict[str, str]:
    """Return the environment of a worker with a data folder of its own and the keys of the tests."""
    secrets = home / "secrets"
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    path = secrets / "master"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(MASTER)
    return {**os.environ, "DESMOS_DATA_DIR": str(home), "DESMOS_DSN": desk.house.wire.dsn, "PYTHONUNBUFFERED": "1"}


def start(desk: Desk, home: Path, *arguments: str, module: str = "desmos_fast.cli", **env: str) -> "subprocess.Popen[bytes]":
    """Start one; its output is kept together."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env=environment(desk, home) | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def main() -> None:
    """Be the worker, and be killed at the given point of the first file that it sends."""
    from desmos_fast.db import journal
    from desmos_fast.lots.transports.directory import DirectoryTransport
    from desmos_fast.lots.transports.port import Parcel

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    put = DirectoryTransport.put

    async def put_and_die(self: DirectoryTransport, parcel: Parcel) -> None:
        await put(self, parcel)
        die()

    record = journal.record

    async def record_or_die(con: Connection, tenant: UUID, now: datetime, events: Sequence[journal.Event], *, by: str) -> None:
        # A worker writes down other things too, at times of its own.
        if any(event.name == "file.sent" for event in events):
            die()
        await record(con, tenant, now, events, by=by)

    points: dict[str, tuple[object, str, object]] = {
        "before the folder": (DirectoryTransport, "put", die),
        "inside the folder": (os, "rename", die),
        "after the folder": (DirectoryTransport, "put", put_and_die),
        "before the commit": (journal, "record", record_or_die),
    }
    setattr(*points[sys.argv.pop(1)])
    from desmos_fast.cli import main as run

    run()


if __name__ == "__main__":
    main()
