# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final, final

VALUE_KEYS: Final[tuple[str, ...]]
ROLES: Final[dict[str, int]]
HEAVIES: Final[dict[str, int]]
EFFECTS: Final[dict[str, int]]
BASKETS: Final[dict[str, int]]
KINDS: Final[dict[str, int]]

@final
class Tariffs:
    def __new__(cls, epochs: tuple[tuple[int, tuple[Any, ...]], ...]) -> Tariffs: ...
