# SPDX-License-Identifier: Apache-2.0
from array import array

from ext.apart import Apart
from ext.claims import Claims
from ext.reader import Scan

WRITES: tuple[str, ...]
RECORDS: tuple[str, ...]

Step = tuple[bytes, int, int, int, int, int, tuple[tuple[int, bytes], ...]]

class Wire:
    def __init__(self, head: tuple[Step, ...], ngap: tuple[Step, ...], ccam: tuple[Step, ...]) -> None: ...
    def lines(
        self, claims: Claims, scan: Scan, firsts: array[int], stops: array[int], apart: Apart, begin: int, end: int,
    ) -> bytes: ...
