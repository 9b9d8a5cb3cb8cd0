# SPDX-License-Identifier: Apache-2.0
"""All readers of a workstation, for one event loop: what happens at them, and sessions with their cards."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Final, Self

from readers.apart.threads import in_thread
from readers.errors import CardMute
from readers.pcsc import Connection, Library, Pcsc
from readers.sessions.events import Book, Event, Listener
from readers.sessions.lane import Lane, Turn
from readers.sessions.session import DEADLINE_S, Session
from readers.sessions.watch import Watch

# A thread that another program keeps waiting does not keep us from ending.
PATIENCE_S: Final = 1.0


class Desk:
    """The readers. Heals by itself when the card service fails; nothing here blocks the event loop.

    Raises NoLibrary when the library of card readers is not installed; `library` stands for it in tests.
    """

    def __init__(self, library: Library | None = None) -> None:
        self._pcsc = Pcsc(library)
        self._book = Book()
        self._watch = Watch(self._pcsc, self._book)
        self._lanes: dict[str, Lane] = {}

    async def __aenter__(self) -> Self:
        self._watch.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [turn for lane in self._lanes.values() for turn in lane.close()]
        await in_thread(lambda: self._join(left))

    @contextlib.contextmanager
    def events(self) -> Iterator[Listener]:
        """Give a listener: it hears what holds now, then whatever happens."""
        listener = self._book.listen()
        try:
            yield listener
        finally:
            self._book.forget(listener)

    def known(self) -> list[Event]:
        """Return what holds now: the service, then each reader with its card, in the order of the service."""
        return self._book.known()

    @contextlib.asynccontextmanager
    async def session(self, reader: str, deadline_s: float = DEADLINE_S) -> AsyncIterator[Session]:
        """Give a session with the card of a reader.

        Raises CardGone without a card, CardBusy after the deadline (seconds) or when another program has it for itself, CardMute,
        ReaderGone, ServiceDown.
        """
        session = await self.open(reader, deadline_s)
        try:
            yield session
        finally:
            session.close()

    async def open(self, reader: str, deadline_s: float = DEADLINE_S) -> Session:
        """Open a session; whoever calls closes it. Raises what `session` raises."""
        lane = self._lanes.get(reader)
        if lane is None:
            lane = self._lanes[reader] = Lane(self._pcsc, reader)
        event = self._book.card(reader)
        if event is not None and event.kind == "card_mute":
            raise CardMute("the card does not answer", hint="turn the card over")

        def leave(opened: tuple[Connection, bytes]) -> None:
            lane.tell(lambda turn: turn.disconnect(opened[0]))

        card, atr = await lane.run(_connect, deadline_s, leave)
        return Session(lane, self._book, reader, card, atr, event.sequence if event is not None else 0)

    def _join(self, left: list[Turn]) -> None:
        self._watch.stop()
        for turn in left:
            turn.join(PATIENCE_S)


def _connect(turn: Turn) -> tuple[Connection, bytes]:
    card = turn.connect()
    try:
        return card, turn.pcsc.atr(card)
    except BaseException:
        turn.disconnect(card)
        raise
