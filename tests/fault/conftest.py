# SPDX-License-Identifier: Apache-2.0
"""Houses of child processes, each over a data folder of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from desmos_fast.demo.house import House

Open = Callable[[], House]


@pytest.fixture
def open_house(open_folder: Path) -> Iterator[Open]:
    """Start a house over a new folder; it is stopped at the end, whatever was killed in it."""
    with ExitStack() as closing:

        def open_one() -> House:
            folder = Path(mkdtemp(dir=open_folder, prefix="house-"))
            # The account of PostgreSQL passes through.
            folder.chmod(0o711)
            return closing.enter_context(House(folder / "data"))

        yield open_one
