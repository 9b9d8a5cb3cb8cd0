# SPDX-License-Identifier: Apache-2.0
"""Houses of child processes, each over a data folder of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from desmos_fast.demo.house import House

Open = Callable[[str], House]


@pytest.fixture
def open_house(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Start a house; it is stopped at the end, whatever was killed in it."""
    with ExitStack() as closing:
        yield lambda name: closing.enter_context(House(open_folder / f"{request.node.name[:20]}-{name}"))
