# SPDX-License-Identifier: Apache-2.0
"""What happened at the readers and was not acknowledged yet: on disk before anything else, sealed, numbered without a gap.

A program that is killed at any point finds here what the service may not have; the service keeps each number once.
"""

import asyncio
import os
import sqlite3
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.agents.wire import EventKind, EventTold
from desmos_fast.base.errors import OutsideFailed

T = TypeVar("T")
NONCE: Final = 12
MOST: Final = 100_000
SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS agreed (base INTEGER NOT NULL);
"""
NEXT: Final = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'queue'), 0) + 1"


class OutboxBroken(OutsideFailed):
    """The queue cannot be read or written, or another program has it."""

    code = "outside_failed"


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at the readers, before it has a number."""

    kind: EventKind
    at: datetime
    reader: str = ""
    atr: str = ""


class Outbox:
    """The queue in a file; all of its work is done in a thread of its own. Use as an async context manager."""

    def __init__(self, path: Path, key: bytes, *, most: int = MOST) -> None:
        self._path, self._seal, self._most = path, AESGCM(key), most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._added = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run(lambda: self._db.close())
        self._thread.shutdown()

    async def put(self, event: Happened) -> bool:
        """Queue an event; return once it is on disk. One that finds the queue full is not kept, and False. Raises OutboxBroken."""
        kept = await self._run(lambda: self._put(event))
        self._added.set()
        return kept

    async def agree(self, received: int) -> None:
        """Leave what the service has by this number, and have what waits follow it. Raises OutboxBroken.

        A queue that never was told a number, or is told of one that it never gave, is not the one that gave it: all that waits is kept.
        """
        await self._run(lambda: self._agree(received))

    async def batch(self, most: int) -> tuple[EventTold, ...]:
        """Return the oldest events, `most` at most, as soon as there are any. Raises OutboxBroken."""
        while True:
            self._added.clear()
            if found := await self._run(lambda: self._batch(most)):
                return found
            await self._added.wait()

    async def count(self) -> int:
        """Return how many wait. Raises OutboxBroken."""
        return await self._run(self._count)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            # Whoever gives up waiting does not stop half-way what is being written.
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))
        except sqlite3.Error as error:
            raise OutboxBroken(f"{self._path}: {error}", hint="does another agent run? is the disk full?") from error
        except InvalidTag as error:
            raise OutboxBroken(f"{self._path} does not open with its key", hint="move it away; what it holds is lost") from error

    def _open(self) -> None:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(self._path, timeout=0.5, isolation_level=None)
        try:
            # A second agent on the same folder would send everything again under the same numbers.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
            self._db.executescript(SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def _put(self, event: Happened) -> bool:
        if self._count() >= self._most:
            return False
        with _Whole(self._db):
            (place,) = self._db.execute(NEXT).fetchone()
            nonce = os.urandom(NONCE)
            sealed = nonce + self._seal.encrypt(nonce, msgspec.json.encode(event), struct.pack(">Q", place))
            self._db.execute("INSERT INTO queue (place, sealed) VALUES (?, ?)", (place, sealed))
        return True

    def _agree(self, received: int) -> None:
        with _Whole(self._db):
            row = self._db.execute("SELECT base FROM agreed").fetchone()
            (after,) = self._db.execute(NEXT).fetchone()
            if row is not None and received < row[0] + after:
                self._db.execute("DELETE FROM queue WHERE place <= ?", (received - row[0],))
            base = received - (self._first() or after) + 1
            if row is None or base != row[0]:
                self._db.execute("DELETE FROM agreed")
                self._db.execute("INSERT INTO agreed (base) VALUES (?)", (base,))

    def _batch(self, most: int) -> tuple[EventTold, ...]:
        row = self._db.execute("SELECT base FROM agreed").fetchone()
        base = 0 if row is None else row[0]
        found = self._db.execute("SELECT place, sealed FROM queue ORDER BY place LIMIT ?", (most,)).fetchall()
        return tuple(self._opened(place, sealed, base) for place, sealed in found)

    def _opened(self, place: int, sealed: bytes, base: int) -> EventTold:
        plain = self._seal.decrypt(sealed[:NONCE], sealed[NONCE:], struct.pack(">Q", place))
        event = msgspec.json.decode(plain, type=Happened)
        return EventTold(number=base + place, kind=event.kind, at=event.at, reader=event.reader, atr=event.atr)

    def _first(self) -> int | None:
        found: int | None = self._db.execute("SELECT min(place) FROM queue").fetchone()[0]
        return found

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM queue").fetchone()[0])


class _Whole:
    """All that is written inside, or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
