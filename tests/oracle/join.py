# SPDX-License-Identifier: Apache-2.0
"""The twin of the join kernel: plain dictionaries of keys."""

from collections import Counter


def match_rows(left: list[bytes], right: list[bytes], both_ways: bool) -> list[int]:
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(right):
        rows.setdefault(key, []).append(row)
    asked = Counter(left)

    def answer(key: bytes) -> int:
        found = rows.get(key, [])
        if not found:
            return -1
        return found[0] if len(found) == 1 and (asked[key] == 1 or not both_ways) else -2

    return [answer(key) for key in left]
