# SPDX-License-Identifier: Apache-2.0
from array import array
from datetime import date, datetime
from typing import TypeAlias

_Decoded: TypeAlias = (
    array[int]
    | list[int | None]
    | list[bytes | None]
    | list[str | None]
    | list[date | None]
    | list[datetime | None]
    | list[bool | None]
)

def decode(data: bytes, types: bytes | tuple[int, ...]) -> tuple[_Decoded, ...]: ...
