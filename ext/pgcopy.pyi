# SPDX-License-Identifier: Apache-2.0
from array import array
from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias

UUID: int
INT2: int
INT4: int
INT8: int
TEXT: int
BYTEA: int
DATE: int
TIMESTAMPTZ: int
BOOL: int
JSONB: int

_Scalar: TypeAlias = bytes | int | str | date | datetime | bool
_Column: TypeAlias = _Scalar | array[int] | Sequence[_Scalar | None]
def encode(types: bytes | tuple[int, ...], columns: tuple[_Column, ...], rows: int) -> bytes: ...
