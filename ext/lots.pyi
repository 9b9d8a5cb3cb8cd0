# SPDX-License-Identifier: Apache-2.0
from array import array

CAISSE: int
DESTINATION: int
FLOW: int
AMC: int
SECURITY: int
EXECUTOR: int
AGE: int
AMOUNT: int
ALWAYS: frozenset[int]

def arrange(
    destination: array[int],
    flow: bytes | bytearray,
    amc: array[int],
    security: bytes | bytearray,
    executor: array[int],
    care: array[int],
    number: array[int],
    fees: array[int],
    amo: array[int],
    amc_share: array[int],
    starts: array[int],
    width: int,
    maximum: int,
    ceiling: int,
    room: int,
    plan: bytes,
    care_bounds: array[int],
    fee_bounds: array[int],
) -> tuple[array[int], array[int], array[int], array[int], array[int], array[int]]: ...
