# SPDX-License-Identifier: Apache-2.0
from typing import Any

from ext.reader import Scan

READS: tuple[str, ...]

class Columns:
    def __init__(self, steps: tuple[tuple[int, int, int, int], ...]) -> None: ...
    def rows(self, scan: Scan, code: int, first: int, stop: int) -> list[tuple[Any, ...]]: ...
