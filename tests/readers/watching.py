# SPDX-License-Identifier: Apache-2.0
"""What several tests ask of the events of a desk, of its threads, and of what the process holds open."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from readers.sessions.events import Event, Kind, Listener


async def until(listener: Listener, kind: Kind, reader: str | None = None, seconds: float = 10.0) -> Event:
    """Wait for an event of a kind, passing over others."""
    async with asyncio.timeout(seconds):
        while True:
            event = await listener.next()
            if event.kind == kind and reader in (None, event.reader):
                return event


def ours() -> list[str]:
    """Return the names of the threads of readers that live."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith(("reader-", "readers-watch")))


def open_files() -> int:
    """Return how many files the process holds open."""
    return len(os.listdir("/proc/self/fd"))


async def settled(what: Callable[[], object], expected: object, seconds: float = 5.0) -> None:
    """Wait until a function returns what is expected."""
    end = time.monotonic() + seconds
    while (found := what()) != expected:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.01)


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def of_process(pid: int) -> tuple[int, int]:
    """Return the bytes in memory and the open files of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{pid}/fd"))


def command_line(pid: int) -> bytes:
    """Return how a process was started; nothing of one that is over."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes() if path.exists() else b""
