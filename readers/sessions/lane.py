# SPDX-License-Identifier: Apache-2.0
"""The thread of one reader, with a context of its own. One that does not come back is left alone, and another takes its place."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from readers.errors import CardBusy, ServiceDown
from readers.pcsc import Connection, Context, Pcsc
from readers.sessions.channel import GivenUp

T = TypeVar("T")
# Threads of one reader that never came back, at most.
MOST_LEFT: Final = 4
BUSY: Final = "another program holds the card, or the card does not come to an end"
CLOSE_IT: Final = "close the other program that uses the card, or take the card out and put it in again"


class Job:
    """Some work for the thread of a reader, and who waits for it."""

    def __init__(self, work: "Callable[[Turn], Any]", undo: Callable[[Any], None] | None) -> None:
        self.work, self.undo = work, undo
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.begun = False
        self.given_up = False

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Hand over what came of it, in the thread of the loop."""
        if self.future.done():
            # A connection that nobody waits for any more.
            if result is not None and self.undo is not None:
                self.undo(result)
        elif error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def is_given_up(self) -> bool:
        """Say whether nobody waits any more."""
        return self.given_up


class Turn(threading.Thread):
    """A thread of a reader: does one job after the other, and owns what they open."""

    def __init__(self, pcsc: Pcsc, reader: str) -> None:
        super().__init__(name=f"reader-{reader}", daemon=True)
        self.pcsc, self.reader = pcsc, reader
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.job: Job | None = None
        self._context: Context | None = None
        self._cards: set[Connection] = set()

    def run(self) -> None:
        """Work until told to end, then give everything back."""
        while (job := self.jobs.get()) is not None:
            self.job, job.begun = job, True
            result: Any = None
            error: Exception | None = None
            try:
                if not job.given_up:
                    result = job.work(self)
            except ServiceDown as failed:
                self._drop()
                error = failed
            except Exception as failed:
                error = None if isinstance(failed, GivenUp) else failed
            # Nobody waits in a loop that is closed.
            with contextlib.suppress(RuntimeError):
                job.loop.call_soon_threadsafe(job.settle, result, error)
            # What they refer to must not outlive them here.
            self.job = job = result = error = None
        self._drop()

    def connect(self) -> Connection:
        """Connect to the card of the reader."""
        if self._context is None:
            self._context = self.pcsc.establish()
        card = self.pcsc.connect(self._context, self.reader)
        self._cards.add(card)
        return card

    def reconnect(self, card: Connection) -> Connection:
        """Take a card up again after a reset."""
        again = self.pcsc.reconnect(card)
        self._cards.discard(card)
        self._cards.add(again)
        return again

    def disconnect(self, card: Connection) -> None:
        """Leave a card, if this thread holds it."""
        if card in self._cards:
            self._cards.remove(card)
            self.pcsc.disconnect(card)

    def holds(self, card: Connection) -> bool:
        """Say whether this thread connected to that card, and nothing ended it since."""
        return card in self._cards

    def _drop(self) -> None:
        """Give back cards and context: releasing a context alone would reset the cards."""
        for card in self._cards:
            self.pcsc.disconnect(card)
        self._cards.clear()
        if self._context is not None:
            self.pcsc.release(self._context)
            self._context = None


class Lane:
    """What one reader is asked to do, from an event loop. Never blocks it."""

    def __init__(self, pcsc: Pcsc, reader: str) -> None:
        self._pcsc, self._reader = pcsc, reader
        self._turn: Turn | None = None
        self._left: list[Turn] = []

    async def run(self, work: Callable[[Turn], T], deadline_s: float, undo: Callable[[T], None] | None = None) -> T:
        """Have work done in the thread of the reader. What nobody waits for any more is undone.

        Raises CardBusy when it is not done within the deadline, and what the work raises.
        """
        turn = self._take()
        job = Job(work, undo)
        turn.jobs.put(job)
        timer = job.loop.call_later(deadline_s, self._expire, turn, job)
        try:
            found: T = await job.future
            return found
        except asyncio.CancelledError:
            job.given_up = True
            raise
        finally:
            timer.cancel()

    def tell(self, work: Callable[[Turn], object]) -> None:
        """Have work done that nobody waits for."""
        if self._turn is not None:
            self._turn.jobs.put(Job(work, None))

    def close(self) -> list[Turn]:
        """Let the threads end after what they do now; return those that are still there."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.jobs.put(None)
            self._left.append(turn)
        return [each for each in self._left if each.is_alive()]

    def _take(self) -> Turn:
        if self._turn is None:
            self._left = [turn for turn in self._left if turn.is_alive()]
            if len(self._left) >= MOST_LEFT:
                raise CardBusy(BUSY, hint=CLOSE_IT)
            self._turn = Turn(self._pcsc, self._reader)
            self._turn.start()
        return self._turn

    def _expire(self, turn: Turn, job: Job) -> None:
        if job.future.done():
            return
        job.given_up = True
        job.future.set_exception(CardBusy(BUSY, hint=CLOSE_IT))
        # A job that waits behind another one's does not end that one.
        if turn is self._turn and turn.job is job:
            self._replace(turn)

    def _replace(self, turn: Turn) -> None:
        """Leave a thread to end alone, and give what waits behind it to the next one."""
        self._turn = None
        waiting = []
        with contextlib.suppress(Empty):
            while True:
                waiting.append(turn.jobs.get_nowait())
        turn.jobs.put(None)
        self._left.append(turn)
        for job in waiting:
            if job is None or job.given_up:
                continue
            try:
                self._take().jobs.put(job)
            except CardBusy as busy:
                job.settle(None, busy)
