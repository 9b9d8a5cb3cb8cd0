# SPDX-License-Identifier: Apache-2.0
"""Pack the keys of order lines and invoice parts into columns of one width, and join them."""

from collections.abc import Sequence
from typing import Final

import msgspec

from desmos_fast.settlement.rules import Key, OpenLine, OpenPart, line_key, part_key
from ext import join

_ENCODE: Final = msgspec.json.Encoder().encode
NONE: Final = -1
SEVERAL: Final = -2


def same_part(lines: Sequence[OpenLine], parts: Sequence[OpenPart]) -> tuple[list[int], dict[int, list[int]]]:
    """Return for each line the row of the only part with equal keys, -1 for none, -2 for several; and the rows of those several.

    A line without a lot is compared without it; a line without another key has no part here.
    """
    found = [NONE] * len(lines)
    several: dict[int, list[int]] = {}
    keys = [(row, key) for row, item in enumerate(lines) if (key := line_key(item)) is not None]
    for with_lot in (True, False):
        asked = [(row, key) for row, key in keys if bool(key[-1]) is with_lot]
        if asked:
            _join(asked, [part_key(item, with_lot=with_lot) for item in parts], found, several)
    return found, several


def _join(asked: Sequence[tuple[int, Key]], right: Sequence[Key], found: list[int], several: dict[int, list[int]]) -> None:
    left_keys = [_ENCODE(key) for _, key in asked]
    right_keys = [_ENCODE(key) for key in right]
    # JSON never holds a zero byte, so padding with zeros cannot make two keys equal.
    width = max(map(len, left_keys + right_keys))
    left, packed = (b"".join(key.ljust(width, b"\0") for key in keys) for keys in (left_keys, right_keys))
    rows = join.match_rows(left, packed, width, False)
    shared = {key for key, row in zip(left_keys, rows, strict=True) if row == SEVERAL}
    places: dict[bytes, list[int]] = {}
    for place, key in enumerate(right_keys) if shared else ():
        if key in shared:
            places.setdefault(key, []).append(place)
    for (row, _), key, answer in zip(asked, left_keys, rows, strict=True):
        found[row] = answer
        if answer == SEVERAL:
            several[row] = places[key]
