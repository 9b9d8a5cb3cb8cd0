# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Self, final

from ext.schema import Columns, Schema
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
    ) -> Columns: ...
