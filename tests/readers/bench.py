# SPDX-License-Identifier: Apache-2.0
"""The bench: a card service of our own, two slots, and cards of which the service is known to have seen that they came or went."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from readers.pcsc import CHANGED, PRESENT, UNAWARE, Pcsc
from readers.simulator.service import Service
from readers.simulator.vpcd import Card, Fault, Slot

FIRST: Final = "Virtual PCD 00 00"
SECOND: Final = "Virtual PCD 00 01"
NAMES: Final = (FIRST, SECOND)
# Twice what the service takes to look again, and some for a busy machine.
PATIENCE_S: Final = 8.0
# Virtual readers of the wide bench, with two slots each.
WIDE: Final = tuple(f"Wide {rank}" for rank in range(7))


class Bench:
    """Two virtual readers under a service of our own."""

    def __init__(self, service: Service, names: Sequence[str] = NAMES) -> None:
        self.service, self.names = service, tuple(names)
        self.slots = tuple(Slot(port) for port in service.ports)

    def insert(self, rank: int, card: Card, fault: Fault | None = None) -> Slot:
        """Put a card into an empty slot, and return when the service has seen it."""
        self.pull(rank)
        slot = self.slots[rank]
        slot.insert(card, fault)
        wait_for(self.names[rank], present=True)
        return slot

    def pull(self, rank: int) -> None:
        """Pull the card, and return when the service has seen that."""
        self.slots[rank].pull()
        wait_for(self.names[rank], present=False)

    async def put(self, rank: int, card: Card, fault: Fault | None = None) -> Slot:
        """Do what `insert` does without holding up the loop."""
        return await asyncio.to_thread(self.insert, rank, card, fault)

    def clear(self) -> None:
        """Leave a running service and two empty slots."""
        for slot in self.slots:
            slot.pull()
        if self.service.pid is None:
            self.service.start()
        for name in self.names:
            wait_for(name, present=False)


def wait_for(reader: str, *, present: bool) -> None:
    """Wait until the service says that a card is there, or that none is."""
    pcsc = Pcsc()
    context = pcsc.establish()
    until, state = time.monotonic() + PATIENCE_S, UNAWARE
    try:
        while True:
            [seen] = pcsc.changes(context, 1000, [(reader, state)])
            if bool(seen.state & PRESENT) == present:
                return
            state = seen.state & ~CHANGED
            assert time.monotonic() < until, "the service does not see the card"
    finally:
        pcsc.release(context)
