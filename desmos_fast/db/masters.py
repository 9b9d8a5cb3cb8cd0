# SPDX-License-Identifier: Apache-2.0
"""Where master keys are kept: files of the house, plain or wrapped by a key of somebody else; and which of them are in use."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from desmos_fast.base.errors import DesmosError
from desmos_fast.base.settings import Settings
from desmos_fast.db import secrets
from desmos_fast.db.health import bare
from desmos_fast.db.keyring import FIRST, KEY_SIZE, Keyring, KeyUse
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.wrapping import Wrapper, open_wrapper

log: Final = structlog.get_logger("desmos.keys")
FOLLOW_S: Final = 1.0
USE: Final = """
    SELECT coalesce(max(id) FILTER (WHERE seals_at IS NOT NULL), 0), coalesce(max(id) FILTER (WHERE indexes_at IS NOT NULL), 0)
      FROM master_key
"""


def name_of(number: int) -> str:
    """Return the name of the file of a master key."""
    return "master" if number == FIRST else f"master_{number}"


class KeyFiles:
    """Master keys in the folder of secrets; those that are wrapped open only with `wrapper`."""

    def __init__(self, data_dir: Path, wrapper: Wrapper | None = None) -> None:
        self._data_dir = data_dir
        self._wrapper = wrapper

    def load(self, number: int) -> bytes:
        """Return a master key. Raises SecretMissing, SecretUnreadable, WrapFailed."""
        name = name_of(number)
        if self._wrapper is None:
            return secrets.kept(self._data_dir, name)
        wrapped = secrets.found(self._data_dir, f"wrapped_{name}")
        return secrets.kept(self._data_dir, name) if wrapped is None else self._wrapper.unwrap(name, wrapped)

    def make(self, number: int) -> None:
        """Make a master key unless it is there, wrapped where keys are wrapped. Raises SecretUnreadable, WrapFailed."""
        name = name_of(number)
        if self._wrapper is None:
            secrets.secret(self._data_dir, name, KEY_SIZE)
        elif secrets.found(self._data_dir, f"wrapped_{name}") is None and secrets.found(self._data_dir, name) is None:
            self._wrap(self._wrapper, name, os.urandom(KEY_SIZE))

    def wrap_all(self) -> int:
        """Wrap the master keys that lie plain, and take the plain ones away; return how many. Raises WrapFailed, SecretUnreadable."""
        if self._wrapper is None:
            raise secrets.SecretMissing("DESMOS_KEYS names nobody who wraps keys", hint="see `desmos-fast keys --help`")
        names = sorted(path.name for path in (self._data_dir / secrets.FOLDER).glob("master*"))
        for name in names:
            self._wrap(self._wrapper, name, secrets.kept(self._data_dir, name))
            secrets.remove(self._data_dir, name)
        return len(names)

    def _wrap(self, wrapper: Wrapper, name: str, master: bytes) -> None:
        secrets.put(self._data_dir, f"wrapped_{name}", wrapper.wrap(name, master))
        kept = secrets.found(self._data_dir, f"wrapped_{name}") or b""
        if wrapper.unwrap(name, kept) != master:
            raise secrets.SecretUnreadable(f"another key is wrapped as {name} already", hint="find out which one rows are sealed under")


def key_files(settings: Settings) -> KeyFiles:
    """Return the master keys of an installation. Raises KeysInvalid."""
    return KeyFiles(settings.data_dir, open_wrapper(settings.keys))


def open_keyring(settings: Settings, *, make: bool = False) -> Keyring:
    """Return a ring of the master keys of an installation, the first of them made when `make` and there is none.

    Raises SecretMissing, SecretUnreadable, WrapFailed, KeysInvalid.
    """
    files = key_files(settings)
    if make:
        files.make(FIRST)
    ring = Keyring(source=files)
    ring.master(FIRST)
    return ring


async def read_use(con: Connection) -> KeyUse:
    """Return which master keys are in use."""
    row = await con.fetchrow(USE)
    assert row is not None, "an aggregate has a row"
    return KeyUse(*row)


async def look(pool: Pool, ring: Keyring) -> None:
    """Take the keys that are in use now. Raises DatabaseDown, KeyUnknown, OutsideFailed."""
    async with bare(pool) as con:
        use = await read_use(con)
    # A key that is new may have to be asked of a service; it is taken between two requests, or one could keep the keys of before.
    try:
        await asyncio.to_thread(ring.hold, use)
    except DesmosError:
        ring.withhold(use)
        raise
    ring.follow(use)


@asynccontextmanager
async def following(pool: Pool, ring: Keyring) -> AsyncIterator[None]:
    """Take, while the block runs, the keys that are in use, a second after the database says so; a ring of one key has no others."""
    if not ring.follows:
        yield
        return
    with suppress(DatabaseDown):
        await look(pool, ring)
    task = asyncio.create_task(_follow(pool, ring))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(pool: Pool, ring: Keyring) -> None:
    while True:
        await asyncio.sleep(FOLLOW_S)
        try:
            await look(pool, ring)
        except DatabaseDown:
            continue
        except DesmosError as error:
            log.error("a master key cannot be had", code=error.code, detail=error.detail)
