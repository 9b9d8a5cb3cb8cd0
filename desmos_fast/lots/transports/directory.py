# SPDX-License-Identifier: Apache-2.0
"""The transport that puts files in a folder, which another program empties."""

import asyncio
import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from desmos_fast.lots.transports.port import NameTaken, Parcel, TransportFailed

# A claim file tells who was ill: the owner and the group of the folder, nobody else.
FILE_MODE: Final = 0o640


class DirectoryTransport:
    """Puts each file in a folder that exists; under its own name a file is whole and on disk, or absent."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    async def put(self, parcel: Parcel) -> None:
        """Write a file into the folder; see `Transport.put`."""
        await asyncio.to_thread(place, self.folder, parcel.name, parcel.content)


def place(folder: Path, name: str, content: bytes) -> None:
    """Put one file in a folder, or leave the same one that is there. Raises NameTaken, TransportFailed."""
    try:
        with _held(folder) as number:
            if not _already_there(number, name, content):
                _write(number, name, content)
            # Also when it was there: the process that put it may have died before this line.
            os.fsync(number)
    except OSError as error:
        raise TransportFailed(
            f"{name} was not put in its folder: {error.strerror}", hint="check that the folder exists, its rights and its disk"
        ) from error


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Open a folder and keep other senders out of it; a process that dies lets go of it."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


def _already_there(folder: int, name: str, content: bytes) -> bool:
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise NameTaken(f"what stands under {name} is no file", hint="take it out of the folder")
    except FileNotFoundError:
        return False
    number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(number, "rb") as file:
        if os.fstat(number).st_size != len(content) or file.read() != content:
            raise NameTaken(f"{name} was already sent with another content", hint="build the file again under a new sequence")
    return True


def _write(folder: int, name: str, content: bytes) -> None:
    # One temporary name for each file: what a killed process left is written over, never piled up.
    part = f".{name}.part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part, dir_fd=folder)
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    try:
        with open(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        raise
