# SPDX-License-Identifier: Apache-2.0
"""What goes through the pipe to a program of our own: fields of bytes, each behind its length. The standard library is all it needs."""

from collections.abc import Iterator
from typing import Final

WIDTH: Final = 4
# More than any zone or certificate; a length beyond it is none.
LARGEST: Final = 1 << 24
# How an answer begins whose call was done, and a consent in a call.
DONE: Final = b"done"
YES: Final = b"yes"


def pack(*fields: bytes | bytearray) -> bytearray:
    """Return a message of fields, its own length first. What it holds can be wiped by whoever sent it."""
    body = bytearray(WIDTH)
    for field in fields:
        body += len(field).to_bytes(WIDTH, "big")
        body += field
    body[:WIDTH] = (len(body) - WIDTH).to_bytes(WIDTH, "big")
    return body


def size(head: bytes | bytearray) -> int:
    """Return how long the message behind a head is. Raises ValueError for one that is too long."""
    found = int.from_bytes(head, "big")
    if found > LARGEST:
        raise ValueError("a message is too long")
    return found


def unpack(body: bytearray) -> list[bytearray]:
    """Return the fields of a message. Raises ValueError where they do not fill it."""
    return list(_fields(body))


def wipe(*held: bytearray) -> None:
    """Overwrite what is held."""
    for each in held:
        each[:] = bytes(len(each))


def _fields(body: bytearray) -> Iterator[bytearray]:
    at = 0
    while at < len(body):
        begin = at + WIDTH
        at = begin + int.from_bytes(body[at:begin], "big")
        if begin > len(body) or at > len(body):
            raise ValueError("a field leaves its message")
        yield body[begin:at]
