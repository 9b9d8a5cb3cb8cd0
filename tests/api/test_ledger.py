# SPDX-License-Identifier: Apache-2.0
"""The ledger over HTTP: every entry in its place, and trial balances that sum to zero and to their entries, whatever they are parted by."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from desmos_fast.base import ledger
from desmos_fast.base.clock import PARIS
from desmos_fast.base.ledger import Due, Entry, Settled
from desmos_fast.base.types import Cents
from desmos_fast.db import journal
from tests.api.conftest import Desk
from tests.api.post import rows
from tests.days import today
from tests.db.rows import insert
from tests.settlement import statements

AMO: Final = "amo:01751"
AMC: Final = "amc:0099000013"
WAYS: Final = ("account", "payer", "executor", "biller", "period")
# Both sides of midnight and of a month in Paris, where the day changes before it does in UTC.
MONTH_END: Final = datetime(2026, 9, 30, 21, 59, tzinfo=UTC)
NEXT_MONTH: Final = datetime(2026, 9, 30, 22, 1, tzinfo=UTC)


@pytest.fixture
async def told(desk: Desk) -> Desk:
    """Give a centre with entries of every event, of two executors and two months."""
    name = desk.finess
    cheque, cash = str(UUID(int=7)), str(UUID(int=8))
    first, second = f"{name}/1", f"{name}/2"
    months = {
        MONTH_END: [
            ledger.signed(first, [Due(AMO, Cents(2100)), Due(AMC, Cents(700)), Due("patient", Cents(200))]),
            ledger.signed(second, [Due(AMO, Cents(1500)), Due("patient", Cents(500))]),
            ledger.line_matched("o:1#1", AMO, first, Cents(2100)),
            ledger.overpaid("o:2#1", AMC, first, Cents(700), Cents(50)),
            ledger.line_without_invoice("o:3#1", AMC, Cents(80)),
            ledger.credit_unmatched("f:1", "30002", Cents(2770)),
        ],
        NEXT_MONTH: [
            # One credit of two payers, one of which takes money back.
            ledger.credit_matched_later("f:1", [Due(AMO, Cents(2900)), Due(AMC, Cents(-130))]),
            ledger.recovery_parked("o:4#1", AMC, Cents(-130)),
            # One cheque for invoices of two executors, and one that also leaves a rest.
            ledger.at_desk("payment.received", cheque, "cheque", 300, [Settled(first, 100, 0), Settled(second, 200, 0)], []),
            ledger.at_desk("payment.received", cash, "cash", 500, [Settled(first, 100, 20), Settled(second, 300, 0)], [(cash, 80)]),
            ledger.written_off("d:1", AMO, second, Cents(1500)),
        ],
    }
    async with rows(desk) as con:
        for number, executor in ((1, 111), (2, 222)):
            await insert(con, "invoice", tenant_id=desk.tenant, biller=name, number=number, executor_am=executor)
        for now, entries in months.items():
            await journal.post(con, desk.tenant, now, entries)
    return desk


async def pages(desk: Desk, path: str, listed: str) -> list[Any]:
    """Return a list whole, by pages of its limit."""
    found: list[Any] = []
    cursor = ""
    while True:
        reply = await desk.get(path + cursor)
        assert reply.status == 200, reply.body
        found += reply.json[listed]
        if reply.json["next"] is None:
            return found
        cursor = f"&cursor={reply.json['next']}"


# --- entries


async def test_entries_come_newest_first_and_keep_their_chain(told: Desk) -> None:
    found = await pages(told, "/v1/ledger/entries?limit=2", "entries")
    assert [entry["entry"] for entry in found] == list(range(11, 0, -1))
    kept = [
        Entry(entry["event"], entry["ref"], tuple(ledger.Line(line["account"], line["debit"], line["credit"]) for line in entry["lines"]))
        for entry in reversed(found)
    ]
    assert [entry["hash"] for entry in reversed(found)] == [link.hex() for link in ledger.chain(ledger.GENESIS, kept)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ref=f:1", [7, 6]), ("event=payment.received", [10, 9]), ("account=caisse:cheque", [9]),
        ("account=attente:amc:0099000013", [8, 7, 5, 4]),
        ("account=creance:patient:{0}/1", [10, 9, 1]), ("from=2026-10-01", [11, 10, 9, 8, 7]), ("to=2026-09-30&account=produit", [2, 1]),
        ("from=2026-10-02", []), ("account=attente", []), ("ref={0}/2", [2]),
    ],
)  # fmt: skip
async def test_entries_are_found_by_account_reference_event_and_day(told: Desk, query: str, expected: list[int]) -> None:
    found = await pages(told, f"/v1/ledger/entries?{query.format(told.finess)}", "entries")
    assert [entry["entry"] for entry in found] == expected


async def test_another_centre_sees_nothing_of_it(told: Desk) -> None:
    other = await told.house.desk()
    assert (await other.get("/v1/ledger/entries")).json == {"entries": [], "next": None}
    for way in WAYS:
        found = (await other.get(f"/v1/ledger/balance?by={way}")).json
        assert (found["rows"], found["totals"]) == ([], {"debit": 0, "credit": 0, "balance": 0})


async def test_what_is_asked_wrongly_is_told(told: Desk) -> None:
    for path in ("/v1/ledger/balance?by=colour", "/v1/ledger/balance?limit=0", "/v1/ledger/entries?from=1", "/v1/ledger/entries?by=payer"):
        assert (await told.get(path)).code == "bad_parameter"
    for cursor in ("x", "YQ", "///", "YQpiCmM"):
        assert (await told.get(f"/v1/ledger/balance?cursor={cursor}")).code == "bad_cursor"


# --- trial balances


def owner(account: str, way: str, desk: Desk, month: str) -> str | None:
    """Say whom one line is of, in plain words of the accounts; None for one that says nothing."""
    kind, _, rest = account.partition(":")
    invoice = rest.rpartition(":")[2] if kind == "creance" else None
    if way in ("account", "period"):
        return "" if way == "account" else month
    if way == "biller":
        return desk.finess
    if way == "executor":
        return None if invoice is None else {"1": "111", "2": "222"}[invoice.rpartition("/")[2]]
    if kind in ("avance", "caisse"):
        return "patient"
    return rest.rpartition(":")[0] if kind == "creance" else rest if kind in ("attente", "indu", "hors_facture", "trop_percu") else None


def expected(entries: list[Any], way: str, desk: Desk) -> dict[tuple[str, str], int]:
    """Make a trial balance from the entries alone, one after the other."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for entry in entries:
        month = datetime.fromisoformat(entry["posted_at"]).astimezone(PARIS).strftime("%Y-%m")
        lines = [(line["account"], owner(line["account"], way, desk, month), line["debit"] - line["credit"]) for line in entry["lines"]]
        owners = sorted({whose for _, whose, _ in lines if whose is not None})
        nameless = {account for account, whose, _ in lines if whose is None}
        for account, whose, cents in lines:
            shown = account if way == "account" else account.partition(":")[0]
            if len(owners) < 2 or len(nameless) > 1:
                sums[owners[0] if len(owners) == 1 else "several" if owners else "", shown] += cents
            elif whose is not None:
                sums[whose, shown] += cents
                for other in nameless:
                    sums[whose, other if way == "account" else other.partition(":")[0]] -= cents
    return {key: cents for key, cents in sums.items() if cents}


@pytest.mark.parametrize("days", ["", "&from=2026-10-01", "&to=2026-09-30", "&from=2026-09-30&to=2026-09-30"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_trial_balance_sums_to_zero_and_to_its_entries(told: Desk, way: str, days: str) -> None:
    found = await pages(told, f"/v1/ledger/balance?by={way}&limit=3{days}", "rows")
    entries = await pages(told, f"/v1/ledger/entries?limit=200{days}", "entries")
    assert {(row["name"], row["account"]): row["balance"] for row in found if row["balance"]} == expected(entries, way, told)
    assert [(row["name"], row["account"]) for row in found] == sorted((row["name"], row["account"]) for row in found)
    groups: dict[str, int] = defaultdict(int)
    for row in found:
        assert row["balance"] == row["debit"] - row["credit"]
        groups[row["name"]] += row["balance"]
    assert set(groups.values()) <= {0}, "every group sums to zero"
    totals = (await told.get(f"/v1/ledger/balance?by={way}&limit=1{days}")).json["totals"]
    assert totals == {"debit": sum(row["debit"] for row in found), "credit": sum(row["credit"] for row in found), "balance": 0}


async def test_a_payer_and_an_executor_stand_as_they_were_billed_and_paid(told: Desk) -> None:
    of_payer = {(row["name"], row["account"]): row["balance"] for row in await pages(told, "/v1/ledger/balance?by=payer", "rows")}
    assert of_payer[AMC, "produit"] == -700 and of_payer["patient", "produit"] == -700 and of_payer[AMO, "produit"] == -3600
    assert of_payer["patient", "caisse"] == 800 and of_payer["patient", "avance"] == -80
    assert of_payer[AMO, "ecart"] == 2900 and of_payer[AMC, "ecart"] == -130 and of_payer["", "ecart"] == -2770
    of_executor = {(row["name"], row["account"]): row["balance"] for row in await pages(told, "/v1/ledger/balance?by=executor", "rows")}
    assert of_executor["111", "produit"] == -3000 and of_executor["222", "produit"] == -2000
    # The cheque falls apart between them; what also leaves a rest and an excess belongs to both.
    assert of_executor["111", "caisse"] == 100 and of_executor["222", "caisse"] == 200 and of_executor["several", "caisse"] == 500


async def test_a_trial_balance_is_that_of_the_dashboard(told: Desk) -> None:
    kinds: dict[str, int] = defaultdict(int)
    for row in await pages(told, "/v1/ledger/balance?by=biller", "rows"):
        assert row["name"] == told.finess
        kinds[row["account"]] += row["balance"]
    shown = (await told.get("/v1/dashboard")).json["ledger"]["balances"]
    assert {name: cents for name, cents in kinds.items() if cents} == {name: cents for name, cents in shown.items() if cents}


async def test_a_day_without_entries_is_empty(told: Desk) -> None:
    tomorrow: date = today() + timedelta(days=1)
    assert (await told.get(f"/v1/ledger/balance?from={tomorrow}")).json["rows"] == []


# --- the bank


@pytest.mark.parametrize("seed", range(4))
async def test_opening_and_movements_make_the_closing_of_the_books_in_whatever_files_they_come(desk: Desk, seed: int) -> None:
    draw = random.Random(seed)
    first = opening = draw.randrange(-50_000, 50_000)
    files: list[bytes] = []
    for _ in range(4):
        movements = [statements.movement(amount) for amount in (draw.randrange(-9_000, 9_000) or 1 for _ in range(draw.randrange(6)))]
        files.append(statements.joined(*statements.statement(*movements, opening=opening)))
        reply = await desk.post("/v1/bank-statements", files[-1])
        assert reply.status == 200, reply.body
        [block] = reply.json["balances"]
        opening = block["closing"]
        # The same bytes again say the same and write nothing.
        before = await desk.count("ledger_entry")
        assert (await desk.post("/v1/bank-statements", draw.choice(files))).status == 200
        assert await desk.count("ledger_entry") == before
    kinds = {row["account"]: row["balance"] for row in await pages(desk, "/v1/ledger/balance?by=period", "rows")}
    assert first + kinds.get("banque", 0) == opening
    assert kinds.get("ecart", 0) == -kinds.get("banque", 0)
