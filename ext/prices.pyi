# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final, final

CODES: Final[tuple[str, ...]]
FIELDS: Final[tuple[str, ...]]
PRICE_RULES: Final[tuple[str, ...]]
RATE_RULES: Final[tuple[str, ...]]
AMC_RULES: Final[tuple[str, ...]]

@final
class Prices:
    count: int
    faults: list[tuple[int, int, int, int, int, int, bool]]
    def __new__(cls, invoices: int, acts: int) -> Prices: ...
    def acts(self, invoice: int) -> list[tuple[Any, ...] | None]: ...
    def wanted(self, invoice: int, instead: tuple[str, ...]) -> dict[int, str]: ...
    def quoted(self, invoice: int, acts: tuple[Any, ...], shown: tuple[Any, ...], others: dict[int, Any]) -> tuple[Any, ...]: ...
