# SPDX-License-Identifier: Apache-2.0
"""One session with one card, from the event loop: short transactions, each done in the thread of the reader."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from readers.errors import CardGone, CardReset
from readers.pcsc import Connection
from readers.sessions.channel import Answer, Channel
from readers.sessions.events import Book, log
from readers.sessions.lane import Lane, Turn

T = TypeVar("T")
DEADLINE_S: Final = 5.0


class Session:
    """A card that was connected to. Once it is over, by whatever error, it never comes back: open another."""

    def __init__(self, lane: Lane, book: Book, reader: str, card: Connection, atr: bytes, sequence: int) -> None:
        self.reader, self.atr, self.sequence = reader, atr, sequence
        self._lane, self._book, self._card = lane, book, card
        self._over = False

    async def exchange(self, dialogue: Callable[[Channel], T], deadline_s: float = DEADLINE_S, *, again: bool = True) -> T:
        """Run a dialogue in one transaction, in the thread of the reader, and return what it returns.

        A dialogue begins with a SELECT and keeps nothing of an earlier one: when another program reset the card, it runs once more, unless
        not `again`. Raises CardGone, CardReset, CardBusy after the deadline (seconds), ServiceDown; all but CardReset end the session.
        """
        if self._over:
            raise CardGone("this session is over")
        try:
            return await self._lane.run(lambda turn: self._transact(turn, dialogue, again), deadline_s)
        except CardReset:
            raise
        except BaseException:
            # Cancelled, expired, gone: whatever the thread still does, its card is left afterwards.
            self.close()
            raise

    async def transmit(self, command: bytes, deadline_s: float = DEADLINE_S) -> Answer:
        """Send one command in a transaction of its own."""
        return await self.exchange(lambda channel: channel.send(command), deadline_s)

    def close(self) -> None:
        """End the session; the card stays as it is, for other software."""
        if not self._over:
            self._over = True
            self._lane.tell(lambda turn: turn.disconnect(self._card))

    def _transact(self, turn: Turn, dialogue: Callable[[Channel], T], again: bool) -> T:
        if not turn.holds(self._card):
            raise CardGone("this session ended with its thread")
        try:
            try:
                return self._once(turn, dialogue)
            except CardReset:
                self._card = turn.reconnect(self._card)
                if not again:
                    raise
                return self._once(turn, dialogue)
        except CardGone:
            self._book.lost(self.reader, self.sequence)
            raise

    def _once(self, turn: Turn, dialogue: Callable[[Channel], T]) -> T:
        job = turn.job
        began, outcome = time.monotonic(), "failed"
        turn.pcsc.begin(self._card)
        try:
            found = dialogue(Channel(turn.pcsc, self._card, job.is_given_up if job is not None else bool, self.reader))
            outcome = "done"
            return found
        finally:
            turn.pcsc.end(self._card)
            log.info("transaction reader=%s sequence=%d %s ms=%.1f", self.reader, self.sequence, outcome, (time.monotonic() - began) * 1000)
