# SPDX-License-Identifier: Apache-2.0
"""A code as somebody types it: not shown, and never in a string, so that whoever has it can wipe it."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Final

from readers.apart.frames import wipe

LONGEST: Final = 64
ENDS: Final = (b"", b"\r", b"\n")
BACK: Final = b"\x08"
# The console of Windows hands it on like any other key.
INTERRUPT: Final = b"\x03"


def typed(prompt: str, source: int = 0) -> bytearray:
    """Ask for a code on the terminal of a descriptor, without showing it; from a pipe its first line is taken.

    One byte is read at a time: an object of one byte is shared by the whole interpreter, and says nothing of the others.
    """
    if not os.isatty(source):
        return _line(lambda: os.read(source, 1))
    print(prompt, end="", file=sys.stderr, flush=True)
    with _keyboard(source) as read:
        found = _line(read)
    print(file=sys.stderr, flush=True)
    return found


def _line(read: Callable[[], bytes]) -> bytearray:
    # Of its full width from the start: one that grows leaves copies behind.
    found, length = bytearray(LONGEST), 0
    while (byte := read()) not in ENDS:
        if byte == INTERRUPT:
            raise KeyboardInterrupt
        if byte == BACK:
            length = max(0, length - 1)
        elif length < LONGEST:
            found[length : length + 1] = byte
            length += 1
    code = bytearray(memoryview(found)[:length])
    wipe(found)
    return code


@contextlib.contextmanager
def _keyboard(source: int) -> Iterator[Callable[[], bytes]]:
    """Give what reads one byte of a terminal that shows nothing."""
    if sys.platform == "win32":
        import msvcrt

        yield lambda: msvcrt.getwch().encode("latin-1", "replace")
        return
    import termios

    kept = termios.tcgetattr(source)
    silent = termios.tcgetattr(source)
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(source, termios.TCSAFLUSH, silent)
        yield lambda: os.read(source, 1)
    finally:
        termios.tcsetattr(source, termios.TCSAFLUSH, kept)
