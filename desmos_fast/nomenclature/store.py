# SPDX-License-Identifier: Apache-2.0
"""National tables, dated, and the tariff packs that were imported: one for all centres."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias

import asyncpg
import msgspec

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db.pool import AWAY, Connection, DatabaseDown
from desmos_fast.nomenclature.importer import TableFile

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
NEWEST_DIGEST: Final = "SELECT sha256 FROM tariff_pack ORDER BY number DESC LIMIT 1"
READ_PACK: Final = "SELECT number, name, version, sha256, files FROM tariff_pack WHERE number = $1"
ADD_PACK: Final = "INSERT INTO tariff_pack (number, name, version, sha256, files) VALUES ($1, $2, $3, $4, $5)"


async def newest_pack(con: Connection) -> int | None:
    """Return the number of the pack imported last, or None."""
    number: int | None = await con.fetchval(NEWEST_PACK)
    return number


async def newest_digest(con: Connection) -> bytes | None:
    """Return the SHA-256 of the pack imported last, or None."""
    digest: bytes | None = await con.fetchval(NEWEST_DIGEST)
    return digest


async def read_pack(con: Connection, number: int) -> Pack | None:
    """Return a pack, or None."""
    row = await con.fetchrow(READ_PACK, number)
    if row is None:
        return None
    files = msgspec.json.decode(row["files"], type=dict[str, str])
    return Pack(row["number"], row["name"], row["version"], row["sha256"], files)


@asynccontextmanager
async def importing(con: Connection, what: str) -> AsyncIterator[None]:
    """Let no other import of the same thing run until the end of the transaction. Raises DatabaseDown, NotWritable."""
    try:
        await con.execute(LOCK, what)
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotWritable("this role may not import", hint="DESMOS_OWNER_DSN must name the owner of the tables") from error
    except AWAY as error:
        raise DatabaseDown(f"the database is away ({type(error).__name__})", hint="nothing was imported: do it again") from error


async def add_pack(con: Connection, pack: Pack) -> None:
    """Keep a pack."""
    files = msgspec.json.encode(pack.files).decode()
    await con.execute(ADD_PACK, pack.number, pack.name, pack.version, pack.sha256, files)


class Import(NamedTuple):
    """One import of a table, from the day on which the table is what its file says."""

    table: str
    number: int
    since: date
    file: str
    sha256: bytes
    codes: int
    imported_at: datetime


LAST_IMPORT: Final = """
    SELECT nomenclature, number, since, file, sha256, codes, imported_at
      FROM nomenclature_import WHERE nomenclature = $1 ORDER BY number DESC LIMIT 1
"""
LAST_IMPORTS: Final = """
    SELECT DISTINCT ON (nomenclature) nomenclature, number, since, file, sha256, codes, imported_at
      FROM nomenclature_import ORDER BY nomenclature, number DESC
"""


async def last_import(con: Connection, table: str) -> Import | None:
    """Return the last import of a table, or None."""
    row = await con.fetchrow(LAST_IMPORT, table)
    return None if row is None else Import(*row)


async def last_imports(con: Connection) -> list[Import]:
    """Return the last import of each table that was imported."""
    return [Import(*row) for row in await con.fetch(LAST_IMPORTS)]


INCOMING: Final = """
    CREATE TEMP TABLE incoming (code text, label text, data jsonb) ON COMMIT DROP;
    CREATE TEMP TABLE difference (code text, kind text) ON COMMIT DROP
"""
COMPARE: Final = """
    INSERT INTO difference (code, kind)
    SELECT coalesce(i.code, c.code), CASE WHEN c.code IS NULL THEN 'added' WHEN i.code IS NULL THEN 'ended' ELSE 'changed' END
      FROM incoming AS i
      FULL JOIN (SELECT code, label, data FROM nomenclature_code WHERE nomenclature = $1 AND until IS NULL) AS c ON c.code = i.code
     WHERE c.code IS NULL OR i.code IS NULL OR c.label <> i.label OR c.data <> i.data
"""
COUNTS: Final = "SELECT kind, count(*) AS codes, (array_agg(code ORDER BY code))[:$1] AS first FROM difference GROUP BY kind"
ADD_IMPORT: Final = """
    INSERT INTO nomenclature_import (nomenclature, number, since, file, sha256, codes, added, changed, ended)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
# What began on the same day has not held a day yet.
FORGET: Final = """
    DELETE FROM nomenclature_code AS c USING difference AS d
     WHERE c.nomenclature = $1 AND c.code = d.code AND c.until IS NULL AND c.since = $2
"""
END: Final = """
    UPDATE nomenclature_code AS c SET until = $2::date - 1 FROM difference AS d
     WHERE c.nomenclature = $1 AND c.code = d.code AND c.until IS NULL
"""
BEGIN: Final = """
    INSERT INTO nomenclature_code (nomenclature, code, since, label, data, import)
    SELECT $1, i.code, $2, i.label, i.data, $3 FROM incoming AS i JOIN difference AS d ON d.code = i.code
"""
# One transaction may import several tables.
DONE: Final = "DROP TABLE incoming, difference"
Difference: TypeAlias = dict[str, tuple[int, list[str]]]
# In the order of the columns that count them.
NO_DIFFERENCE: Final[Difference] = {"added": (0, []), "changed": (0, []), "ended": (0, [])}


async def replace(con: Connection, read: TableFile, number: int, since: date, examples: int) -> Difference:
    """Let a table be, from a day on, what a file says, and return how many codes that changes and which come first."""
    await con.execute(INCOMING)
    await con.copy_records_to_table("incoming", records=read.rows, columns=("code", "label", "data"))
    await con.execute(COMPARE, read.table)
    found = NO_DIFFERENCE | {row["kind"]: (row["codes"], row["first"]) for row in await con.fetch(COUNTS, examples)}
    counts = [count for count, _ in found.values()]
    await con.execute(ADD_IMPORT, read.table, number, since, read.file, read.sha256, len(read.rows), *counts)
    await con.execute(FORGET, read.table, since)
    await con.execute(END, read.table, since)
    await con.execute(BEGIN, read.table, since, number)
    await con.execute(DONE)
    return found


class HeldCode(NamedTuple):
    """What a code says from `since` to `until`, both included, and the number of the import that says so."""

    code: str
    since: date
    until: date | None
    label: str
    data: dict[str, str]
    number: int


CODES: Final = """
    SELECT code, since, until, label, data, import FROM nomenclature_code
     WHERE nomenclature = $1 AND ($2::text IS NULL OR code = $2) AND since <= $3 AND (until IS NULL OR until >= $3)
     ORDER BY code COLLATE "C"
"""


async def codes(con: Connection, table: str, code: str | None, on: date) -> list[HeldCode]:
    """Return the codes of a table that hold on a day, or the one of them that is asked for."""
    decode = msgspec.json.Decoder(dict[str, str]).decode
    rows = await con.fetch(CODES, table, code, on)
    return [HeldCode(row["code"], row["since"], row["until"], row["label"], decode(row["data"]), row["import"]) for row in rows]
