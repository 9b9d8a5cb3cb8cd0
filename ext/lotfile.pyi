# SPDX-License-Identifier: Apache-2.0
from array import array

def assemble(
    data: bytes | bytearray,
    starts: array[int],
    order: array[int],
    sizes: array[int],
    opening: bytes,
    heads: bytes,
    tails: bytes,
    closing: bytes,
    taken: bytearray,
) -> tuple[bytes, array[int]]: ...
