# SPDX-License-Identifier: Apache-2.0
"""The chain of hashes over a trail, and whether a stretch of it holds."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.identity.audit.model import Access, Break, Link, Why

_ENCODER: Final = msgspec.json.Encoder()


def genesis(tenant: UUID) -> bytes:
    """Return what the first row of a centre is chained to: another centre's trail does not fit."""
    return hashlib.sha256(b"desmos-fast audit 1\0" + tenant.bytes).digest()


def canonical(access: Access) -> bytes:
    """Return the bytes that are hashed: compact JSON of the fields in their order, the instant in UTC to the microsecond."""
    at = access.at.astimezone(UTC).isoformat(timespec="microseconds")
    return _ENCODER.encode((at, *access[1:]))


def chain(previous: bytes, accesses: Iterable[Access]) -> list[bytes]:
    """Return one SHA-256 a row, each over the hash before it and the row's canonical bytes."""
    links: list[bytes] = []
    for access in accesses:
        previous = hashlib.sha256(previous + canonical(access)).digest()
        links.append(previous)
    return links


def breaks(links: Sequence[Link], before: int, previous: bytes) -> Iterator[Break]:
    """Give each place where a stretch does not hold; `previous` is the hash kept of row `before`, which it begins after.

    After a break it goes on from what is kept, so that each counts once.
    """
    for link in links:
        why = _why(link, before, previous)
        if why is not None:
            yield Break(before + 1 if why == "missing" else link.seq, why)
        if why != "misplaced":
            before, previous = link.seq, link.hash


def _why(link: Link, before: int, previous: bytes) -> Why | None:
    if link.seq <= before:
        return "misplaced"
    if link.seq > before + 1:
        return "missing"
    return None if chain(previous, [link.access]) == [link.hash] else "changed"
