# SPDX-License-Identifier: Apache-2.0
from typing import Self, TypeAlias

Step: TypeAlias = tuple[int, int, int, bool, int, int, int, bytes | None]
Value: TypeAlias = int | str | bool | None

class Program:
    def __new__(cls, steps: tuple[Step, ...], width: int, slots: int) -> Self: ...

def write(program: Program, rows: list[tuple[Value, ...]]) -> bytes: ...
