# SPDX-License-Identifier: Apache-2.0
"""How things stand at the readers, in the one word that a page shows."""

import asyncio
from typing import Final, Literal, NamedTuple

from readers.cards.recognition import by_atr
from readers.outbox.store import Happened

State = Literal["service_down", "no_reader", "no_card", "mute", "card"]
# The card of a professional stays in its slot all day: no page reads it as a patient's.
PROFESSIONAL: Final = frozenset({"cps4", "cps3", "cps2ter"})


class Stand(NamedTuple):
    """How it stands; `insertion` tells a card from the next one, `reader` is the slot that it is in."""

    state: State
    reader: str = ""
    insertion: int = 0


class _Slot(NamedTuple):
    card: Literal["none", "mute", "card"] = "none"
    insertion: int = 0


class Board:
    """What is known of the readers, and who waits for it to change."""

    def __init__(self) -> None:
        self._up = False
        self._slots: dict[str, _Slot] = {}
        self._count = 0
        self._changed = asyncio.Event()

    def note(self, event: Happened) -> None:
        """Take in what happened."""
        if event.kind in ("service_up", "service_down"):
            self._up = event.kind == "service_up"
            if not self._up:
                self._slots.clear()
        elif event.kind == "reader_removed":
            self._slots.pop(event.reader, None)
        elif event.kind in ("reader_added", "card_removed"):
            self._slots[event.reader] = _Slot()
        elif event.kind == "card_mute":
            self._slots[event.reader] = _Slot("mute")
        elif event.kind == "card_inserted" and by_atr(bytes.fromhex(event.atr)) not in PROFESSIONAL:
            self._count += 1
            self._slots[event.reader] = _Slot("card", self._count)
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def stand(self) -> Stand:
        """Return how it stands; of several cards the one that came last counts."""
        if not self._up:
            return Stand("service_down")
        if not self._slots:
            return Stand("no_reader")
        name, last = max(self._slots.items(), key=lambda slot: slot[1].insertion)
        if last.card == "card":
            return Stand("card", name, last.insertion)
        mute = next((reader for reader, slot in self._slots.items() if slot.card == "mute"), None)
        return Stand("no_card") if mute is None else Stand("mute", mute)

    def holds(self, stand: Stand) -> bool:
        """Say whether the very card of then is still in."""
        return self._slots.get(stand.reader) == _Slot("card", stand.insertion)

    @property
    def changed(self) -> asyncio.Event:
        """Return what is set when something happens next."""
        return self._changed
