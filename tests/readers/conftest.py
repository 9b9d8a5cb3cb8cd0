# SPDX-License-Identifier: Apache-2.0
"""A card service of our own with two virtual slots. There can be one on a machine: whoever comes second waits."""

import contextlib
import fcntl
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from readers.sessions.desk import Desk
from readers.simulator.service import Service, why_not
from tests.readers.bench import Bench, wide_service

# Two runs of the tests on one machine would talk to each other's cards.
LOCK: Final = Path("/run/lock/desmos-fast-readers.lock")


def _cannot() -> str:
    return "the library of card readers is not installed" if find_spec("smartcard") is None else ""


@contextlib.contextmanager
def the_only_one() -> Iterator[None]:
    """Be the only one who runs a card service; skip where none can be."""
    if find_spec("smartcard") is None:
        pytest.skip("the library of card readers is not installed")
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if reason := why_not():
                pytest.skip(reason)
            yield
        finally:
            # Not by closing alone: a child that was forked meanwhile holds the same file.
            fcntl.flock(lock, fcntl.LOCK_UN)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Run the card service for a module; it is ended by its process id."""
    with the_only_one(), Service() as running:
        yield running


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give a running service with many slots, for a module."""
    service, names = wide_service(tmp_path_factory.mktemp("wide"))
    with the_only_one(), service:
        made = Bench(service, names)
        yield made
        for slot in made.slots:
            slot.pull()


@pytest.fixture
def bench(service: Service) -> Iterator[Bench]:
    """Give a running service and two empty slots."""
    made = Bench(service)
    made.clear()
    yield made
    for slot in made.slots:
        slot.pull()


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[Desk]:
    """Give a desk that watches both slots."""
    async with Desk() as running:
        yield running
