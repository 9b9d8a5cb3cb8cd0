# SPDX-License-Identifier: Apache-2.0
from typing import Any, Final

VALUE_KEYS: Final[tuple[str, ...]]

class Tariffs:
    def __init__(self, epochs: tuple[tuple[int, tuple[Any, ...]], ...]) -> None: ...
