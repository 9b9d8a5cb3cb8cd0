# SPDX-License-Identifier: Apache-2.0
"""Zones of the SSV interface read in the plainest way, to compare with: one byte after the other off a list."""


class Cut(Exception):
    """The bytes end too early, or a field goes beyond its group."""


def groups(zone: bytes, joined: bool) -> list[tuple[int, list[bytes]]]:
    """Return number and fields of each group. Raises Cut."""
    left = list(zone)
    found = []
    while left:
        number = _take(left, 1)[0] * 256 + _take(left, 1)[0]
        [size] = _take(left, 1)
        if size >= 128 and joined:
            size = (size - 128) * 256 + _take(left, 1)[0]
        elif size >= 128:
            if size not in (129, 130):
                raise Cut
            size = int(bytes(_take(left, size - 128)).hex(), 16)
        body = _take(left, size)
        fields = []
        while body:
            [width] = _take(body, 1)
            fields.append(bytes(_take(body, width)))
        found.append((number, fields))
    return found


def _take(left: list[int], count: int) -> list[int]:
    if count > len(left):
        raise Cut
    taken, left[:] = left[:count], left[count:]
    return taken
