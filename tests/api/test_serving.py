# SPDX-License-Identifier: Apache-2.0
"""What a process does before it takes connections."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from api import server
from api.keys import TARIFFS
from desmos_fast.base.settings import load
from desmos_fast.commands.runtime import Runtime
from desmos_fast.commands.serving import serve_here
from tests.db.databases import Place


@pytest.fixture
def thawed() -> Iterator[None]:
    """Leave the memory of this process to its collector afterwards."""
    yield
    gc.unfreeze()


async def test_what_stays_until_the_end_is_left_out_of_collections(
    place_apart: Place, thawed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, bool]] = []

    async def serve(app: Any, *_: Any, **__: Any) -> None:
        seen.append((gc.get_freeze_count(), len(gc.get_objects()), app[TARIFFS].known() is not None))

    monkeypatch.setattr(server, "serve", serve)
    await serve_here(Runtime(load(), place_apart.app_dsn, place_apart.owner_dsn), [], server.Orders(), 1, 0.0, lambda: None)
    ((frozen, left, has_tariffs),) = seen
    assert has_tariffs, "what is loaded first stays too"
    assert frozen > 50_000 and left < frozen / 20
