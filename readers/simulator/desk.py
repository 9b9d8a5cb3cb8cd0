# SPDX-License-Identifier: Apache-2.0
"""A desk without readers: invented people put their cards in and take them out, so that whoever tries the page has something to see."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Final

from desmos_fast.agents.wire import EventKind
from readers.errors import CardGone, CardTimeout
from readers.loopback.said import Family, family
from readers.outbox.store import Happened
from readers.reading import Reading
from readers.simulator.cards import VITALE_ATR, invented
from readers.simulator.rights import CODE, SimulatedCards
from readers.uplink_folder import now

READER: Final = "Lecteur simulé 00 00"
STAYS_S: Final = 15.0
AWAY_S: Final = 6.0
# About as long as a card takes.
TAKES_S: Final = 0.8


class InventedDesk:
    """One person after another, from a seed on. Stands where the real readers do."""

    def __init__(self, seed: int, stays_s: float = STAYS_S, away_s: float = AWAY_S, takes_s: float = TAKES_S) -> None:
        self._seed, self._stays_s, self._away_s, self._takes_s = seed, stays_s, away_s, takes_s
        # The seed of who has a card in, and what is set when one comes.
        self._in: int | None = None
        self._came = asyncio.Event()

    async def events(self) -> AsyncIterator[Happened]:
        """Tell of a reader, then of cards that come and go."""
        yield _happened("service_up")
        yield _happened("reader_added", READER)
        for seed in itertools.count(self._seed):
            await asyncio.sleep(self._away_s)
            self._in = seed
            self._came.set()
            yield _happened("card_inserted", READER, VITALE_ATR.hex().upper())
            await asyncio.sleep(self._stays_s)
            self._in = None
            self._came.clear()
            yield _happened("card_removed", READER)

    async def read(self, reader: str, deadline_s: float) -> Reading:
        """Read the card that is in, or the next one. Raises CardTimeout, CardGone."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._came.wait()
        except TimeoutError:
            raise CardTimeout("no card came in time") from None
        seed = await self._while_in()
        person = invented(seed)
        identity: dict[str, str | None] = {
            "last_name": person.last_name, "first_name": person.first_name, "birth_date": person.birth_date, "nir": person.nir,
        }  # fmt: skip
        return Reading(reader=reader, atr=VITALE_ATR.hex().upper(), card="vitale2", identity=identity)

    async def rights(self, _reader: str) -> Family:
        """Read the family of the card that is in. Raises CardGone."""
        seed = await self._while_in()
        return family(await SimulatedCards(seed).read_rights(CODE, now().date()))

    async def _while_in(self) -> int:
        seed = self._in
        await asyncio.sleep(self._takes_s)
        if seed is None or seed != self._in:
            raise CardGone("the card left while it was read")
        return seed


def _happened(kind: EventKind, reader: str = "", atr: str = "") -> Happened:
    return Happened(kind=kind, at=now(), reader=reader, atr=atr)
