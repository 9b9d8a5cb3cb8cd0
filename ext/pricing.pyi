# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final, final

from ext.prices import Prices
from ext.tariffs import Tariffs

HEAD_NAMES: Final[tuple[str, ...]]
ACT_NAMES: Final[tuple[str, ...]]

@final
class Pricer:
    def __new__(cls, tariffs: Tariffs, heads: tuple[type, ...], acts: tuple[type, ...], parts: tuple[type, ...]) -> Pricer: ...
    def price(self, invoices: tuple[Any, ...], on: int, today: int, allow_late: bool) -> Prices: ...
