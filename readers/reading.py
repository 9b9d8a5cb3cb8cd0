# SPDX-License-Identifier: Apache-2.0
"""Wait for a card, say which it is, and read who holds it: one reading from beginning to end."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from readers.cards.recognition import CardKind, by_atr, proof, selected
from readers.cards.vitale import read_identity
from readers.errors import CardBusy, CardGone, CardMute, CardTimeout, ReaderError, ServiceDown
from readers.sessions.desk import Desk
from readers.sessions.events import Event, Listener
from readers.sessions.pairs import pairs

PAUSE_S: Final = 0.1
VITALE: Final[tuple[CardKind, ...]] = ("vitale2", "vitale1")
MUTE: Final = "the card does not answer: turn it over"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read. The ATR is upper-case hexadecimal; only a Vitale 2 has an identity."""

    reader: str
    atr: str
    card: CardKind
    identity: dict[str, str | None] | None

    def __repr__(self) -> str:
        return f"Reading(reader={self.reader!r}, card={self.card!r})"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The other slot of a device, and the card in it by its ATR alone: `mute` for one that does not answer, none for no card."""

    reader: str
    atr: str | None
    card: CardKind | Literal["mute"] | None


def beside(known: Sequence[Event], reader: str, given: Mapping[str, str]) -> Beside | None:
    """Return what is in the slot that goes with a reader, by what is set and by the names; nothing where none does."""
    names = [event.reader for event in known if event.kind == "reader_added"]
    other = next((pair[pair[0] == reader] for pair in pairs(names, given) if reader in pair), None)
    if other is None:
        return None
    # What is said last of a reader is its card.
    event = [event for event in known if event.reader == other][-1]
    if event.kind == "card_inserted":
        return Beside(reader=event.reader, atr=event.atr, card=by_atr(bytes.fromhex(event.atr)))
    return Beside(reader=event.reader, atr=None, card="mute" if event.kind == "card_mute" else None)


class Wait:
    """One wait for a card, in one reader or in any, until a moment of the loop's clock."""

    def __init__(self, desk: Desk, reader: str | None, until: float, advise: Callable[[str], None]) -> None:
        self._desk, self._reader, self._until, self._advise = desk, reader, until, advise
        self._advised = False
        # Why there is nothing yet, for the end.
        self._why: ReaderError | None = None

    def left(self) -> float:
        """Return the seconds that remain."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    async def read(self) -> Reading:
        """Read the first card there is. Raises CardGone, CardMute, CardBusy, CardTimeout, CardNirKey, CardNoIdentity, ServiceDown."""
        with self._desk.events() as listener:
            while True:
                if cards := self._cards():
                    try:
                        return await self._best(cards)
                    except (CardBusy, ServiceDown) as error:
                        self._why = error
                        await self._more(listener, PAUSE_S)
                else:
                    await self._more(listener, self.left())

    def _cards(self) -> list[Event]:
        """Return the cards that answer, in the order of the service."""
        known = [event for event in self._desk.known() if self._reader in (None, event.reader) or event.kind.startswith("service")]
        kinds = {event.kind for event in known}
        cards = [event for event in known if event.kind == "card_inserted"]
        if cards:
            return cards
        if "card_mute" in kinds:
            self._why = CardMute(MUTE)
            if not self._advised:
                self._advise(MUTE)
                self._advised = True
        elif "service_down" in kinds:
            self._why = ServiceDown("the card service is down", hint="start the card service")
        elif self._reader is not None and "reader_added" not in kinds:
            self._why = CardTimeout("there is no reader of that name")
        else:
            self._why = CardTimeout("no card came in time")
        return []

    async def _more(self, listener: Listener, seconds: float) -> None:
        """Wait until something happens, or for so long. Raises why there is nothing, when the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self.left())):
                await listener.next()
        if not self.left() and self._why is not None:
            raise self._why

    async def _best(self, cards: list[Event]) -> Reading:
        """Read the first Vitale, else the first card. What looks like a Vitale and is none counts as any card."""
        for event in cards:
            if by_atr(bytes.fromhex(event.atr)) in VITALE:
                found = await self._one(event)
                if found.card in VITALE or event is cards[0]:
                    return found
        return await self._one(cards[0])

    async def _one(self, event: Event) -> Reading:
        atr = bytes.fromhex(event.atr)
        kind = by_atr(atr)
        command = proof(kind, atr)
        if command is None:
            return Reading(reader=event.reader, atr=event.atr, card=kind, identity=None)
        async with self._desk.session(event.reader, self.left()) as session:
            if session.atr != atr:
                raise CardGone("another card took the place of this one")
            if not await session.exchange(lambda channel: selected(channel, command), self.left()):
                kind = "unknown"
            identity = (await read_identity(session, self.left)).shown() if kind == "vitale2" else None
            return Reading(reader=event.reader, atr=event.atr, card=kind, identity=identity)
