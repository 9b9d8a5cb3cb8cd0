# SPDX-License-Identifier: Apache-2.0
"""What processes have spent of the processors: a service or a database with all that it started, those that ended included."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
# Places in /proc/PID/stat after the name: parent; user and system time of the process, and of the children that it waited for.
PARENT, TIMES = 1, slice(11, 15)


def _stat(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def tree(root: int) -> set[int]:
    """Return a process and all that descend from it."""
    below: dict[int, list[int]] = {}
    for process in _processes():
        try:
            below.setdefault(int(_stat(process)[PARENT]), []).append(process)
        except (FileNotFoundError, ProcessLookupError):
            # It has ended since it was listed.
            continue
    found, waiting = set[int](), [root]
    while waiting:
        process = waiting.pop()
        found.add(process)
        waiting += below.get(process, [])
    return found


def seconds(root: int) -> float:
    """Return the processor time that a process and all that it started have spent so far."""
    ticks = 0
    for process in tree(root):
        try:
            ticks += sum(map(int, _stat(process)[TIMES]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / TICKS


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def postmaster(folder: Path) -> int:
    """Return the process of the database whose files lie below a folder."""
    found = next(folder.rglob("postmaster.pid"))
    return int(found.read_text(encoding="utf-8").split("\n", 1)[0])
