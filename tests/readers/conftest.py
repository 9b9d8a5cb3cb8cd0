# SPDX-License-Identifier: Apache-2.0
"""A card service of our own with two virtual slots. There can be one on a machine: whoever comes second waits."""

import fcntl
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from readers.sessions.desk import Desk
from readers.simulator.service import Service, why_not
from tests.readers.bench import Bench, opened

# Two runs of the tests on one machine would talk to each other's cards.
LOCK: Final = Path("/run/lock/desmos-fast-readers.lock")


def _cannot() -> str:
    return "the library of card readers is not installed" if find_spec("smartcard") is None else ""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Run the card service for a module; it is ended by its process id."""
    if reason := _cannot():
        pytest.skip(reason)
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if reason := why_not():
                pytest.skip(reason)
            with Service() as running:
                yield running
        finally:
            # Not by closing alone: a child that was forked meanwhile holds the same file.
            fcntl.flock(lock, fcntl.LOCK_UN)


@pytest.fixture
def bench(service: Service) -> Iterator[Bench]:
    """Give a running service and two empty slots."""
    made = opened(service)
    made.clear()
    yield made
    for slot in made.slots:
        slot.pull()


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[Desk]:
    """Give a desk that watches both slots."""
    async with Desk() as running:
        yield running
