# SPDX-License-Identifier: Apache-2.0
from array import array
from collections.abc import Callable
from typing import Final, Self, TypeAlias, final

from ext.seen import Seen
from ext.sink import Block

Check: TypeAlias = tuple[str, str, int, int, bool, bool, int, int, int, tuple[str, ...]]
Steps: TypeAlias = tuple[tuple[int, int, int, bool, int, int, int, bytes | None, int], ...]
Found: TypeAlias = tuple[int, int, int, int, object, int]
Columns: TypeAlias = tuple[bytes | memoryview, array[int], array[int], array[int], array[int], list[Found]]

OBJECTS: Final[tuple[str, ...]]
LINES: Final[tuple[str, ...]]
KINDS: Final[dict[str, int]]
REASONS: Final[tuple[str, ...]]
SLOTS: Final[dict[str, int]]

@final
class Encoder:
    wide: bool
    most: int
    def __new__(
        cls, classes: tuple[type, ...], checks: tuple[Check, ...], programs: tuple[Steps, ...], names: Callable[[str], str | None]
    ) -> Self: ...
    def encode_alone(self, invoice: object, flow: int, strict: bool = False) -> tuple[bytes, list[Found]]: ...
    def encode(
        self, invoices: tuple[object, ...], flow: int, used: Seen | None = None, strict: bool = False, into: Block | None = None
    ) -> Columns: ...
