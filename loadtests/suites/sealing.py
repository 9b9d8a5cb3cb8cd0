# SPDX-License-Identifier: Apache-2.0
"""Sealing, opening and the blind index of a block, beside one call per row into the usual packages, in one thread.

Ids and random nonces are included. It does not show the database, nor several threads.
"""

import hmac
import os
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ext import seal
from loadtests.model import Contender, Job, Race

PREFIX: Final = b"invoice\0" + bytes(16)
KEY: Final = bytes(range(32))
SIZES: Final = (128, 900, 4_000)


def content(rows: int, size: int) -> tuple[list[bytes], list[bytes]]:
    """Return ids and plain contents, the same for everyone."""
    ids = [row.to_bytes(16, "big") for row in range(rows)]
    return ids, [(row.to_bytes(8, "big") * (size // 8 + 1))[:size] for row in range(rows)]


def opened(ids: Sequence[bytes], sealed: Sequence[bytes]) -> list[bytes]:
    """Open rows one by one with the usual package."""
    cipher = AESGCM(KEY)
    return [cipher.decrypt(whole[:12], whole[12:], PREFIX + row) for row, whole in zip(ids, sealed, strict=True)]


def sealing(size: int) -> Race:
    """Return the race of sealing contents of one size."""

    def ours(rows: int) -> Job:
        ids, plain = content(rows, size)
        return Job(lambda: seal.seal_block(KEY, PREFIX, ids, plain), rows, lambda sealed: opened(ids, sealed))

    def peer(rows: int) -> Job:
        ids, plain = content(rows, size)
        cipher = AESGCM(KEY)

        def run() -> list[bytes]:
            found = []
            for row, each in zip(ids, plain, strict=True):
                nonce = os.urandom(12)
                found.append(nonce + cipher.encrypt(nonce, each, PREFIX + row))
            return found

        return Job(run, rows, lambda sealed: opened(ids, sealed))

    return _race(f"seal-{size}", f"seal {size} bytes", ours, peer, lambda rows: content(rows, size)[1])


def opening(size: int) -> Race:
    """Return the race of opening contents of one size."""

    def ours(rows: int) -> Job:
        ids, plain = content(rows, size)
        sealed = seal.seal_block(KEY, PREFIX, ids, plain)
        return Job(lambda: seal.open_block(KEY, PREFIX, ids, sealed), rows)

    def peer(rows: int) -> Job:
        ids, plain = content(rows, size)
        sealed = seal.seal_block(KEY, PREFIX, ids, plain)
        return Job(lambda: opened(ids, sealed), rows)

    return _race(f"open-{size}", f"open {size} bytes", ours, peer, lambda rows: content(rows, size)[1])


def texts(rows: int) -> list[str]:
    """Return texts to index, each of the form of a NIR of nobody."""
    return [f"1850799999{row:05d}" for row in range(rows)]


def digests(rows: int) -> list[bytes]:
    """Index texts one by one with the standard library."""
    return [hmac.digest(KEY, text.encode(), "sha256") for text in texts(rows)]


def ours_index(rows: int) -> Job:
    """Index a block."""
    given = texts(rows)
    return Job(lambda: seal.index_block(KEY, given), rows)


def peer_index(rows: int) -> Job:
    """Index row by row."""
    given = texts(rows)
    return Job(lambda: [hmac.digest(KEY, text.encode(), "sha256") for text in given], rows)


def _race(name: str, work: str, ours: Callable[[int], Job], peer: Callable[[int], Job], answer: Callable[[int], object]) -> Race:
    peers = (Contender("row by row", peer),)
    return Race(name, work, 10_000, 1_000, ours=(Contender("block", ours),), peers=peers, answer=answer)


RACES: Final = (
    *(sealing(size) for size in SIZES),
    *(opening(size) for size in SIZES),
    _race("index", "blind index", ours_index, peer_index, digests),
)
