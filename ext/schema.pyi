# SPDX-License-Identifier: Apache-2.0
from array import array
from typing import Final, Self, TypeAlias

from ext.fse import Encoder, Found

Key: TypeAlias = tuple[str, int, int | tuple[str, ...], bool, bool, object]
# The columns of an encoder, with the place and the invoice of each row that went the general way.
Columns: TypeAlias = tuple[
    bytes | memoryview, array[int], array[int], array[int], array[int], list[Found], list[tuple[int, object]]
]

ROLES: Final[dict[str, int]]

class Schema:
    encoder: Encoder
    def __new__(cls, encoder: Encoder, things: tuple[tuple[Key, ...], ...]) -> Self: ...
