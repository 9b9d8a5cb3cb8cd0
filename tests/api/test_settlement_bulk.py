# SPDX-License-Identifier: Apache-2.0
"""A run that settles in bulk ends as one that decides every line by itself: same matches, lines, shares, events, ledger, hashes and all."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Entry, Line
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.settlement import service
from desmos_fast.settlement.bulk import store
from tests.api.conftest import House
from tests.db.rows import insert
from tests.settlement.centre import AMC, AMO, Centre, credit

NOW: Final = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY: Final = date(2026, 10, 1)
PARTS: Final = {"amo": (AMO, 2100), "amc": (AMC, 900)}
MATCHES: Final = """
    SELECT match_key, problem, status, rule, left_refs, right_refs, amount, residual, outcome, evidence::text, decided_by, decided_at
      FROM match ORDER BY left_refs, match_key, status, decided_at
"""
LINES: Final = """
    SELECT o.ref, l.line, m.match_key, i.number, l.share_part, l.parked
      FROM order_line AS l JOIN payment_order AS o ON o.id = l.order_id LEFT JOIN match AS m ON m.id = l.match_id
      LEFT JOIN invoice AS i ON i.id = l.share_invoice_id
     ORDER BY o.ref, l.line
"""
ORDERS: Final = "SELECT o.ref, m.match_key FROM payment_order AS o LEFT JOIN match AS m ON m.id = o.match_id ORDER BY o.ref"
EVENTS: Final = """
    SELECT e.name, i.number, e.part, coalesce(m.match_key, j.number::text) AS subject, e.detail::text, e.happened_at, e.actor
      FROM event AS e LEFT JOIN invoice AS i ON i.id = e.invoice_id LEFT JOIN match AS m ON m.id = e.subject
      LEFT JOIN invoice AS j ON j.id = e.subject
     WHERE e.name LIKE 'match.%' OR e.name LIKE 'share.%' OR e.name = 'payment.received'
     ORDER BY i.number, e.part, e.id
"""
ENTRIES: Final = "SELECT id, seq, event, ref, posted_at, hash FROM ledger_entry ORDER BY seq"
ENTRY_LINES: Final = """
    SELECT e.seq, l.line, l.account, l.debit, l.credit
      FROM ledger_line AS l JOIN ledger_entry AS e ON e.id = l.entry_id ORDER BY 1, 2
"""


class Undone(Exception):
    """Ends a transaction whose end was looked at."""


async def ended(centre: Centre, monkeypatch: pytest.MonkeyPatch, lines: int) -> dict[str, Any]:
    """Run, in bulk from so many lines on, and return what stands then; nothing of it is kept."""
    monkeypatch.setenv("DESMOS_BULK_LINES", str(lines))
    found: dict[str, Any] = {}
    try:
        async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
            answer = await service.reconcile(con, context(centre))
            found = {name: [tuple(row) for row in await con.fetch(query)] for name, query in (
                ("matches", MATCHES), ("lines", LINES), ("orders", ORDERS), ("events", EVENTS), ("entry lines", ENTRY_LINES),
            )}  # fmt: skip
            entries = await con.fetch(ENTRIES)
            check_chain(entries, found["entry lines"])
            found |= {"entries": [tuple(row)[1:] for row in entries], "shares": await shares(con)}
            found["answer"] = (answer.lines, answer.credits, answer.rules, answer.entries)
            raise Undone
    except Undone:
        return found


def context(centre: Centre) -> Context:
    return Context(Caller(centre.desk.tenant, centre.desk.finess, "test", uuid7()), centre.keys, NOW, "somebody")


def check_chain(entries: list[Any], lines: list[Any]) -> None:
    moves: dict[int, list[Line]] = {}
    for seq, _, account, debit, credit_ in lines:
        moves.setdefault(seq, []).append(Line(account, Cents(debit), Cents(credit_)))
    said = [Entry(row["event"], row["ref"], tuple(moves[row["seq"]])) for row in entries]
    assert [row["seq"] for row in entries] == list(range(1, len(entries) + 1))
    assert [bytes(row["hash"]) for row in entries] == ledger.chain(ledger.GENESIS, said)


async def shares(con: Connection) -> list[Any]:
    rows = await con.fetch(
        "SELECT i.number, s.part, s.state, s.transport, s.announced, s.credited, s.reject_code"
        " FROM share AS s JOIN invoice AS i ON i.id = s.invoice_id ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


# --- worlds


def said(chance: random.Random, centre: Centre, number: int, invoices: int) -> dict[str, Any]:
    """Say something of an invoice: most often what is so."""
    part = chance.choice(["amo", "amc"])
    payer, full = PARTS[part]
    amount = chance.choice([full] * 8 + [full // 3, full + 70, 0, 0, -full])
    changes: dict[str, Any] = {"part": part, "payer": payer}
    odd: list[dict[str, Any]] = [
        *({"insured_key": None},) * 3, {"insured_key": centre.index(90)}, {"care_date": None}, {"care_date": date(2026, 9, 15)},
        {"lot": chance.choice(["012", "013"])}, {"lot": chance.choice(["12", ""])}, {"biller": None}, {"payer": "amc:0099000014"},
        {"status": "partial", "reject_code": "9999911"}, {"part": None, "insured_key": None, "care_date": None},
    ]  # fmt: skip
    changes |= chance.choice(odd + [{}] * 25)
    if amount == 0 and chance.random() < 0.5:
        changes["status"] = "paid"
    named = chance.choice([number] * 10 + [None, number % invoices + 1, 500])
    return centre.line(amount, named, order=person(number), **changes)


def person(number: int) -> int:
    """Now and then two invoices are of one person, on one day."""
    return 20 + number - (number % 5 == 0)


async def signed(centre: Centre, numbers: range) -> None:
    for number in numbers:
        await centre.invoice(number, order=person(number), amc=0 if number % 11 == 0 else 900)
    if numbers.start == 1:
        async with centre.rows() as con:
            file = await insert(con, "file", tenant_id=centre.desk.tenant)
            lot = await insert(con, "lot", tenant_id=centre.desk.tenant, number=12, file_id=file)
            await con.execute("UPDATE share SET lot_id = $1 WHERE part = 'amo'", lot)


async def world(centre: Centre, seed: int) -> None:
    """Fill a centre: invoices, orders that say this and that of them, a first run, then more of all, and a bank that paid some."""
    chance, invoices, totals = random.Random(seed), 80, list[int]()
    await signed(centre, range(1, 61))

    async def announced(names: range, numbers: range) -> None:
        for name in names:
            lines = [said(chance, centre, chance.choice(numbers), invoices) for _ in range(chance.randint(1, 6))]
            await centre.order(f"o:{name}", *lines, reference=f"2627400000{name:04d}", day=DAY + timedelta(chance.randint(0, 3)))
            totals.append(sum(line["amount"] for line in lines))

    async def credited(names: list[int]) -> None:
        for name in names:
            if totals[name - 1] > 0:
                await centre.bank(*credit(totals[name - 1], f"2627400000{name:04d}", payer=AMO), opening=100_000 + name)

    await announced(range(1, 13), range(1, 81))
    await credited([1, 2])
    if seed % 3:
        await centre.reconcile()
    # Lines that waited for their invoice, and money that comes after its line.
    await signed(centre, range(61, 81))
    await credited([3, 4])
    await announced(range(13, 30), range(1, 81))
    await credited([13, 14, 15])
    if seed % 2:
        async with centre.rows() as con:
            decision = await insert(con, "decision", tenant_id=centre.desk.tenant)
            for name in range(13, 17):
                await insert(
                    con, "forbidden", tenant_id=centre.desk.tenant, left_ref=f"o:{name}#1", right_ref=f"{centre.desk.finess}/7/amo",
                    decision_id=decision,
                )  # fmt: skip


@pytest.fixture
async def centre(house: House) -> Centre:
    return Centre(await house.desk())


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.fuzz) for seed in range(6, 300))])
async def test_a_run_in_bulk_ends_as_any_other(centre: Centre, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[int] = []

    async def counted(con: Connection, tenant: UUID, run_id: UUID, now: datetime, posts: Any, count: int) -> None:
        settled.append(count)
        await write(con, tenant, run_id, now, posts, count)

    write = store.write
    monkeypatch.setattr(store, "write", counted)
    monkeypatch.setenv("DESMOS_BULK_LINES", "999999999")
    await world(centre, seed)
    alone = await ended(centre, monkeypatch, 999_999_999)
    assert settled == []
    bulk = await ended(centre, monkeypatch, 1)
    for name, expected in alone.items():
        assert bulk[name] == expected, name
    assert settled[0] >= 5


async def test_a_centre_with_few_free_lines_is_left_alone(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    await centre.invoice(1)
    await centre.order("o:1", centre.line())

    async def refused(*_: object) -> None:
        raise AssertionError("nothing is read for one line")

    monkeypatch.setattr(store, "read", refused)
    assert (await centre.reconcile())["rules"] == {"A1": {"count": 1, "cents": 2100}}
