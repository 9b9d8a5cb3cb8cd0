# SPDX-License-Identifier: Apache-2.0
"""A workstation without readers: what happens at them, and what their cards say, is up to a test."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from readers.errors import CardTimeout
from readers.outbox.store import Happened
from readers.reading import Reading

READER: Final = "Gemalto PC Twin Reader (A1B2C3D4) 00 00"
ATR: Final = "3B751300004309EA9000"


def happened(kind: str, reader: str = READER, atr: str = "") -> Happened:
    """Make an event of now."""
    return Happened(kind=kind, at=datetime.now(UTC), reader=reader, atr=atr)  # type: ignore[arg-type]


class FakeCards:
    """Readers that do as they are told: no card comes unless a test says what it says, or which error there is."""

    def __init__(self, *first: Happened) -> None:
        self.queue: asyncio.Queue[Happened] = asyncio.Queue()
        self.answer: Reading | Exception | None = None
        self.asked: list[tuple[str, float]] = []
        for event in first:
            self.queue.put_nowait(event)

    async def events(self) -> AsyncIterator[Happened]:
        """Tell what a test put into the queue."""
        while True:
            yield await self.queue.get()

    async def read(self, reader: str, deadline_s: float) -> Reading:
        """Answer at once, or after the deadline that there was no card."""
        self.asked.append((reader, deadline_s))
        if self.answer is None:
            await asyncio.sleep(deadline_s)
            raise CardTimeout("no card came in time")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def vitale(nir: str) -> Reading:
    """Return what the card of a synthetic person says."""
    identity: dict[str, str | None] = {"last_name": "DUPONT", "first_name": "MARIE", "birth_date": "19550814", "nir": nir}
    return Reading(reader=READER, atr=ATR, card="vitale2", identity=identity)
