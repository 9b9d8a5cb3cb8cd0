# SPDX-License-Identifier: Apache-2.0
"""The queue in a file of SQLite. Used from one thread."""

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.agents.wire import EventKind, EventTold

NONCE: Final = 12
SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS agreed (base INTEGER NOT NULL);
"""
# A second agent on the same folder would send everything again under the same numbers: the lock is held until the end.
SETTINGS: Final = ("PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT")
NEXT: Final = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'queue'), 0) + 1"
FIRST: Final = "SELECT min(place) FROM queue"
COUNT: Final = "SELECT count(*) FROM queue"
OLDEST: Final = "SELECT place, sealed FROM queue ORDER BY place LIMIT ?"
ADD: Final = "INSERT INTO queue (place, sealed) VALUES (?, ?)"
LEAVE: Final = "DELETE FROM queue WHERE place <= ?"
BASE: Final = "SELECT base FROM agreed"
FORGET_BASE: Final = "DELETE FROM agreed"
SET_BASE: Final = "INSERT INTO agreed (base) VALUES (?)"


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at the readers, before it has a number."""

    kind: EventKind
    at: datetime
    reader: str = ""
    atr: str = ""


class Queue:
    """Sealed events by place; their numbers are their places and a base, which the service and this queue agree on.

    Raises sqlite3.Error, and InvalidTag for what another key sealed.
    """

    def __init__(self, path: Path, key: bytes, most: int) -> None:
        self._seal, self._most = AESGCM(key), most
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            for setting in SETTINGS:
                self._db.execute(setting)
            self._db.executescript(SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def put(self, event: Happened) -> bool:
        """Keep an event unless the queue is full; it is on disk when this returns."""
        if self.count() >= self._most:
            return False
        with self._whole():
            (place,) = self._db.execute(NEXT).fetchone()
            nonce = os.urandom(NONCE)
            sealed = nonce + self._seal.encrypt(nonce, msgspec.json.encode(event), struct.pack(">Q", place))
            self._db.execute(ADD, (place, sealed))
        return True

    def agree(self, received: int) -> None:
        """Leave what the service has by this number, and have what waits follow it."""
        with self._whole():
            row = self._db.execute(BASE).fetchone()
            (after,) = self._db.execute(NEXT).fetchone()
            if row is not None and received < row[0] + after:
                self._db.execute(LEAVE, (received - row[0],))
            (first,) = self._db.execute(FIRST).fetchone()
            base = received + 1 - (after if first is None else first)
            if row is None or base != row[0]:
                self._db.execute(FORGET_BASE)
                self._db.execute(SET_BASE, (base,))

    def batch(self, most: int) -> tuple[EventTold, ...]:
        """Return the oldest events, `most` at most."""
        row = self._db.execute(BASE).fetchone()
        base = 0 if row is None else row[0]
        return tuple(self._opened(place, sealed, base) for place, sealed in self._db.execute(OLDEST, (most,)).fetchall())

    def count(self) -> int:
        """Return how many wait."""
        return int(self._db.execute(COUNT).fetchone()[0])

    def _opened(self, place: int, sealed: bytes, base: int) -> EventTold:
        plain = self._seal.decrypt(sealed[:NONCE], sealed[NONCE:], struct.pack(">Q", place))
        event = msgspec.json.decode(plain, type=Happened)
        return EventTold(number=base + place, kind=event.kind, at=event.at, reader=event.reader, atr=event.atr)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Keep all that is written inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
