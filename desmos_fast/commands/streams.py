# SPDX-License-Identifier: Apache-2.0
"""Long input by blocks of whole lines, and a bar that tells how far the work is."""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import typer

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.commands.common import shown

if TYPE_CHECKING:
    from desmos_fast.exchange.faults import Fault

BLOCK: Final = 1 << 18
HEAD: Final = 1 << 12
# An invoice alone may not be longer for the API either.
LONGEST_LINE: Final = 1 << 20


class LongLine(NamedTuple):
    """A line that is too long to be read, and its bytes."""

    size: int


@contextlib.contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`, for reading a block at a time.

    Raises typer.BadParameter (exit 2) when there is no such file, OutsideFailed (exit 3) when it cannot be opened.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        source = open(path, "rb")  # noqa: SIM115 - closed below; what the body raises must not be taken for a failed opening
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise typer.BadParameter(f"no readable file at {path!r}: {error.strerror}") from error
    except OSError as error:
        raise OutsideFailed(f"cannot read {path!r}: {error.strerror}", hint="check the rights of the file and the disk") from error
    with source:
        yield source


def beginning(source: BinaryIO) -> bytes:
    """Read the first 4 KiB; raise OutsideFailed (exit 3) when it cannot be read."""
    with _reading():
        return source.read(HEAD)


def line_blocks(source: BinaryIO, head: bytes = b"") -> Iterator[bytes | LongLine]:
    """Cut the input, what was read of it already first, into blocks of whole lines, 256 KiB or a little more each.

    A line of more than 1 MiB is never held: its place among the blocks says that it was there. Raises OutsideFailed (exit 3) when it
    cannot be read.
    """
    while block := head + _read(source.read, BLOCK):
        head = b""
        begun = len(block) - block.rfind(b"\n") - 1
        rest = _read(source.readline, LONGEST_LINE + 1 - begun)
        if begun + len(rest) <= LONGEST_LINE or rest.endswith(b"\n"):
            yield block + rest
            continue
        if begun < len(block):
            yield block[: len(block) - begun]
        yield LongLine(begun + len(rest) + _skip_line(source))


def too_long(line: int) -> "Fault":
    """Return the fault of a line that is too long to be read."""
    from desmos_fast.billing.wire import BAD_JSON
    from desmos_fast.exchange.faults import Fault

    return Fault(code=BAD_JSON, message=f"this line has more than {LONGEST_LINE} bytes", line=line)


def _skip_line(source: BinaryIO) -> int:
    skipped = 0
    while more := _read(source.readline, BLOCK):
        skipped += len(more)
        if more.endswith(b"\n"):
            break
    return skipped


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    with _reading():
        return read(size)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutsideFailed(f"cannot read the input: {error.strerror}", hint="check the rights of the file and the disk") from error


class Guarded:
    """A file that raises OutsideFailed (exit 3) when it cannot be read, also where an OSError would be taken for one of the output."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.seekable, self.tell = source.seekable, source.tell

    def read(self, size: int, /) -> bytes:
        """Read as a file does."""
        with _reading():
            return self._source.read(size)

    def seek(self, offset: int, /) -> int:
        """Go to a place as a file does."""
        with _reading():
            return self._source.seek(offset)


def watched(source: BinaryIO) -> Callable[[], None]:
    """Return what raises OutsideFailed (exit 3) when a file was written to since this call; of a pipe nothing is known."""
    before = _stamp(source)

    def insist() -> None:
        if _stamp(source) != before:
            raise OutsideFailed("the input changed while it was read", hint="wait until it is whole and give it again")

    return insist


def _stamp(source: BinaryIO) -> tuple[int, int] | None:
    try:
        found = os.fstat(source.fileno())
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def progress(name: str, source: BinaryIO) -> contextlib.AbstractContextManager[Callable[[int], None]]:
    """Show a bar on standard error while a long input is read; the function given takes the bytes just done.

    Nothing is shown unless standard error is a terminal.
    """
    return bar(name, _size(source))


@contextlib.contextmanager
def bar(name: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar for a number of bytes as `progress` does."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with shown(*columns) as progress:
        task = progress.add_task(name, total=size)
        yield lambda done: progress.advance(task, done)


def _size(source: BinaryIO) -> int | None:
    """Return the bytes of a file; None for a pipe, whose end nobody knows."""
    try:
        return os.fstat(source.fileno()).st_size or None
    except OSError:
        return None
