# SPDX-License-Identifier: Apache-2.0
"""The twin of the join kernel: a plain dictionary of keys."""


def pairs(left: list[bytes], right: list[bytes]) -> list[tuple[int, int]]:
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(right):
        rows.setdefault(key, []).append(row)
    return [(row, other) for row, key in enumerate(left) for other in rows.get(key, [])]
