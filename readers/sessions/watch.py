# SPDX-License-Identifier: Apache-2.0
"""The thread that watches all readers, in a context of its own, and goes on whatever happens to the card service."""

import random
import threading
from typing import Final

from readers.errors import ReaderError
from readers.pcsc import CHANGED, PLUGGED, UNAWARE, UNKNOWN, Context, Pcsc
from readers.sessions.events import Book

# Readers come and go without a word on some systems, and a swap that a session found is looked at again.
LONGEST_WAIT_MS: Final = 1000
CANCEL_EVERY_S: Final = 0.01
SHORTEST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0


class Watch(threading.Thread):
    """Tells a book what happens at the readers. After the service fails, it looks for it again, sooner at first."""

    def __init__(self, pcsc: Pcsc, book: Book) -> None:
        super().__init__(name="readers-watch", daemon=True)
        self._pcsc, self._book = pcsc, book
        self._closing = threading.Event()
        self._context: Context | None = None

    def run(self) -> None:
        """Watch until told to stop."""
        failures = 0
        while not self._closing.is_set():
            try:
                context = self._pcsc.establish()
            except ReaderError:
                self._book.service(False)
                self._closing.wait(pause(failures))
                failures += 1
                continue
            self._context, failures = context, 0
            try:
                self._book.service(True)
                self._follow(context)
            except ReaderError:
                self._book.service(False)
            finally:
                self._context = None
                self._pcsc.release(context)

    def stop(self) -> None:
        """Stop, and return when the thread has ended. Blocks: not for the thread of an event loop."""
        self._closing.set()
        # A cancel that comes before the wait has begun is lost.
        while self.is_alive():
            if (context := self._context) is not None:
                self._pcsc.cancel(context)
            self.join(CANCEL_EVERY_S)

    def _follow(self, context: Context) -> None:
        states: dict[str, int] = {}
        plugging: list[tuple[str, int]] = [(PLUGGED, UNAWARE)]
        while not self._closing.is_set():
            names = self._pcsc.readers(context)
            self._book.readers(names)
            states = {name: states.get(name, UNAWARE) for name in names}
            asked = [*states.items(), *plugging]
            if not asked:
                # Neither a reader nor a system that tells of new ones.
                self._closing.wait(LONGEST_WAIT_MS / 1000)
                continue
            found = self._pcsc.changes(context, LONGEST_WAIT_MS, asked)
            self._book.look(found)
            for seen in found:
                if seen.reader == PLUGGED:
                    plugging = [] if seen.state & UNKNOWN else [(PLUGGED, seen.state & ~CHANGED)]
                else:
                    states[seen.reader] = seen.state & ~CHANGED


def pause(failures: int) -> float:
    """Return how long to wait (seconds) before the service is looked for again: longer each time, and never at the same time as others."""
    longest = min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * (1 << min(failures, 16)))
    return longest * random.uniform(0.5, 1.0)
