# SPDX-License-Identifier: Apache-2.0
"""Bulk rows in and out by binary COPY.

PostgreSQL refuses COPY FROM into a table under row-level security, so a block enters the leaf partition of its
tenant, where the application may insert and nothing else. The leaf checks no tenant but the remainder of its hash:
the column `tenant_id` is therefore written here, from the tenant of the request's key, and nowhere else.
"""

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from uuid import UUID

import asyncpg

from desmos_fast.base.errors import OurBug
from desmos_fast.db import kernel
from desmos_fast.db.kernel import Decoded, Kind
from desmos_fast.db.pipeline import Step, copying
from desmos_fast.db.pool import Connection

# A partition is told by its bound, which PostgreSQL gives only as text.
LEAF: Final = r"""
    SELECT n.nspname, c.relname
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'modulus (\d+), remainder (\d+)') AS bound
     WHERE i.inhparent = to_regclass(quote_ident($1)) AND c.relkind = 'r'
       AND satisfies_hash_partition(i.inhparent, bound[1]::integer, bound[2]::integer, $2::uuid)
"""
CHUNK: Final = 524_288
KEPT: Final = 65_536
# Above this many values the kernel works for more than a millisecond, and the loop must not wait for it.
THREAD_FROM: Final = 20_000
# What is raised when a table was cut in other leaves since we asked.
MOVED: Final = (asyncpg.UndefinedTableError, asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)

Values: TypeAlias = "kernel.Values | UUID | Sequence[UUID | None] | Sequence[UUID | bytes]"
Place: TypeAlias = tuple[str, str]
_places: dict[tuple[str, UUID], Place] = {}


class NoLeaf(OurBug):
    """The table is not partitioned by hash of the tenant, or not there."""

    code = "internal"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a block: a list or array with a value a row (None is NULL), or one value for every row.

    A uuid is a `UUID` or its 16 bytes, jsonb its text as bytes, a timestamp is aware.
    """

    kind: Kind
    values: Values


async def copy_in(con: Connection, table: str, tenant: UUID, columns: Mapping[str, Column]) -> int:
    """Insert a block of rows of `tenant` into its leaf of `table`, and return their number.

    The caller owns the transaction; the block is inserted whole or not at all. Raises ValueUnfit, NoLeaf, and what
    PostgreSQL refuses (asyncpg.UniqueViolationError and its like).
    """
    if "tenant_id" in columns:
        raise OurBug("tenant_id is written by copy_in and by nobody else")
    rows = _rows(columns)
    if rows == 0:
        return 0
    stream = await _stream(tenant, columns, rows)
    await copy_blocks(con, table, tenant, columns, _chunks(stream), rows)
    return rows


async def copy_blocks(
    con: Connection, table: str, tenant: UUID, columns: Iterable[str], blocks: AsyncIterator[bytes], rows: int,
    *, patience: float | None = None,
) -> None:  # fmt: skip
    """Insert a stream that a kernel lays out while it is sent: `tenant_id`, which is that of `tenant` in every row, then `columns`.

    Otherwise as `copy_in`; `rows` is how many there are, `patience` the seconds that it may take when the connection's own are too few.
    """
    schema, leaf = await _leaf(con, table, tenant)
    try:
        status = await _send(con, schema, leaf, ["tenant_id", *columns], blocks, patience)
    except MOVED:
        # The next call asks again.
        _places.pop((table, tenant), None)
        raise
    if status != f"COPY {rows}":
        raise OurBug(f"{rows} rows were sent to {table}, PostgreSQL says {status}")


def is_known(table: str, tenant: UUID) -> bool:
    """Say whether this process asked for the leaf of a tenant already, so that `step` may be called."""
    return (table, tenant) in _places


def step(table: str, tenant: UUID, columns: Mapping[str, Column]) -> Step:
    """Return the step of an exchange that inserts a block of rows as `copy_in` does."""
    names, kinds, values = _laid(tenant, columns)
    return copying(*_places[table, tenant], names, kernel.copy_stream(names, kinds, values, _rows(columns)))


def forget(tenant: UUID) -> None:
    """Ask again where the leaves of a tenant are: the tables may have been cut otherwise."""
    for place in [place for place in _places if place[1] == tenant]:
        del _places[place]


async def copy_out(con: Connection, query: str, *args: object, types: Sequence[Kind]) -> tuple[Decoded, ...]:
    """Run `query` and return its columns, whose kinds are `types`: integers without NULL as `array('q')`, the rest as lists.

    Reads go through the parent table, so row-level security applies. `query` is text of ours; values go in `args`.
    Raises StreamUnread when the query gives other kinds.
    """
    parts: list[bytes] = []

    async def take(data: bytes) -> None:
        parts.append(data)

    # A file object would cost asyncpg a trip to a thread for each piece.
    await con.copy_from_query(query, *args, output=take, format="binary")
    data = b"".join(parts)
    if len(data) // 8 > THREAD_FROM:
        return await asyncio.to_thread(kernel.read_stream, data, types)
    return kernel.read_stream(data, types)


def _rows(columns: Mapping[str, Column]) -> int:
    for column in columns.values():
        if isinstance(column.values, list | tuple | array):
            return len(column.values)
    raise OurBug("one column at least must hold a value for each row")


def _plain(column: Column) -> kernel.Values:
    # The kernel takes the 16 bytes of a uuid, the rooms speak in UUID.
    values = column.values
    if column.kind is not Kind.UUID:
        return cast(kernel.Values, values)
    if isinstance(values, UUID):
        return values.bytes
    if isinstance(values, list | tuple):
        return [value.bytes if isinstance(value, UUID) else value for value in values]
    return cast(kernel.Values, values)


def _laid(tenant: UUID, columns: Mapping[str, Column]) -> tuple[list[str], list[Kind], list[kernel.Values]]:
    names = ["tenant_id", *columns]
    kinds = [Kind.UUID, *(column.kind for column in columns.values())]
    return names, kinds, [tenant.bytes, *(_plain(column) for column in columns.values())]


async def _stream(tenant: UUID, columns: Mapping[str, Column], rows: int) -> bytes:
    names, kinds, values = _laid(tenant, columns)
    if rows * len(names) > THREAD_FROM:
        return await asyncio.to_thread(kernel.copy_stream, names, kinds, values, rows)
    return kernel.copy_stream(names, kinds, values, rows)


async def _leaf(con: Connection, table: str, tenant: UUID) -> Place:
    place = _places.get((table, tenant))
    if place is None:
        row = await con.fetchrow(LEAF, table, tenant)
        if row is None:
            raise NoLeaf(f"{table} has no leaf for this tenant")
        if len(_places) >= KEPT:
            _places.clear()
        place = _places[table, tenant] = (row["nspname"], row["relname"])
    return place


async def _send(con: Connection, schema: str, leaf: str, names: list[str], blocks: AsyncIterator[bytes], patience: float | None) -> str:
    sending = asyncio.ensure_future(
        con.copy_to_table(leaf, schema_name=schema, source=blocks, columns=names, format="binary", timeout=patience)
    )
    lost = False

    def give_up(_con: object) -> None:
        nonlocal lost
        lost = True
        sending.cancel()

    # asyncpg waits for room to write and is not told when the connection dies meanwhile: without this it would wait for ever.
    con.add_termination_listener(give_up)
    try:
        return await sending
    except (Exception, asyncio.CancelledError) as error:
        # Told to stop, asyncpg would still tell the server, over a transport that is gone: what that raises says nothing.
        if lost or con.is_closed():
            raise asyncpg.ConnectionDoesNotExistError("the connection was lost in the middle of a COPY") from error
        raise
    finally:
        if not lost:
            con.remove_termination_listener(give_up)


async def _chunks(stream: bytes) -> AsyncIterator[bytes]:
    # An iterator, and not a file object: asyncpg would read a file in a thread, piece by piece.
    for start in range(0, len(stream), CHUNK):
        yield stream if len(stream) <= CHUNK else stream[start : start + CHUNK]
