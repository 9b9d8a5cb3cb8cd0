# SPDX-License-Identifier: Apache-2.0
"""Statements, reconciliations and figures through the service: what is paid, what is missing, and what may never happen."""

import asyncio
import hashlib
from typing import Any

import orjson
import pytest

from desmos_fast.base.identifiers import nir_key
from tests.api.conftest import Desk, House
from tests.settlement import statements
from tests.settlement.centre import AMC, AMO, REFERENCE, Centre, credit

ACCOUNT = f"banque:3000200550{statements.ACCOUNT}"


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


# --- what becomes of a share


async def test_a_share_is_announced_then_settled_and_its_timeline_says_so(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.order("o:1", centre.line())
    first = await centre.reconcile()
    assert first["lines"] == {"confirmed": {"count": 1, "cents": 2100}}
    assert first["credits"] == {} and first["entries"] == 1
    assert await centre.shares() == {"1/amc": ("sent", 0, 0, None), "1/amo": ("announced", 2100, 0, None)}
    assert (await centre.balances())[f"attente:{AMO}"] == 2100
    await centre.bank(*credit(2100, f"DECOMPTE {REFERENCE}"))
    second = await centre.reconcile()
    assert second["lines"] == {} and second["credits"] == {"confirmed": {"count": 1, "cents": 2100}}
    assert second["rules"] == {"B1": {"count": 1, "cents": 2100}}
    assert (await centre.shares())["1/amo"] == ("settled", 2100, 2100, None)
    assert await centre.balances() == {ACCOUNT: 2100, f"creance:{AMC}:CENTRE/1": 900, "produit": -3000}
    names = [name for name, _ in await centre.events(invoice)]
    assert names == ["match.confirmed", "share.announced", "payment.received", "share.settled"]


async def test_order_and_credit_in_one_run_tell_the_same_story(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.bank(*credit(2100, f"DECOMPTE {REFERENCE}"))
    await centre.order("o:1", centre.line())
    assert (await centre.reconcile())["entries"] == 2
    names = [name for name, _ in await centre.events(invoice)]
    assert names == ["match.confirmed", "share.announced", "payment.received", "share.settled"]


async def test_a_part_of_it_leaves_the_rest_open(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(2000, status="partial"))
    await centre.bank(*credit(2000, REFERENCE))
    await centre.reconcile()
    assert (await centre.shares())["1/amo"] == ("settled_part", 2000, 2000, None)
    assert (await centre.balances())[f"creance:{AMO}:CENTRE/1"] == 100
    figures = {payer.pop("payer"): payer for payer in (await centre.dashboard())["payers"]}
    assert figures == {
        AMO: {"expected": 2100, "open": 100, "announced": 2000, "received": 2000},
        AMC: {"expected": 900, "open": 900, "announced": 0, "received": 0},
    }


@pytest.mark.parametrize("between", [True, False])
async def test_what_is_paid_twice_is_the_payers_and_no_debt_falls_below_zero(centre: Centre, between: bool) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    if between:
        await centre.reconcile()
    await centre.order("o:2", centre.line(), reference="26274999999999")
    await centre.reconcile()
    assert (await centre.shares())["1/amo"] == ("announced", 4200, 0, None)
    balances = await centre.balances()
    assert balances[f"trop_percu:{AMO}"] == -2100 and f"creance:{AMO}:CENTRE/1" not in balances


@pytest.mark.parametrize("runs", [(1, 2, 3), (3,), (2, 3), (1, 3)])
async def test_what_is_taken_back_takes_the_excess_first_however_many_runs_it_takes(centre: Centre, runs: tuple[int, ...]) -> None:
    await centre.invoice()
    for number, amount in enumerate((2100, 500, -600), 1):
        await centre.order(f"o:{number}", centre.line(amount), reference=f"2627400000000{number}")
        if number in runs:
            await centre.reconcile()
    assert (await centre.shares())["1/amo"] == ("indu", 2000, 0, None)
    balances = await centre.balances()
    assert balances[f"creance:{AMO}:CENTRE/1"] == 100 and f"trop_percu:{AMO}" not in balances
    assert balances[f"attente:{AMO}"] == 2000


async def test_a_reject_moves_no_money_and_is_counted_by_class(centre: Centre) -> None:
    for number in (1, 2):
        await centre.invoice(number)
    await centre.order("o:1", centre.line(0, reject_code="0250050"), centre.line(0, 2, reject_code="7777777"))
    before = await centre.balances()
    assert (await centre.reconcile())["entries"] == 0
    assert await centre.balances() == before
    assert (await centre.shares())["1/amo"] == ("rejected", 0, 0, "0250050")
    rejects = (await centre.dashboard())["rejects"]
    assert (rejects["count"], rejects["cents"]) == (2, 4200)
    assert [(one["class"], one["count"], one["cents"], [code["code"] for code in one["codes"]]) for one in rejects["classes"]] == [
        ("identity", 1, 2100, ["0250050"]),
        ("unknown", 1, 2100, ["7777777"]),
    ]


async def test_a_clawback_with_its_reference_opens_the_debt_again(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    await centre.order("o:2", centre.line(-2100, reject_code="0450072"), reference="26300000000001")
    await centre.reconcile()
    assert (await centre.shares())["1/amo"] == ("indu", 0, 2100, "0450072")
    balances = await centre.balances()
    assert balances[f"creance:{AMO}:CENTRE/1"] == 2100 and balances[f"attente:{AMO}"] == -2100
    assert [name for name, _ in await centre.events(invoice)][-2:] == ["match.confirmed", "share.indu"]
    assert (await centre.dashboard())["invoices"] == {"to_review": {"count": 1, "cents": 3000}}


async def test_a_clawback_without_reference_is_parked_once(centre: Centre) -> None:
    await centre.invoice()
    nameless = centre.line(-900, None, part=None, payer=AMC, biller=None, insured_key=None, care_date=None)
    await centre.order("o:1", nameless)
    assert (await centre.reconcile())["entries"] == 1
    assert (await centre.reconcile())["entries"] == 0
    balances = await centre.balances()
    assert balances[f"indu:{AMC}"] == 900 and balances[f"attente:{AMC}"] == -900
    waiting = (await centre.dashboard())["order_lines_unmatched"]
    assert waiting["reasons"] == {"recovery_without_part": {"count": 1, "cents": -900}}


async def test_money_without_invoice_finds_its_invoice_later(centre: Centre) -> None:
    await centre.order("o:1", centre.line(2150), centre.line(-2150))
    await centre.reconcile()
    assert (await centre.balances()) == {f"hors_facture:{AMO}": -2150, f"indu:{AMO}": 2150}
    await centre.invoice()
    found = await centre.reconcile()
    assert (found["lines"], found["entries"]) == ({"confirmed": {"count": 2, "cents": 0}}, 2)
    assert await centre.balances() == {f"creance:{AMO}:CENTRE/1": 2100, f"creance:{AMC}:CENTRE/1": 900, "produit": -3000}


async def test_silence_changes_nothing(centre: Centre) -> None:
    await centre.invoice()
    answer = await centre.reconcile()
    assert (answer["lines"], answer["credits"], answer["rules"], answer["entries"]) == ({}, {}, {}, 0)
    assert set(await centre.shares()) == {"1/amc", "1/amo"}
    assert {share[0] for share in (await centre.shares()).values()} == {"sent"}


async def test_a_void_invoice_is_not_paid(centre: Centre) -> None:
    invoice = await centre.invoice()
    async with centre.rows() as con:
        await con.execute("UPDATE invoice SET state = 'void' WHERE id = $1", invoice)
    await centre.order("o:1", centre.line())
    assert (await centre.reconcile())["lines"] == {"unmatched": {"count": 1, "cents": 2100}}
    figures = await centre.dashboard()
    assert figures["invoices"] == {"void": {"count": 1, "cents": 3000}} and figures["shares"] == {}


async def test_another_persons_number_is_not_paid(centre: Centre) -> None:
    await centre.invoice(order=12)
    await centre.order("o:1", centre.line(order=13))
    assert (await centre.reconcile())["lines"] == {"unmatched": {"count": 1, "cents": 2100}}
    assert (await centre.shares())["1/amo"] == ("sent", 0, 0, None)
    waiting = (await centre.dashboard())["order_lines_unmatched"]
    assert [(line["invoice_number"], line["why"]) for line in waiting["list"]] == [(1, "no_part")]


# --- statements


async def test_the_same_bytes_give_the_first_answer_under_any_key_and_at_once(centre: Centre) -> None:
    body = statements.joined(*statements.statement(*credit(1000)))
    first, second = await asyncio.gather(*(centre.desk.post("/v1/bank-statements", body) for _ in range(2)))
    assert first.status == second.status == 200
    assert first.body == second.body
    assert first.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert (first.json["lines"], first.json["duplicates"], first.json["amount"]) == (1, 0, 1000)
    written = {table: await centre.desk.count(table) for table in ("bank_file", "bank_line", "ledger_entry", "event")}
    assert written == dict.fromkeys(written, 1)


async def test_equal_lines_of_one_day_both_live_and_an_overlapping_file_adds_only_what_is_new(centre: Centre) -> None:
    twice = [*credit(1000, "A"), *credit(1000, "A")]
    assert (await centre.bank(*twice)).json["duplicates"] == 0
    answer = (await centre.bank(*twice, *credit(1000, "A"), *credit(500, "B"))).json
    assert (answer["lines"], answer["duplicates"], answer["amount"]) == (4, 2, 1500)
    assert (await centre.balances()) == {ACCOUNT: 3500, "ecart": -3500}
    await centre.reconcile()
    figures = (await centre.dashboard())["credits_unmatched"]
    assert (figures["count"], figures["cents"], set(figures["reasons"])) == (4, 3500, {"no_order"})


async def test_opening_and_movements_and_closing_agree_with_the_books(centre: Centre) -> None:
    answer = (await centre.bank(*credit(1000), statements.movement(-250, "FRAIS"), opening=5000)).json
    [block] = answer["balances"]
    assert (block["opening"], block["closing"]) == (5000, 5750)
    assert block["opening"] + (await centre.balances())[ACCOUNT] == block["closing"]


async def test_a_gap_between_two_files_is_told_and_none_between_two_that_chain(centre: Centre) -> None:
    def month(opening: int, start: str, end: str, *records: str) -> bytes:
        block = statements.statement(*records, opening=opening)
        return statements.joined(
            statements.put(block[0], (35, start)), *block[1:-1], statements.put(block[-1], (35, end))
        )  # fmt: skip

    files = [
        month(5000, "011026", "051026", *credit(1000)),
        month(6000, "051026", "071026", *credit(500, day="061026")),
        month(9000, "081026", "091026", *credit(100, day="081026")),
        month(100, "010926", "300926", statements.movement(4900, day="020926")),
    ]
    replies = [(await centre.desk.post("/v1/bank-statements", body)).json for body in files]
    assert [[(fault["code"], fault["value"]) for fault in reply["warnings"]] for reply in replies] == [
        [],
        [],
        [("BANK_GAP", "2500")],
        [],
    ]


async def test_a_statement_that_does_not_balance_is_refused_whole_with_its_place(centre: Centre) -> None:
    records = statements.statement(*credit(1000))
    records[-1] = statements.balance("07", 1)
    reply = await centre.desk.post("/v1/bank-statements", statements.joined(*records))
    assert (reply.status, reply.code) == (422, "bank_refused")
    [error] = reply.json["errors"]
    assert (error["code"], error["line"]) == ("BANK_UNBALANCED", 4)
    assert error["hint"] and error["position"] and error["title_fr"]
    assert await centre.desk.count("bank_line") == await centre.desk.count("bank_file") == 0


async def test_money_of_another_country_is_kept_out_of_the_books(centre: Centre) -> None:
    records = [statements.put(record, (17, "USD2")) for record in statements.statement(statements.movement(1000))]
    reply = await centre.desk.post("/v1/bank-statements", statements.joined(*records))
    assert (reply.json["lines"], reply.json["amount"]) == (1, 0)
    await centre.reconcile()
    figures = await centre.dashboard()
    assert figures["other_currencies"] == {"USD": {"count": 1, "cents": 1000}}
    assert figures["credits_unmatched"]["count"] == 0 and figures["ledger"]["balances"] == {}


# --- what may never happen


async def test_a_second_run_with_nothing_new_writes_nothing(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(), centre.line(900, 99), centre.line(0, 98))
    await centre.bank(*credit(1000), *credit(3000, REFERENCE))
    first = await centre.reconcile()
    assert first["lines"]["unmatched"]["count"] == 2 and first["credits"]["unmatched"]["count"] == 1
    written = await centre.written()
    for _ in range(3):
        assert (await centre.reconcile())["entries"] == 0
    assert await centre.written() == written


async def test_runs_at_once_have_one_effect(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    entries = [answer["entries"] for answer in await asyncio.gather(*(centre.reconcile() for _ in range(3)))]
    assert sorted(entries) == [0, 0, 2]
    assert (await centre.shares())["1/amo"] == ("settled", 2100, 2100, None)


async def test_centres_do_not_see_each_other(house: House, centre: Centre) -> None:
    other = Centre(await house.desk())
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    answer = (await other.bank(*credit(2100, REFERENCE))).json
    assert answer["duplicates"] == 0
    assert (await other.reconcile())["credits"] == {"unmatched": {"count": 1, "cents": 2100}}
    await centre.reconcile()
    assert (await other.dashboard())["invoices"] == {}
    assert (await other.balances()) == {ACCOUNT: 2100, "ecart": -2100}


async def test_a_nir_in_a_label_or_in_a_number_is_kept_nowhere(centre: Centre) -> None:
    nir13 = "2550899999012"
    nir = f"{nir13}{nir_key(nir13):02d}"
    await centre.invoice()
    await centre.order("o:1", centre.line(), centre.line(order=13))
    await centre.bank(
        statements.movement(700, f"REMB {nir}"), statements.detail("LCC", f"ASSURE {nir13} SOINS"), statements.detail("RCN", nir),
        statements.detail("ZZZ", f"X {nir}"), *credit(2100, REFERENCE),
    )  # fmt: skip
    await centre.reconcile()
    shown = orjson.dumps(await centre.dashboard()).decode()
    kept: list[Any] = []
    async with centre.rows() as con:
        for table in ("bank_line", "bank_file", "match", "event", "ledger_entry", "ledger_line", "idempotency"):
            kept += [tuple(row) for row in await con.fetch(f"SELECT * FROM {table}")]
        bodies = [row["body"].decode() for row in await con.fetch("SELECT body FROM idempotency")]
    assert nir13 not in shown + repr(kept) + "".join(bodies)
    assert "REMB ***" in shown
    index = centre.index(13).hex()
    assert index not in shown + repr(kept)


async def test_a_dashboard_of_nothing_is_whole(centre: Centre) -> None:
    figures = await centre.dashboard()
    assert figures["ledger"] == {"balances": {}, "sum": 0}
    assert figures["invoices"] == figures["shares"] == figures["lots"] == figures["files"] == {}
    assert figures["rejects"] == {"count": 0, "cents": 0, "classes": []}
