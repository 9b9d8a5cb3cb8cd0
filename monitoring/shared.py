# SPDX-License-Identifier: Apache-2.0
"""Where the processes of one service keep what they count, so that whichever is asked tells of all.

Each has a number that none beside it has, and files of its own under it. Who comes after one that ended takes its number and goes on
counting where it stopped: counts never go back, and the files are as many as the processes.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

# The library looks for its folder there.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
NUMBER: Final = "DESMOS_PROCESS"
FIGURES: Final = "figures.json"


def environment(folder: Path, number: int) -> dict[str, str]:
    """Return what a process must find in its environment to count in `folder` under `number`."""
    return {FOLDER: str(folder), NUMBER: str(number)}


def _file(folder: Path, number: int) -> Path:
    return folder / f"requests-{number}.tally"


def memory(folder: Path, number: int, size: int) -> mmap.mmap:
    """Return the memory of the tally of a process, made when there is none."""
    handle = os.open(_file(folder, number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, size)
        return mmap.mmap(handle, size)
    finally:
        os.close(handle)


def forget(folder: Path, number: int) -> None:
    """Let what a process that ended was be told no more; what it counted stays."""
    mark_process_dead(str(number), str(folder))  # type: ignore[no-untyped-call]


def take_part() -> "Part | None":
    """Return the part that this process has in a folder, if it has one; it must be asked before the first metric is made."""
    folder, number = os.environ.get(FOLDER, ""), os.environ.get(NUMBER, "")
    if not folder or not number:
        return None
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    return Part(Path(folder), int(number))


class Part:
    """The part of one process: its number, and the figures that all of them tell and one of them counts now and then."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        self._taken = 0.0

    def memories(self, size: int) -> list[mmap.mmap]:
        """Return the memories of all tallies, to read."""
        found = []
        for path in sorted(self.folder.glob("requests-*.tally")):
            with path.open("rb") as file:
                # One that a process is just making is not there yet.
                if os.fstat(file.fileno()).st_size == size:
                    found.append(mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ))
        return found

    def figures_age_s(self) -> float:
        """Return how long ago figures were told, by whichever process."""
        try:
            return time.time() - (self.folder / FIGURES).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def hold(self) -> int | None:
        """Return a descriptor that holds the counting of figures until it is closed; None while another process counts."""
        handle = os.open(self.folder / "figures.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def tell(self, figures: Mapping[str, Any]) -> None:
        """Tell figures to every process."""
        temporary = self.folder / f".{FIGURES}.{self.number}"
        temporary.write_bytes(orjson.dumps(figures))
        temporary.replace(self.folder / FIGURES)

    def told(self) -> dict[str, Any] | None:
        """Return the figures if they were told anew since this was asked."""
        try:
            changed = (self.folder / FIGURES).stat().st_mtime
            if changed == self._taken:
                return None
            figures: dict[str, Any] = orjson.loads((self.folder / FIGURES).read_bytes())
        except FileNotFoundError:
            return None
        self._taken = changed
        return figures
