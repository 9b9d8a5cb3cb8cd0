# SPDX-License-Identifier: Apache-2.0
from array import array

def pairs(left: bytes, right: bytes, width: int) -> tuple[array[int], array[int]]: ...
