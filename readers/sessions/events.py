# SPDX-License-Identifier: Apache-2.0
"""What happens at the readers, in order: each event has the next number, and every listener hears the same ones."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from readers.pcsc import MUTE, PRESENT, Seen

log: Final = logging.getLogger("desmos.readers")

Kind = Literal["service_up", "service_down", "reader_added", "reader_removed", "card_inserted", "card_removed", "card_mute"]
# The service looks at a reader every 400 ms: what it still says after two looks, it has seen.
TWO_LOOKS_S: Final = 0.9
COUNTER: Final = 0xFFFF


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `at` is what the monotonic clock said (seconds) when we learnt of it."""

    sequence: int
    kind: Kind
    reader: str = ""
    atr: str = ""
    at: float = 0.0


@dataclass
class _Slot:
    """What is known of one reader. `lost_at`: when a session found its card gone before the service did."""

    added: Event
    card: Event | None = None
    counter: int | None = None
    lost_at: float | None = None


class Listener:
    """Who hears of events, first what holds at this moment. Belongs to one event loop."""

    def __init__(self, known: list[Event]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        for event in known:
            self._queue.put_nowait(event)

    def tell(self, event: Event) -> None:
        """Hand over an event, from any thread."""
        # Nobody listens in a loop that is closed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    async def next(self) -> Event:
        """Wait for the next event."""
        return await self._queue.get()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            yield await self._queue.get()


class Book:
    """What all threads know of the readers. Every method may be called from any of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequence = 0
        self._service: Event | None = None
        self._slots: dict[str, _Slot] = {}
        self._listeners: list[Listener] = []

    def listen(self) -> Listener:
        """Return a new listener of the running loop."""
        with self._lock:
            listener = Listener(sorted(self._known(), key=lambda event: event.sequence))
            self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Tell a listener nothing any more."""
        with self._lock:
            self._listeners.remove(listener)

    def known(self) -> list[Event]:
        """Return the events that still hold: the state of the service, then each reader with its card, in the order of the service."""
        with self._lock:
            return self._known()

    def card(self, reader: str) -> Event | None:
        """Return the event of the card that is in a reader."""
        with self._lock:
            slot = self._slots.get(reader)
            return slot.card if slot is not None else None

    def service(self, up: bool) -> None:
        """Note that the card service is there, or that it is not: then no reader and no card is."""
        kind: Kind = "service_up" if up else "service_down"
        with self._lock:
            if self._service is not None and self._service.kind == kind:
                return
            if not up:
                for name in list(self._slots):
                    self._unplug(name)
            self._service = self._tell(kind)

    def readers(self, names: list[str]) -> None:
        """Note which readers there are."""
        with self._lock:
            for name in self._slots.keys() - set(names):
                self._unplug(name)
            for name in names:
                if name not in self._slots:
                    self._slots[name] = _Slot(self._tell("reader_added", name))
            self._slots = {name: self._slots[name] for name in names}

    def look(self, found: list[Seen]) -> None:
        """Note what the service says of readers; nobody sees half of it."""
        with self._lock:
            for seen in found:
                if (slot := self._slots.get(seen.reader)) is not None:
                    self._look(slot, seen)

    def lost(self, reader: str, sequence: int) -> None:
        """Note that a session found the card gone that had come with that event: a swap may never be seen by anybody else."""
        with self._lock:
            slot = self._slots.get(reader)
            if slot is not None and slot.card is not None and slot.card.sequence == sequence:
                self._remove(slot)
                slot.lost_at = time.monotonic()

    def _look(self, slot: _Slot, seen: Seen) -> None:
        counter = seen.state >> 16 & COUNTER
        kind: Kind | None = None
        if seen.state & PRESENT:
            kind = "card_mute" if seen.state & MUTE else "card_inserted"
        moved = 0 if slot.counter is None else (counter - slot.counter) & COUNTER
        slot.counter = counter
        card, atr = slot.card, seen.atr.hex().upper()
        # Two steps of the counter between two looks: the card that is in now is not the one that was.
        if card is not None and (moved >= 2 or (card.kind, card.atr) != (kind, atr)):
            self._remove(slot)
        if kind is None:
            slot.lost_at = None
        elif slot.card is None and (moved or slot.lost_at is None or time.monotonic() - slot.lost_at > TWO_LOOKS_S):
            slot.card, slot.lost_at = self._tell(kind, seen.reader, atr), None

    def _known(self) -> list[Event]:
        slots = [event for slot in self._slots.values() for event in (slot.added, slot.card) if event is not None]
        return [*([self._service] if self._service is not None else []), *slots]

    def _unplug(self, name: str) -> None:
        slot = self._slots[name]
        if slot.card is not None:
            self._remove(slot)
        del self._slots[name]
        self._tell("reader_removed", name)

    def _remove(self, slot: _Slot) -> None:
        card, slot.card = slot.card, None
        if card is not None:
            self._tell("card_removed", card.reader, card.atr)

    def _tell(self, kind: Kind, reader: str = "", atr: str = "") -> Event:
        self._sequence += 1
        event = Event(sequence=self._sequence, kind=kind, reader=reader, atr=atr, at=time.monotonic())
        log.info("event %d %s reader=%s atr=%s", event.sequence, kind, reader, atr)
        for listener in self._listeners:
            listener.tell(event)
        return event
