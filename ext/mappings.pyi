# SPDX-License-Identifier: Apache-2.0
from array import array
from collections.abc import Callable
from typing import Self, final

from ext.fse import Found
from ext.schema import Schema
from ext.seen import Seen
from ext.sink import Block

@final
class Mappings:
    schema: Schema
    def __new__(cls, schema: Schema) -> Self: ...
    def encode(
        self,
        items: tuple[object, ...],
        flow: int,
        general: Callable[[int], object],
        used: Seen | None = None,
        strict: bool = False,
        into: Block | None = None,
    ) -> tuple[bytes | memoryview, array[int], array[int], array[int], array[int], list[Found], list[tuple[int, object]]]: ...
