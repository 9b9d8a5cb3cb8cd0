# SPDX-License-Identifier: Apache-2.0
from array import array

from ext.claims import Claims
from ext.reader import Fault, Scan

def sums(
    claims: Claims, scan: Scan, firsts: array[int], stops: array[int], bare: bool, limit: int
) -> tuple[list[Fault], array[int], array[int]]: ...
