# SPDX-License-Identifier: Apache-2.0
"""Bulk rows against a real PostgreSQL: what enters a leaf, what is refused, and what comes back."""

import asyncio
import io
import re
from array import array
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import uuid7
from desmos_fast.db import kernel, leaf, tenant
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column
from desmos_fast.db.pool import AWAY, Connection
from tests.db.databases import empty

LEAVES = 4
TABLES = f"""
    CREATE ROLE block_app LOGIN PASSWORD 'block_app';
    CREATE TABLE block (
        tenant_id uuid NOT NULL, id uuid NOT NULL, small smallint, middle integer, large bigint, name text, blob bytea, day date,
        at timestamptz, live boolean, document jsonb, kind text NOT NULL DEFAULT 'plain' CHECK (kind <> 'forbidden'),
        PRIMARY KEY (tenant_id, id)
    ) PARTITION BY HASH (tenant_id);
    DO $$ BEGIN
        FOR n IN 0..{LEAVES - 1} LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF block FOR VALUES WITH (MODULUS {LEAVES}, REMAINDER %s)', 'block_' || n, n);
            EXECUTE format('GRANT INSERT ON %I TO block_app', 'block_' || n);
        END LOOP;
    END $$;
    ALTER TABLE block ENABLE ROW LEVEL SECURITY;
    ALTER TABLE block FORCE ROW LEVEL SECURITY;
    CREATE POLICY one_tenant ON block USING (tenant_id = current_setting('app.tenant')::uuid);
    GRANT SELECT, INSERT ON block TO block_app;
    CREATE TABLE flat (tenant_id uuid, id uuid);
    GRANT INSERT ON flat TO block_app;
"""
ALL = "SELECT id, small, middle, large, name, blob, day, at, live, document, kind FROM block WHERE large >= $1 ORDER BY id"
KINDS = (
    Kind.UUID, Kind.INT2, Kind.INT4, Kind.INT8, Kind.TEXT, Kind.BYTEA, Kind.DATE, Kind.TIMESTAMPTZ, Kind.BOOL, Kind.JSONB, Kind.TEXT,
)  # fmt: skip


def as_app(dsn: str) -> str:
    """Return the way in of the role that these tables serve."""
    return re.sub("//[^@]*@", "//block_app:block_app@", dsn)


@pytest.fixture(scope="module")
def tables(cluster: Cluster) -> Iterator[str]:
    """Lay the tables in an empty database, and give the DSN of its superuser."""

    async def run(dsn: str, statements: str) -> None:
        con = await asyncpg.connect(dsn)
        await con.execute(statements)
        await con.close()

    with empty(cluster) as place:
        asyncio.run(run(place.admin_dsn, TABLES))
        yield place.admin_dsn
    asyncio.run(run(cluster.admin_dsn(), "DROP ROLE block_app"))


@pytest.fixture
async def owner(tables: str) -> AsyncIterator[Connection]:
    """Give the owner's connection to empty tables, out of the reach of row-level security."""
    con: Connection = await asyncpg.connect(tables)
    await con.execute("TRUNCATE block")
    yield con
    await con.close()


@pytest.fixture
async def app(tables: str, owner: Connection) -> AsyncIterator[Connection]:
    """Give the application's connection; each test names its tenant."""
    con: Connection = await asyncpg.connect(as_app(tables))
    yield con
    await con.close()


async def see(con: Connection, who: UUID) -> None:
    await con.execute("SELECT set_config('app.tenant', $1, false)", str(who))


def ids(count: int) -> list[UUID]:
    return sorted(uuid7() for _ in range(count))


async def remainder(owner: Connection, who: UUID) -> int:
    for n in range(LEAVES):
        if await owner.fetchval("SELECT satisfies_hash_partition('block'::regclass, $1, $2, $3::uuid)", LEAVES, n, who):
            return n
    raise AssertionError


async def two_tenants(owner: Connection, same_leaf: bool) -> tuple[UUID, UUID]:
    first = uuid7()
    while True:
        second = uuid7()
        if (await remainder(owner, first) == await remainder(owner, second)) is same_leaf:
            return first, second


async def test_every_kind_enters_and_comes_back(app: Connection) -> None:
    who, rows = uuid7(), ids(3)
    noon = datetime(2025, 7, 1, 12, 0, 0, 123_456, UTC)
    columns = {
        "id": Column(Kind.UUID, rows),
        "small": Column(Kind.INT2, [-(2**15), None, 2**15 - 1]),
        "middle": Column(Kind.INT4, array("q", [-(2**31), 0, 2**31 - 1])),
        "large": Column(Kind.INT8, array("q", [0, 1, 2**63 - 1])),
        "name": Column(Kind.TEXT, ["Éléonore", "", None]),
        "blob": Column(Kind.BYTEA, [b"\0\xff", None, b""]),
        "day": Column(Kind.DATE, [date(1, 1, 1), date(9999, 12, 31), None]),
        "at": Column(Kind.TIMESTAMPTZ, noon),
        "live": Column(Kind.BOOL, [True, False, None]),
        "document": Column(Kind.JSONB, [b'{"a": 1}', b"[]", None]),
        "kind": Column(Kind.TEXT, "block"),
    }
    await see(app, who)
    assert await leaf.copy_in(app, "block", who, columns) == 3
    found = [tuple(row.values()) for row in await app.fetch(ALL, 0)]
    assert found[0] == (rows[0], -(2**15), -(2**31), 0, "Éléonore", b"\0\xff", date(1, 1, 1), noon, True, '{"a": 1}', "block")
    read = await leaf.copy_out(app, ALL, 0, types=KINDS)
    expected = [list(column) for column in zip(*found, strict=True)]
    expected[0] = [row.bytes for row in rows]
    expected[9] = [b'{"a": 1}', b"[]", None]
    assert [list(column) for column in read] == expected
    assert isinstance(read[3], array) and isinstance(read[1], list)
    [large] = await leaf.copy_out(app, "SELECT large FROM block WHERE large = ANY($1) ORDER BY 1", [1, 2**63 - 1], types=[Kind.INT8])
    assert large == array("q", [1, 2**63 - 1])


async def test_each_tenant_has_the_leaf_that_postgresql_would_choose(app: Connection, owner: Connection) -> None:
    used = set()
    for _ in range(24):
        who = uuid7()
        await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, ids(1))})
        await owner.execute("INSERT INTO block (tenant_id, id) VALUES ($1, $2)", who, uuid7())
        rows = await owner.fetch("SELECT tableoid::regclass::text AS leaf FROM block WHERE tenant_id = $1", who)
        assert len(rows) == 2 and rows[0] == rows[1]
        used.add(rows[0]["leaf"])
    assert len(used) > 1


async def test_postgresql_refuses_a_stream_into_the_parent(app: Connection) -> None:
    who = uuid7()
    stream = kernel.copy_stream(["tenant_id", "id"], [Kind.UUID, Kind.UUID], [who.bytes, [uuid7().bytes]], 1)
    await see(app, who)
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="row-level security"):
        await app.copy_to_table("block", source=io.BytesIO(stream), columns=["tenant_id", "id"], format="binary")


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM {}", "SELECT count(*) FROM {}", "COPY {} TO STDOUT", "DELETE FROM {}", "UPDATE {} SET small = 1", "TRUNCATE {}",
     "INSERT INTO {} (tenant_id, id) VALUES (gen_random_uuid(), gen_random_uuid()) RETURNING id"],
)  # fmt: skip
async def test_a_leaf_shows_and_changes_nothing(app: Connection, statement: str) -> None:
    who = uuid7()
    await see(app, who)
    await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, ids(2))})
    for n in range(LEAVES):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement.format(f"block_{n}"))


async def test_rows_of_a_tenant_of_another_leaf_are_refused(app: Connection, owner: Connection) -> None:
    ours, foreign = await two_tenants(owner, same_leaf=False)
    stream = kernel.copy_stream(["tenant_id", "id"], [Kind.UUID, Kind.UUID], [foreign.bytes, [uuid7().bytes]], 1)
    with pytest.raises(asyncpg.CheckViolationError, match="partition constraint"):
        await app.copy_to_table(
            f"block_{await remainder(owner, ours)}", source=io.BytesIO(stream), columns=["tenant_id", "id"], format="binary"
        )
    assert await owner.fetchval("SELECT count(*) FROM block") == 0


async def test_the_tenant_comes_from_the_argument_alone(app: Connection, owner: Connection) -> None:
    # In the same leaf PostgreSQL would take the foreign rows: only the writer of the column stands between.
    ours, foreign = await two_tenants(owner, same_leaf=True)
    rows = ids(2)
    with pytest.raises(OurBug, match="tenant_id"):
        await leaf.copy_in(app, "block", ours, {"tenant_id": Column(Kind.UUID, [foreign, foreign]), "id": Column(Kind.UUID, rows)})
    assert await owner.fetchval("SELECT count(*) FROM block") == 0
    await leaf.copy_in(app, "block", ours, {"id": Column(Kind.UUID, rows), "name": Column(Kind.TEXT, str(foreign))})
    assert await owner.fetchval("SELECT array_agg(DISTINCT tenant_id) FROM block") == [ours]
    await see(app, foreign)
    assert await app.fetchval("SELECT count(*) FROM block") == 0
    assert await leaf.copy_out(app, "SELECT id FROM block", types=[Kind.UUID]) == ([],)
    await see(app, ours)
    assert await leaf.copy_out(app, "SELECT id FROM block ORDER BY id", types=[Kind.UUID]) == ([row.bytes for row in rows],)


async def test_a_large_block_goes_whole_in_many_pieces(app: Connection) -> None:
    who, count = uuid7(), 8_000
    day = date(2024, 1, 1)
    columns = {
        "id": Column(Kind.UUID, ids(count)),
        "large": Column(Kind.INT8, array("q", range(count))),
        "blob": Column(Kind.BYTEA, [bytes([i % 256]) * 200 for i in range(count)]),
        "day": Column(Kind.DATE, [day + timedelta(days=i) for i in range(count)]),
    }
    await see(app, who)
    assert await leaf.copy_in(app, "block", who, columns) == count
    large, blob, days = await leaf.copy_out(
        app, "SELECT large, blob, day FROM block ORDER BY large", types=[Kind.INT8, Kind.BYTEA, Kind.DATE]
    )
    assert large == columns["large"].values and blob == columns["blob"].values and days == columns["day"].values


async def test_a_value_that_does_not_fit_is_named_and_nothing_enters(app: Connection, owner: Connection) -> None:
    who = uuid7()
    async with app.transaction():
        with pytest.raises(kernel.ValueUnfit) as fault:
            await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, ids(3)), "small": Column(Kind.INT2, array("q", [1, 2, 70_000]))})
        assert (fault.value.column, fault.value.row) == ("small", 2) and "70000" not in str(fault.value)
        with pytest.raises(kernel.ValueUnfit) as fault:
            await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, ids(3)), "name": Column(Kind.TEXT, ["too", "few"])})
        assert (fault.value.column, fault.value.row) == ("name", None)
        # Nothing was sent: the transaction is still good.
        assert await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, ids(1))}) == 1
    assert await owner.fetchval("SELECT count(*) FROM block") == 1


async def test_a_block_with_one_bad_row_enters_not_at_all(app: Connection, owner: Connection) -> None:
    who, rows = uuid7(), ids(3)
    await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, rows[:1])})
    with pytest.raises(asyncpg.UniqueViolationError):
        await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, [rows[1], rows[2], rows[0]])})
    with pytest.raises(asyncpg.CheckViolationError):
        await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, rows[1:]), "kind": Column(Kind.TEXT, ["fine", "forbidden"])})
    with pytest.raises(asyncpg.NotNullViolationError):
        await leaf.copy_in(app, "block", who, {"id": Column(Kind.UUID, [rows[1], None])})
    assert await owner.fetchval("SELECT count(*) FROM block") == 1


async def test_a_block_without_rows_asks_nothing_of_the_database(app: Connection) -> None:
    await app.close()
    assert await leaf.copy_in(app, "nowhere", uuid7(), {"id": Column(Kind.UUID, [])}) == 0
    with pytest.raises(OurBug, match="each row"):
        await leaf.copy_in(app, "block", uuid7(), {"id": Column(Kind.UUID, uuid7())})


@pytest.mark.parametrize("table", ["flat", "nowhere", 'block"; DROP TABLE block; --', "BLOCK", "block_0"])
async def test_a_table_without_leaves_is_refused(app: Connection, table: str) -> None:
    with pytest.raises(leaf.NoLeaf):
        await leaf.copy_in(app, table, uuid7(), {"id": Column(Kind.UUID, ids(1))})


async def test_a_leaf_remembered_wrongly_is_asked_again(app: Connection, owner: Connection) -> None:
    ours, foreign = await two_tenants(owner, same_leaf=False)
    leaf._places["block", ours] = ("public", f"block_{await remainder(owner, foreign)}")
    with pytest.raises(asyncpg.CheckViolationError):
        await leaf.copy_in(app, "block", ours, {"id": Column(Kind.UUID, ids(1))})
    assert await leaf.copy_in(app, "block", ours, {"id": Column(Kind.UUID, ids(1))}) == 1
    leaf._places["block", ours] = ("public", "block_9")
    with pytest.raises(asyncpg.UndefinedTableError):
        await leaf.copy_in(app, "block", ours, {"id": Column(Kind.UUID, ids(1))})
    assert await leaf.copy_in(app, "block", ours, {"id": Column(Kind.UUID, ids(1))}) == 1


async def test_an_answer_of_other_kinds_is_our_bug(app: Connection) -> None:
    with pytest.raises(kernel.StreamUnread):
        await leaf.copy_out(app, "SELECT 1::bigint", types=[Kind.INT4])
    with pytest.raises(kernel.StreamUnread):
        await leaf.copy_out(app, "SELECT 1::bigint, 2::bigint", types=[Kind.INT8])
    with pytest.raises(kernel.StreamUnread, match="calendar"):
        await leaf.copy_out(app, "SELECT 'infinity'::date", types=[Kind.DATE])


async def test_a_block_obeys_the_transaction_of_its_caller(tables: str, app: Connection, owner: Connection) -> None:
    who = uuid7()
    dsn = as_app(tables)
    with pytest.raises(ZeroDivisionError):
        async with tenant.direct(dsn, who) as con:
            await leaf.copy_in(con, "block", who, {"id": Column(Kind.UUID, ids(2))})
            raise ZeroDivisionError
    assert await owner.fetchval("SELECT count(*) FROM block") == 0
    async with tenant.direct(dsn, who) as con:
        await leaf.copy_in(con, "block", who, {"id": Column(Kind.UUID, ids(2))})
    assert await owner.fetchval("SELECT count(*) FROM block") == 2


@pytest.mark.parametrize("pause_s", [0.0, 0.05, 0.2])
async def test_a_server_that_dies_in_a_stream_is_away_and_nothing_else(tables: str, owner: Connection, pause_s: float) -> None:
    con: Connection = await asyncpg.connect(as_app(tables))
    name = uuid7()
    pid = con.get_server_pid()
    transaction = con.transaction()
    await transaction.start()
    await con.execute(tenant.SET_TENANT, str(name))

    async def blocks() -> AsyncIterator[bytes]:
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        for _ in range(50):
            await asyncio.sleep(pause_s)
            yield bytes(100_000)

    with pytest.raises(AWAY):
        await leaf.copy_blocks(con, "block", name, ["id"], blocks(), 1)
    await con.close(timeout=1)
