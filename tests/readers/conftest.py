# SPDX-License-Identifier: Apache-2.0
"""A card service of our own with two virtual slots. There can be one on a machine: whoever comes second waits."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from readers.sessions.desk import Desk
from readers.simulator.service import NoBench, Service, own_service, the_only_one
from tests.readers.bench import WIDE, Bench


@contextlib.contextmanager
def bench_or_skip() -> Iterator[None]:
    """Be the only one who runs a card service; skip where none can be."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(the_only_one())
        except NoBench as reason:
            pytest.skip(reason.detail)
        yield


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a card service; it is ended by its process id.

    One for each test: whoever held the lock between two tests would wait for those who wait for it.
    """
    with bench_or_skip(), own_service(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.fixture
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give a running service with many slots."""
    with bench_or_skip(), own_service(tmp_path_factory.mktemp("wide"), WIDE) as running:
        made = Bench(running, [f"{name} 00 {slot}" for name in WIDE for slot in ("00", "01")])
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
