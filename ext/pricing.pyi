# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final

from ext.prices import Prices
from ext.tariffs import Tariffs

HEAD_NAMES: Final[tuple[str, ...]]
ACT_NAMES: Final[tuple[str, ...]]

class Pricer:
    def __init__(self, tariffs: Tariffs, heads: tuple[type, ...], acts: tuple[type, ...], parts: tuple[type, ...]) -> None: ...
    def price(self, invoices: tuple[Any, ...], on: int, today: int, allow_late: bool) -> Prices: ...
