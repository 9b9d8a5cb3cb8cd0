# SPDX-License-Identifier: Apache-2.0
"""Passwords by argon2id in threads, never many at once."""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from desmos_fast.identity.people.errors import HashingBusy
from desmos_fast.identity.people.policy import Argon2
from desmos_fast.identity.people.rules import normal

T = TypeVar("T")


class Hasher:
    """Hashes and verifies passwords; that of who has no account is held against a hash of chance, which takes as long."""

    __slots__ = ("_absent", "_argon2", "_free", "_most", "_waiting")

    def __init__(self, costs: Argon2) -> None:
        self._argon2 = PasswordHasher(costs.passes, costs.memory_kib, costs.lanes, type=Type.ID)
        self._free = asyncio.Semaphore(costs.at_once)
        self._most = costs.waiting
        self._waiting = 0
        # Of chance, at the same costs: no password has it.
        salt, digest = (base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
        self._absent = f"$argon2id$v=19$m={costs.memory_kib},t={costs.passes},p={costs.lanes}${salt}${digest}"

    async def hash(self, password: str) -> str:
        """Return the hash of a password, which says how it was made. Raises HashingBusy."""
        return await self._run(lambda: self._argon2.hash(normal(password)))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Say whether a password is the one that was hashed; without a hash it is not, which takes as long. Raises HashingBusy."""
        same = await self._run(lambda: self._verify(self._absent if hashed is None else hashed, password))
        return same and hashed is not None

    def is_old(self, hashed: str) -> bool:
        """Say whether a hash was made at other costs than those of now."""
        return self._argon2.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._argon2.verify(hashed, normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._most and self._free.locked():
            raise HashingBusy("too many passwords are being looked at", hint="send again in a moment")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        task = asyncio.create_task(asyncio.to_thread(work))
        # Who goes away leaves a thread that still works: its place is free once it ends, not before.
        task.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(task)
