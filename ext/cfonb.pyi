# SPDX-License-Identifier: Apache-2.0
from typing import Final, TypeAlias, final

_Fault: TypeAlias = tuple[str, int, int, bytes, int, bytes, int, int, int]

KINDS: Final[tuple[str, ...]]
MOST: Final[int]

@final
class Reader:
    records: int
    lines: int
    warned: int
    def __init__(self, sha256: bytes, operations: bytes, units: bytes, kept: int) -> None: ...
    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...
    @property
    def fault(self) -> _Fault | None: ...
    def warnings(self) -> list[tuple[str, int, int, bytes]]: ...
    def blocks(self) -> list[tuple[bytes, bytes, bytes, int, bytes, int, int]]: ...
