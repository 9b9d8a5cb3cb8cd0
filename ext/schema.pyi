# SPDX-License-Identifier: Apache-2.0
from typing import Final, Self, TypeAlias

from ext.fse import Encoder

Key: TypeAlias = tuple[str, int, int | tuple[str, ...], bool, bool, object]

ROLES: Final[dict[str, int]]

class Schema:
    encoder: Encoder
    def __new__(cls, encoder: Encoder, things: tuple[tuple[Key, ...], ...]) -> Self: ...
