# SPDX-License-Identifier: Apache-2.0
"""An input by blocks of bytes: what one block leaves over begins the next, and the first bytes are looked at before."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Final, Protocol

from desmos_fast.base.errors import OutsideFailed

# How records are separated is decided on these first bytes.
HEAD: Final = 1 << 16
# A block and what is made of it stay in the cache of the processor.
BLOCK: Final = 1 << 18
LF: Final = b"\n"


class Source(Protocol):
    """What is asked of a binary file, each as `io.BufferedIOBase` has it."""

    def read(self, size: int, /) -> bytes:
        """Read at most that many bytes; b"" at the end alone."""

    def seek(self, offset: int, /) -> int:
        """Go to a place."""

    def tell(self) -> int:
        """Return the place."""

    def seekable(self) -> bool:
        """Say whether there is another place to go to."""


class Blocks:
    """Blocks of `size` bytes, each after what the one before left over; set `used` to the bytes used of each."""

    def __init__(self, source: Source, size: int = BLOCK) -> None:
        self._source, self._size = source, size
        self.used = 0
        self.head = b""
        while len(self.head) < HEAD and (more := source.read(HEAD - len(self.head))):
            self.head += more

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        """Yield each block, and whether it is the last."""
        data, at, final = b"", 0, False
        while not final:
            more = self.head[at : at + self._size] or self._source.read(self._size)
            at += len(more)
            final = not more
            data = data[self.used :] + more
            self.used = 0
            yield data, final


def reader_again(source: Source) -> Callable[[int, int], bytes] | None:
    """Return how to read bytes (offset from here, size) again while the source is read on; None where it cannot be."""
    if not source.seekable():
        return None
    start = source.tell()

    def again(offset: int, size: int) -> bytes:
        place = source.tell()
        source.seek(start + offset)
        found = source.read(size)
        source.seek(place)
        return found

    return again


@contextlib.contextmanager
def readable_twice(source: Source) -> Iterator[Source]:
    """Give a source that can be read again: itself, or one that keeps on disk, without a name, what was read of it.

    Reading the latter raises OutsideFailed when the disk takes no more.
    """
    if source.seekable():
        yield source
        return
    with tempfile.TemporaryFile() as spool:
        yield _Spooled(source, spool)


class _Spooled:
    """A source that cannot be read again, and a file of what was read of it."""

    def __init__(self, source: Source, spool: IO[bytes]) -> None:
        self._source, self._spool = source, spool
        self._place = self._size = 0

    def read(self, size: int, /) -> bytes:
        """Read on, from the file first."""
        self._spool.seek(self._place)
        if self._place < self._size:
            found = self._spool.read(size)
        else:
            found = self._source.read(size)
            self._keep(found)
        self._place += len(found)
        return found

    def _keep(self, found: bytes) -> None:
        try:
            self._spool.write(found)
            self._spool.flush()
        except OSError as error:
            hint = "let TMPDIR name a folder with more room, or give a file instead of a pipe"
            raise OutsideFailed(f"cannot keep what comes from the pipe: {error.strerror}", hint=hint) from error
        self._size += len(found)

    def seek(self, offset: int, /) -> int:
        """Go back to what was read."""
        self._place = min(offset, self._size)
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def seekable(self) -> bool:
        """Say that it can be read again."""
        return True
