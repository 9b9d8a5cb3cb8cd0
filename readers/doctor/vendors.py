# SPDX-License-Identifier: Apache-2.0
"""What is set for the cards, and whether the libraries of vendors among it can be loaded: apart, and without touching a card."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from desmos_fast.base.errors import InvalidInput
from readers.choices import Choices
from readers.choices import choices as set_ones
from readers.doctor.model import Vendor
from readers.errors import ReaderError


def vendors(chosen: Callable[[], Choices] = set_ones) -> dict[str, Any]:
    """Return what is set for the cards, and which libraries of it can be loaded."""
    try:
        found = chosen()
    except InvalidInput as error:
        return {"settings_fault": error.detail}
    return {"backend": found.backend, "pairs": found.pairs, **asyncio.run(_libraries(found))}


async def _libraries(chosen: Choices) -> dict[str, Vendor]:
    from readers.cps.card import Cps
    from readers.ssv.library import SsvCards

    found = {}
    if chosen.cps is not None:
        card = Cps(chosen.cps)
        found["cps"] = await _looked(chosen.cps.library, card.library, card.close)
    if chosen.ssv is not None:
        cards = SsvCards(chosen.ssv)
        found["ssv"] = await _looked(chosen.ssv.library, cards.library, cards.close)
    return found


async def _looked(path: str, look: Callable[[], Awaitable[str | None]], close: Callable[[], Awaitable[None]]) -> Vendor:
    try:
        return Vendor(path=path, loads=True, said=await look() or "")
    except ReaderError as error:
        return Vendor(path=path, loads=False, said=error.detail)
    finally:
        await close()
