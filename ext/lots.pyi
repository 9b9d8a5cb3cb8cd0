# SPDX-License-Identifier: Apache-2.0
from array import array

def arrange(
    destination: array[int],
    flow: bytes,
    amc: array[int],
    security: bytes,
    executor: array[int],
    fees: array[int],
    amo: array[int],
    amc_share: array[int],
    starts: array[int],
    width: int,
    maximum: int,
    per_executor: bool,
) -> tuple[array[int], array[int], array[int], array[int], array[int], array[int]]: ...
def assemble(
    data: bytes,
    starts: array[int],
    order: array[int],
    sizes: array[int],
    opening: bytes,
    heads: bytes,
    tails: bytes,
    closing: bytes,
) -> tuple[bytes, array[int]]: ...
