# SPDX-License-Identifier: Apache-2.0
"""Tag, length, value, as cards write them (BER)."""

from collections.abc import Iterator
from typing import Final

PADDING: Final = (0x00, 0xFF)
LONG_TAG: Final = 0x1F
LONGEST_TAG: Final = 4
LONGEST_LENGTH: Final = 2


def walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tags and values; filling between them is passed over. What is cut short or no longer such a list ends it without a word."""
    at = 0
    while at < len(data):
        if data[at] in PADDING:
            at += 1
            continue
        found = _tag(data, at)
        length = _length(data, found[1]) if found is not None else None
        if found is None or length is None or length[1] + length[0] > len(data):
            return
        at = length[1] + length[0]
        yield found[0], data[length[1] : at]


def values(data: bytes, tag: int) -> list[bytes]:
    """Return the values that stand under a tag, in their order."""
    return [value for found, value in walk(data) if found == tag]


def _tag(data: bytes, at: int) -> tuple[int, int] | None:
    """Return a tag and where it ends."""
    first, end = data[at], at + 1
    if first & LONG_TAG == LONG_TAG:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
        if end > len(data) or end - at > LONGEST_TAG:
            return None
    return int.from_bytes(data[at:end], "big"), end


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """Return a length and where the value begins."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 0x80:
        return first, at + 1
    end = at + 1 + (first & 0x7F)
    if not 1 <= first & 0x7F <= LONGEST_LENGTH or end > len(data):
        return None
    return int.from_bytes(data[at + 1 : end], "big"), end
