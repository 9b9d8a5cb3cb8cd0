# SPDX-License-Identifier: Apache-2.0
"""The statements that run all day find their rows by an index, under the role that serves and its policies."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest

from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.billing import store as billing
from desmos_fast.db import idempotency, journal
from desmos_fast.db.pool import Connection
from desmos_fast.db.roles import APP
from desmos_fast.db.tenant import SET_TENANT
from desmos_fast.lots import store as lots
from desmos_fast.lots.follow import store as follow
from desmos_fast.returns import store as returns
from desmos_fast.settlement import store as settlement
from tests.db.databases import Place
from tests.db.rows import NOW

INVOICES: Final = 20_000
BIG: Final = ("invoice", "share", "lot_share", "order_line", "match", "event", "ledger_entry", "ledger_line", "idempotency")
# One busy centre of twenty: what it asks for is a small part of its own rows, and its rows a part of a table.
SEED: Final = (Path(__file__).parent / "busy.sql").read_text(encoding="utf-8")


class Busy(NamedTuple):
    """The centre that is asked about, with ids of some of its rows."""

    tenant: TenantId
    invoices: list[UUID]
    lots: list[UUID]
    file: UUID
    orders: list[UUID]


@pytest.fixture(scope="module")
def busy(place: Place) -> Iterator[Busy]:
    yield asyncio.run(seed(place))


async def seed(place: Place) -> Busy:
    tenant = await place.centre()
    others = [await place.centre() for _ in range(19)]
    async with place.admin() as con:
        await con.execute("SET session_replication_role = replica")
        for who, count in [(tenant, INVOICES), *((other, 1000) for other in others)]:
            await con.execute("SELECT set_config('seed.tenant', $1, false), set_config('seed.invoices', $2, false)", str(who), str(count))
            await con.execute(SEED)
        await con.execute("VACUUM ANALYZE")
        # Few beside the rows of the centre: for more, reading all of them is the better plan.
        invoices = [row[0] for row in await con.fetch("SELECT id FROM invoice WHERE tenant_id = $1 ORDER BY number DESC LIMIT 40", tenant)]
        some = [row[0] for row in await con.fetch("SELECT id FROM lot WHERE tenant_id = $1 AND state = 'sent' LIMIT 3", tenant)]
        file = await con.fetchval("SELECT file_id FROM lot WHERE id = $1", some[0])
        orders = [row[0] for row in await con.fetch("SELECT id FROM payment_order WHERE tenant_id = $1 AND match_id IS NULL", tenant)]
    return Busy(tenant, invoices, some, file, orders)


@pytest.fixture
async def con(place: Place, busy: Busy) -> AsyncIterator[Connection]:
    async with place.app(busy.tenant) as opened:
        yield opened


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def explained(con: Connection, statement: str, *args: object) -> list[dict[str, Any]]:
    """Return the nodes of the plan that a statement gets with these values."""
    (row,) = await con.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *args)
    return list(nodes(json.loads(row[0])[0]["Plan"]))


def scanned(found: list[dict[str, Any]]) -> list[str]:
    """Return the big tables that a plan reads from end to end."""
    whole = [node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"]
    return [name for name in whole if name.rstrip("_01234567") in BIG]


def indexes(found: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in found if "Index Name" in node}


DAY: Final = date(2025, 7, 1)
KEY: Final = bytes(32)
SOME: Final = list(range(1, 201))


def asked(busy: Busy) -> dict[str, tuple[str, tuple[object, ...], tuple[str, ...]]]:
    """Return the statements with their values, and ends of names of which one must be among the indexes used."""
    tenant, some, files = busy.tenant, busy.invoices, [busy.file]
    count = len(some)
    amo, one = ["amo"] * count, [1] * count
    number = ("biller_number_idx", "biller_number_key")
    waiting = ("pkey", "flow_idx")
    return {
        "an answer that is kept": (idempotency.FIND, (tenant, "/v1/invoices", "k7"), ("idempotency_pkey",)),
        "the head of the ledger": (journal.HEAD, (tenant, KEY), ()),
        "numbers in use": (billing.USED, (tenant, "b", SOME), number),
        "the next numbers in use": (billing.NEXT_USED, (tenant, "b", 19_000), number),
        "one invoice": (billing.FIND, (tenant, some[0]), ("pkey",)),
        "the shares of an invoice": (billing.SHARES, (tenant, some[0]), ("pkey",)),
        "the timeline of an invoice": (billing.EVENTS, (tenant, some[0]), ("invoice_id_id_idx",)),
        "what waits for a lot": (lots.WAITING, (tenant, "b"), ("flow_idx",)),
        "lots without an answer": (lots.UNANSWERED, (tenant, "b"), ("lot_unanswered",)),
        "what is kept of what waits": (lots.CONTENTS, (tenant, some), ("pkey",)),
        "shares put in lots": (lots.LOT_SHARES, (tenant, [busy.lots[0]] * count, some, one, one), waiting),
        "lots built again": (lots.RETIRE, (tenant, some, one), ("pkey",)),
        "a file": (lots.FIND_FILE, (tenant, busy.file), ()),
        "a file sent": (lots.SEND_FILE, (tenant, busy.file, NOW), ()),
        "the lots of a file sent": (lots.SEND_LOTS, (tenant, busy.file), ("lot_file", "lot_unanswered")),
        "the shares of a file sent": (lots.SEND_SHARES, (tenant, busy.lots), ("lot_share_pkey",)),
        "a return that came before": (returns.FIND, (tenant, KEY), ("return_file_tenant_id_sha256_key",)),
        "the lots that an ARL names": (returns.NAMED_LOTS, (tenant, [1, 2], ["b", "b"], [1, 2], [DAY, DAY]), ("lot_named",)),
        "lots answered": (returns.ANSWER_LOTS, (tenant, busy.lots[:1], ["accepted"], [""]), ("lot_pkey",)),
        "the shares of lots answered": (returns.ANSWER_SHARES, (tenant, busy.lots), ("lot_share_pkey",)),
        "the members of lots answered": (returns.MEMBERS, (tenant, busy.lots), ("lot_share_pkey",)),
        "files answered": (returns.ACKNOWLEDGE, (tenant, files), ("lot_file",)),
        "shares that payers let wait": (returns.WAITING, (tenant, [1], ["b"], [7], [KEY], ["amo"]), number),
        "shares that wait": (returns.PEND, (tenant, some, amo), ("pkey",)),
        "a statement that came before": (settlement.FILE, (tenant, KEY), ("bank_file_tenant_id_sha256_key",)),
        "bank lines given before": (settlement.GIVEN, (tenant, [f"k{n}" for n in SOME[:20]]), ("bank_line_once",)),
        "lines of free orders": (settlement.LINES, (tenant, busy.orders), ("order_line_free", "order_line_pkey")),
        "parts that lines name": (settlement.PARTS, (tenant, ["b"] * len(SOME), SOME), number),
        "the last word on lines": (settlement.LAST_WORDS, (tenant, [f"l{n}" for n in SOME]), ("match_undecided",)),
        "every line of some shares": (settlement.SHARE_LINES, (tenant, some[:10], amo[:10], busy.orders[:1]), ("order_line_share",)),
        "lines taken": (
            settlement.TAKE_LINES, (tenant, busy.orders, one[: len(busy.orders)], busy.orders, busy.orders),
            ("order_line_pkey", "order_line_free"),
        ),
        "lines parked": (settlement.PARK, (tenant, busy.orders, one[: len(busy.orders)]), ("order_line_pkey",)),
        "shares moved": (
            settlement.MOVE_SHARES, (tenant, some, amo, ["announced"] * count, one, one, [None] * count), ("pkey",),
        ),
    }  # fmt: skip


def followed(busy: Busy) -> dict[str, tuple[str, tuple[object, ...], tuple[str, ...]]]:
    """Return the same for what follows files."""
    tenant, files = busy.tenant, [busy.file]
    return {
        "what was signed of a file": (follow.SIGNED, (tenant, busy.file), ("lot_share_pkey",)),
        "the shares of a file cancelled": (follow.UNLOT, (tenant, busy.lots), ("lot_share_pkey",)),
        "lots whose answer is missing": (follow.MISS, (tenant, files, NOW), ("lot_file", "lot_unanswered")),
        "the members of those": (follow.MEMBERS, (tenant, busy.lots), ("lot_share_pkey",)),
        "a lot given up": (follow.GIVE_UP, (tenant, busy.lots[0]), ("lot_share_pkey",)),
        "its shares": (follow.REFUSE_SHARES, (tenant, busy.lots[0]), ("lot_share_pkey",)),
        "what takes the place of lots": (follow.LINK, (tenant, busy.lots), ("lot_share_pkey",)),
        "what waits for too long": (follow.LATE, (tenant, NOW, NOW), ("flow_idx",)),
        "the stages of a file": (billing.STAGES, (tenant, files), ()),
    }  # fmt: skip


async def slow(con: Connection, busy: Busy) -> dict[str, tuple[list[str], set[str]]]:
    """Return the statements that read a big table from end to end, or use none of the indexes that are meant for them."""
    found = {}
    for what, (statement, args, wanted) in (asked(busy) | followed(busy)).items():
        plan = await explained(con, statement, *args)
        used = indexes(plan)
        if scanned(plan) or (wanted and not any(name.endswith(wanted) for name in used)):
            found[what] = (scanned(plan), used)
    return found


async def test_hot_statements_find_their_rows_by_an_index(con: Connection, busy: Busy) -> None:
    assert await slow(con, busy) == {}


async def test_an_index_that_is_gone_is_missed(place: Place, busy: Busy) -> None:
    async with place.admin() as con:
        undo = con.transaction()
        await undo.start()
        await con.execute("DROP INDEX match_undecided, order_line_share, lot_unanswered")
        await con.execute(f"SET LOCAL ROLE {APP}")
        await con.execute(SET_TENANT, str(busy.tenant))
        missed = await slow(con, busy)
        await undo.rollback()
    assert missed.keys() == {"the last word on lines", "every line of some shares", "lots without an answer"}


async def test_free_credits_and_orders_are_few_and_found_so(con: Connection, busy: Busy) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    found = await explained(con, settlement.ORDERS, busy.tenant, ["VIR77"], yesterday)
    assert scanned(found) == []
    assert {"payment_order_free", "order_line_free", "match_of_credits"} <= indexes(found)
    assert scanned(await explained(con, settlement.CREDITS, busy.tenant, yesterday)) == []


async def test_a_plan_that_reads_all_is_seen(con: Connection, busy: Busy) -> None:
    await con.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
    found = await explained(con, "SELECT count(*) FROM share WHERE tenant_id = $1 AND amount > 0", busy.tenant)
    assert len(scanned(found)) == 1


async def test_the_policy_costs_no_scan_of_other_centres(con: Connection, busy: Busy) -> None:
    """The planner knows the one leaf of the centre from the parameter, without running the policy on the others."""
    found = await explained(con, billing.FIND, busy.tenant, uuid7())
    assert len({node["Relation Name"] for node in found if "Relation Name" in node}) == 1
