# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Mapping
from typing import Self, final

from ext.schema import Columns, Schema
from ext.seen import Seen
from ext.sink import Block

class Views:
    def __new__(cls, room: int) -> Self: ...

@final
class Arrays:
    schema: Schema
    paths: dict[str, tuple[tuple[int, int], ...]]
    def __new__(cls, schema: Schema, paths: Mapping[str, tuple[tuple[int, int], ...]]) -> Self: ...
    def encode(
        self,
        columns: Mapping[str, object],
        acts: object,
        flow: int,
        general: Callable[[int], object],
        used: Seen | None = None,
        strict: bool = False,
        into: Block | None = None,
    ) -> Columns: ...
