# SPDX-License-Identifier: Apache-2.0
"""Remove what is the agent's from a workstation: its certificate at the service, then each file, written over first."""

import asyncio
import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag

from desmos_fast.agents.wiping import Proof, Wiped, Wiping, prove
from desmos_fast.base.errors import Conflict
from readers.outbox.outbox import MOST
from readers.outbox.store import Queue
from readers.uplink import ServiceAway, resign
from readers.uplink_folder import IDENTITY, QUEUE, QUEUE_KEY, SERVICE, Folder, now

# The key last: what is signed with it is known by then, and a wiping that is cut short can be done again.
NAMES: Final = (QUEUE, f"{QUEUE}-wal", f"{QUEUE}-shm", f"{QUEUE}-journal", QUEUE_KEY, SERVICE, IDENTITY)
BLOCK: Final = 1 << 20


class StillRuns(Conflict):
    """An agent has the folder."""

    code = "conflict"


async def wipe(folder: Folder) -> Proof:
    """Wipe the folder of an agent that does not run, and return the proof.

    Its certificate is revoked where the service can be reached; what cannot be removed is in the proof. Raises FolderUnsound, StillRuns.
    """
    identity, service = folder.identity(), folder.service()
    unsent = _unsent(folder)
    revoked = False
    with contextlib.suppress(ServiceAway):
        revoked = await resign(folder)
    files = await asyncio.to_thread(_files, folder.path)
    left = sorted(path.name for path in folder.path.iterdir()) if folder.path.exists() else []
    if not left:
        with contextlib.suppress(OSError):
            folder.path.rmdir()
    wiping = Wiping(
        agent=service.agent, desk=service.desk, service=service.url, at=now(), revoked=revoked, unsent=unsent, files=files, left=left,
        folder_removed=not folder.path.exists(),
    )  # fmt: skip
    return prove(wiping, identity.key, identity.certificate)


def _unsent(folder: Folder) -> int | None:
    """Return how many events the service never had. Raises StillRuns."""
    if not (folder.path / QUEUE).exists():
        return 0
    try:
        queue = Queue(folder.path / QUEUE, folder.queue_key(), MOST)
    except sqlite3.OperationalError as error:
        raise StillRuns("an agent runs on this folder", hint="end it first: desmos-fast agent uninstall") from error
    except (sqlite3.Error, InvalidTag):
        return None
    try:
        return queue.count()
    finally:
        queue.close()


def _files(path: Path) -> list[Wiped]:
    # A file that was half written when the machine went off has a name of its own.
    begun = {f".{name}." for name in NAMES}
    parts = [each.name for each in path.iterdir() if any(each.name.startswith(start) for start in begun)]
    return [_one(path / name) for name in (*sorted(parts), *NAMES) if (path / name).is_file() or (path / name).is_symlink()]


def _one(path: Path) -> Wiped:
    """Write over a file and remove it. What a link leads to is not the agent's."""
    size, digest, overwritten, removed = 0, "", False, False
    with contextlib.suppress(OSError):
        if not path.is_symlink():
            size, digest = _overwrite(path)
            overwritten = True
    with contextlib.suppress(OSError):
        path.unlink()
        removed = True
    return Wiped(name=path.name, size=size, sha256=digest, overwritten=overwritten, removed=removed)


def _overwrite(path: Path) -> tuple[int, str]:
    with path.open("r+b") as file:
        digest, size = hashlib.sha256(), 0
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
        file.seek(0)
        for start in range(0, size, BLOCK):
            file.write(os.urandom(min(BLOCK, size - start)))
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()
