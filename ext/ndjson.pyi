# SPDX-License-Identifier: Apache-2.0
from array import array
from collections.abc import Callable
from typing import Self, TypeAlias, final

from ext.fse import Found
from ext.schema import Schema
from ext.seen import Seen
from ext.sink import Block

Odd: TypeAlias = tuple[int, int, object]

@final
class Lines:
    schema: Schema
    def __new__(cls, schema: Schema) -> Self: ...
    def encode(
        self,
        data: bytes | bytearray | memoryview,
        flow: int,
        general: Callable[[bytes, int], object],
        used: Seen | None = None,
        strict: bool = False,
        into: Block | None = None,
        first: int = 1,
    ) -> tuple[bytes | memoryview, array[int], array[int], array[int], array[int], list[Found], list[Odd]]: ...
    def surprises(self, data: bytes | bytearray | memoryview, excused: str = "") -> list[tuple[int, int, int]]: ...
