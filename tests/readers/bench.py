# SPDX-License-Identifier: Apache-2.0
"""The bench: a card service of our own, two slots, and cards of which the service is known to have seen that they came or went."""

import time
from typing import Final

from readers.pcsc import PRESENT, UNAWARE, Pcsc, Seen
from readers.simulator.service import Service
from readers.simulator.vpcd import PORTS, Card, Fault, Slot

FIRST: Final = "Virtual PCD 00 00"
SECOND: Final = "Virtual PCD 00 01"
NAMES: Final = (FIRST, SECOND)
# Twice what the service takes to look again, and some for a busy machine.
PATIENCE_S: Final = 8.0


class Bench:
    """Two virtual readers under a service of our own."""

    def __init__(self, service: Service, first: Slot, second: Slot) -> None:
        self.service, self.slots = service, (first, second)

    def insert(self, rank: int, card: Card, fault: Fault | None = None) -> Slot:
        """Put a card into an empty slot, and return when the service has seen it."""
        self.pull(rank)
        slot = self.slots[rank]
        slot.insert(card, fault)
        wait_for(NAMES[rank], present=True)
        return slot

    def pull(self, rank: int) -> None:
        """Pull the card, and return when the service has seen that."""
        self.slots[rank].pull()
        wait_for(NAMES[rank], present=False)

    def clear(self) -> None:
        """Leave a running service and two empty slots."""
        for slot in self.slots:
            slot.pull()
        if self.service.pid is None:
            self.service.start()
        for name in NAMES:
            wait_for(name, present=False)


def look(reader: str) -> Seen:
    """Return what the service says of a reader."""
    pcsc = Pcsc()
    context = pcsc.establish()
    try:
        [seen] = pcsc.changes(context, 0, [(reader, UNAWARE)])
        return seen
    finally:
        pcsc.release(context)


def wait_for(reader: str, *, present: bool) -> None:
    """Wait until the service says that a card is there, or that none is."""
    until = time.monotonic() + PATIENCE_S
    while bool(look(reader).state & PRESENT) != present:
        assert time.monotonic() < until, "the service does not see the card"
        time.sleep(0.01)


def opened(service: Service) -> Bench:
    """Return a bench with both slots empty."""
    return Bench(service, Slot(PORTS[0]), Slot(PORTS[1]))
