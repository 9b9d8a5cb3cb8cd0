# SPDX-License-Identifier: Apache-2.0
"""National tables, dated, and the tariff packs that were imported: one for all centres."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import asyncpg
import msgspec

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db.pool import Connection

# Two imports at once would both find the same state before them.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('desmos_fast nomenclature ' || $1, 0))"


class NotWritable(OutsideFailed):
    """The role may not write the tables of the house."""

    code = "outside_failed"


class Pack(NamedTuple):
    """A tariff pack as it was imported: the text of each of its files by name."""

    number: int
    name: str
    version: str
    sha256: bytes
    files: Mapping[str, str]


NEWEST_PACK: Final = "SELECT max(number) FROM tariff_pack"
READ_PACK: Final = "SELECT number, name, version, sha256, files FROM tariff_pack WHERE number = $1"
ADD_PACK: Final = "INSERT INTO tariff_pack (number, name, version, sha256, files) VALUES ($1, $2, $3, $4, $5)"


async def newest_pack(con: Connection) -> int | None:
    """Return the number of the pack imported last, or None."""
    number: int | None = await con.fetchval(NEWEST_PACK)
    return number


async def read_pack(con: Connection, number: int) -> Pack | None:
    """Return a pack, or None."""
    row = await con.fetchrow(READ_PACK, number)
    if row is None:
        return None
    files = msgspec.json.decode(row["files"], type=dict[str, str])
    return Pack(row["number"], row["name"], row["version"], row["sha256"], files)


async def lock(con: Connection, what: str) -> None:
    """Let no other import of the same thing run until the end of the transaction."""
    await con.execute(LOCK, what)


async def add_pack(con: Connection, pack: Pack) -> None:
    """Keep a pack. Raises NotWritable."""
    try:
        await con.execute(ADD_PACK, pack.number, pack.name, pack.version, pack.sha256, msgspec.json.encode(pack.files).decode())
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotWritable("this role may not import", hint="DESMOS_OWNER_DSN must name the owner of the tables") from error
