# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final

CODES: Final[tuple[str, ...]]
FIELDS: Final[tuple[str, ...]]
PRICE_RULES: Final[tuple[str, ...]]
RATE_RULES: Final[tuple[str, ...]]
AMC_RULES: Final[tuple[str, ...]]

class Prices:
    count: int
    def __init__(self, invoices: int, acts: int) -> None: ...
    @property
    def faults(self) -> list[tuple[int, int, int, int, int, int, bool]]: ...
    def acts(self, invoice: int) -> list[tuple[Any, ...] | None]: ...
