# SPDX-License-Identifier: Apache-2.0
"""The two kernels of matching: equal keys, packed into columns of one width, and sums."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgspec

from desmos_fast.settlement.rules import Key
from ext import join, subset

_ENCODE: Final = msgspec.json.Encoder().encode
Rows = Sequence[int]


def equal_rows(left: Sequence[Key], right: Sequence[Key]) -> Sequence[Rows]:
    """Give for each left key the rows of the right keys that equal it, in order."""
    left_keys, right_keys = [_ENCODE(key) for key in left], [_ENCODE(key) for key in right]
    if not left_keys or not right_keys:
        return [()] * len(left_keys)
    # JSON never holds a zero byte, so padding with zeros cannot make two keys equal.
    width = max(max(map(len, left_keys)), max(map(len, right_keys)))
    packed, others = (b"".join(key.ljust(width, b"\0") for key in keys) for keys in (left_keys, right_keys))
    found: list[Rows] = [()] * len(left_keys)
    for row, pairs in groupby(zip(*join.pairs(packed, others, width), strict=True), key=itemgetter(0)):
        found[row] = tuple(other for _, other in pairs)
    return found


def explain(amounts: Sequence[int], target: int) -> tuple[int, list[int]] | None:
    """Return how many subsets of the amounts sum to the target, 2 for two or more, and the rows of an only one.

    None when the sums are too many or too wide to be told.
    """
    try:
        return subset.explain(amounts, target)
    except OverflowError:
        return None
