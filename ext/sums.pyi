# SPDX-License-Identifier: Apache-2.0
from array import array
from typing import final

from ext.apart import Apart
from ext.claims import Claims
from ext.found import Found
from ext.reader import Scan

@final
class Sums:
    def __init__(self, claims: Claims, bare: bool) -> None: ...
    @property
    def apart(self) -> Apart: ...
    def check(self, scan: Scan, firsts: array[int], stops: array[int], limit: int) -> Found: ...
