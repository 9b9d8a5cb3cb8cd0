# SPDX-License-Identifier: Apache-2.0
import datetime
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.settlement.bank import read_statement
from desmos_fast.settlement.bank.model import content_key
from desmos_fast.simulator.codec import UnreadableClaims, read_claims
from desmos_fast.simulator.concentrator import answer, answer_folder
from desmos_fast.simulator.day import Day
from desmos_fast.simulator.model import Answers, Truth
from desmos_fast.simulator.payers import STRANGERS
from desmos_fast.simulator.world import World
from tests.simulator.claims import claim_file

GOLDEN = Path(__file__).parents[1] / "golden"
SENT_ON = datetime.date(2026, 11, 21)
SEED = 11


@pytest.fixture(scope="module")
def invoices() -> list[Invoice]:
    return list(Day(World(SEED)).invoices(1500))


@pytest.fixture(scope="module")
def answers(invoices: list[Invoice]) -> Answers:
    return answer(claim_file(invoices), SEED, SENT_ON)


@pytest.fixture(scope="module")
def truth(answers: Answers, invoices: list[Invoice]) -> dict[int, list[tuple[Truth, Invoice]]]:
    """The rows of truth and their invoices, by order number of the person."""
    by_number = {invoice.number: invoice for invoice in invoices}
    found = defaultdict(list)
    for row in answers.truth:
        found[int(by_number[row.invoice].insured_nir[10:13])].append((row, by_number[row.invoice]))
    return dict(found)


def fields(line: str) -> dict[str, str]:
    """A record cut by its layout table, with the checks that the table asks for."""
    name = next(name for name in ("000", "999", "A1", "P1", "P9", "R1", "R2", "R3") if line.startswith(name))
    values = {}
    for field in load_pack().tables[name].fields:
        value = line[field.offset : field.offset + field.length]
        if field.kind == "const":
            assert value == field.value.ljust(field.length)
        elif field.kind == "filler":
            assert not value.strip()
        elif field.kind == "alpha":
            allowed = "+-" if field.name.endswith("_sign") else "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "
            assert set(value) <= set(allowed)
            assert not value.startswith(" ") or not value.strip()
        else:
            assert value.isdigit()
        if field.required and field.kind == "alpha":
            assert value.strip(), field.name
        values[field.name] = value
    return values | {"type": name}


def lines_of(data: bytes) -> list[dict[str, str]]:
    text = data.decode("ascii")
    assert text.endswith("\n")
    assert {len(line) for line in text.splitlines()} == {128}
    return [fields(line) for line in text.splitlines()]


def cents(values: dict[str, str], name: str) -> int:
    amount = int(values[name])
    assert amount or values[name + "_sign"] == "+"
    return -amount if values[name + "_sign"] == "-" else amount


def test_the_same_bytes_and_seed_give_the_same_answers(invoices: list[Invoice], answers: Answers) -> None:
    assert answer(claim_file(invoices), SEED, SENT_ON) == answers
    assert answer(claim_file(invoices), SEED + 1, SENT_ON).bank != answers.bank


def test_an_acknowledgement_speaks_of_each_lot_and_refuses_those_of_order_905(invoices: list[Invoice], answers: Answers) -> None:
    claims = read_claims(claim_file(invoices))
    (arl,) = answers.arl
    records = lines_of(arl)
    assert [one["type"] for one in records] == ["000", *["A1"] * len(claims.lots), "999"]
    assert int(records[-1]["record_count"]) == len(records)
    assert int(records[-1]["lot_count"]) == len(claims.lots)
    by_record = claim_file(invoices).decode().splitlines()
    for lot, told in zip(claims.lots, records[1:-1], strict=True):
        refused = [sheet for sheet in lot.sheets if sheet.nir[10:13] == "905"]
        assert told["verdict_sign"] == ("-" if refused else "+")
        assert (told["error_code"] == "0000") == (not refused)
        if refused:
            assert by_record[int(told["record_at_fault"]) - 1][11:26] == refused[0].nir
    assert sum(told["verdict_sign"] == "-" for told in records[1:-1]) >= 1


def test_returns_are_built_as_their_tables_say_and_their_totals_hold(answers: Answers) -> None:
    assert len(answers.rsp) == 2
    for data in answers.rsp:
        records = lines_of(data)
        types = [one["type"] for one in records]
        assert (types[0], types[-1]) == ("000", "999")
        assert int(records[-1]["record_count"]) == len(records)
        assert int(records[-1]["lot_count"]) == types.count("P1")
        assert int(records[-1]["invoice_count"]) == types.count("R1")
        head: dict[str, str] | None = None
        body: list[dict[str, str]] = []
        for one in records[1:-1]:
            if one["type"] == "P1":
                assert head is None
                head, body = one, []
                assert (one["amc_number"] == "0" * 10) != (one["regime"] == "00")
            elif one["type"] == "P9":
                assert head is not None
                total = sum(cents(row, "paid") for row in body if row["type"] == "R1")
                total += sum(cents(row, "amount") for row in body if row["type"] == "R3")
                assert cents(head, "total") == cents(one, "total") == total
                assert int(head["record_count"]) == int(one["record_count"]) == len(body) > 0
                head = None
            else:
                assert head is not None
                if one["type"] == "R2":
                    assert body[-1]["type"] in ("R1", "R2")
                    assert one["invoice_number"] == body[-1]["invoice_number"]
                body.append(one)
        assert head is None


def test_outcome_letters_agree_with_their_amounts(answers: Answers) -> None:
    letters: Counter[str] = Counter()
    for data in answers.rsp:
        for one in lines_of(data):
            if one["type"] != "R1":
                continue
            paid, claimed = cents(one, "paid"), int(one["claimed"])
            letters[one["outcome"]] += 1
            sound = {"P": paid >= claimed and not one["reject_code"].strip(), "Q": 0 < paid < claimed, "R": paid <= 0}
            assert sound[one["outcome"]]
            assert one["outcome"] != "R" or one["reject_code"].strip()
    assert set(letters) == {"P", "Q", "R"}
    assert letters["P"] > 0.8 * letters.total()


def test_a_payer_is_paid_under_one_reference_an_order(answers: Answers) -> None:
    references = [order.reference for order in answers.orders]
    assert len(set(references)) == len(references)
    assert all(reference.isdigit() and len(reference) == 14 for reference in references)


def test_named_outcomes_are_those_of_the_identity(truth: dict[int, list[tuple[Truth, Invoice]]]) -> None:
    def all_of(order: int) -> list[Truth]:
        return [row for row, _ in truth[order] if order == 905 or row.outcome != "lot_refused"]

    for order in (900, 902, 908, 909):
        assert all(row.paid == row.claimed and len(row.payments) == 1 for row in all_of(order) if row.claimed)
    assert all(0 < row.paid < row.claimed for row in all_of(901) if row.claimed > 1)
    assert all(row.paid == 2 * row.claimed and len(row.payments) == 2 for row in all_of(903))
    assert all(row.paid == 0 and not row.payments and row.reject_code is None for row in all_of(904))
    assert {row.outcome for row in all_of(905)} == {"lot_refused"}
    assert all(row.paid == 0 and row.reject_code == "0450072" for row in all_of(906))
    assert all(row.paid == 0 and [pay.amount for pay in row.payments] == [row.claimed, -row.claimed] for row in all_of(907))
    codes = ["2900005", "0250050", "0450072", "0317051", "0460053", "0470049", "9999906", "9999907", "9999908", "9999909"]
    for rank, code in enumerate(codes):
        rows = all_of(910 + rank)
        assert rows
        assert all(row.reject_code == code and row.paid == 0 for row in rows)


def test_late_money_comes_after_the_rest(answers: Answers, truth: dict[int, list[tuple[Truth, Invoice]]]) -> None:
    on_time = {pay.date for row, _ in truth[900] for pay in row.payments}
    late = {pay.date for row, _ in truth[902] for pay in row.payments}
    assert min(late) > max(on_time)
    assert all(datetime.date.fromisoformat(day).weekday() < 5 for day in on_time | late)


def test_nothing_is_due_to_the_centre_for_who_pays_at_the_desk(truth: dict[int, list[tuple[Truth, Invoice]]]) -> None:
    rows = [pair for order in range(920, 930) for pair in truth[order]]
    assert rows
    for row, invoice in rows:
        assert invoice.third_party == "none"
        assert row.part == "amo"
        assert row.claimed == row.paid == 0


def test_truth_claims_what_the_invoices_claim(answers: Answers, invoices: list[Invoice]) -> None:
    expected = {}
    for invoice in invoices:
        at_desk = invoice.third_party == "none"
        expected[invoice.number, "amo"] = 0 if at_desk else sum(act.amo for act in invoice.acts)
        if invoice.amc is not None:
            expected[invoice.number, "amc"] = sum(act.amc for act in invoice.acts)
    assert {(row.invoice, row.part): row.claimed for row in answers.truth} == expected


def test_c2s_is_paid_by_the_caisse_and_a_claim_apart_by_its_own_payer(answers: Answers, invoices: list[Invoice]) -> None:
    payers = {(row.invoice, row.part): row.payer for row in answers.truth}
    for invoice in invoices:
        caisse = f"amo:{invoice.amo.regime}{invoice.amo.caisse}"
        assert payers[invoice.number, "amo"] == caisse
        if invoice.amc is not None:
            own = caisse if invoice.amc.contract_type == "89" else f"amc:{invoice.amc.number}"
            assert payers[invoice.number, "amc"] == own


def test_credits_are_the_truth_and_the_statement_balances(answers: Answers) -> None:
    statement = read_statement(answers.bank)
    assert not statement.warnings
    (block,) = statement.blocks
    assert block.opening + sum(line.amount for line in statement.lines) == block.closing == answers.closing
    paid: Counter[int] = Counter()
    for row in answers.truth:
        for payment in row.payments:
            if payment.bank_line is not None:
                paid[payment.bank_line] += payment.amount
    left = {line.source.line: line for line in statement.lines if line.source.line not in paid}
    assert paid == Counter({line.source.line: line.amount for line in statement.lines if line.source.line not in left})
    assert min(paid.values()) > 0
    (stray,) = left.values()
    assert (stray.payer_name in STRANGERS, stray.references, stray.amount > 0) == (True, (), True)


def test_an_order_is_credited_once_unless_it_is_no_money(answers: Answers) -> None:
    credited = Counter(reference for credit in answers.credits for reference in credit.orders)
    assert credited == Counter(order.reference for order in answers.orders if order.total > 0)
    totals = {order.reference: order.total for order in answers.orders}
    for credit in answers.credits:
        assert not credit.orders or credit.amount == sum(totals[reference] for reference in credit.orders)
    assert sum(not credit.orders for credit in answers.credits) == 1


def test_a_bank_text_names_its_orders_unless_the_reference_is_lost(answers: Answers) -> None:
    batches = {order.reference: order.batch for order in answers.orders}
    lines = read_statement(answers.bank).lines
    lost = merged = 0
    for line, credit in zip(lines, answers.credits, strict=True):
        assert line.payer_name == credit.name
        assert line.amount == credit.amount
        if not credit.orders or batches[credit.orders[0]] == "unlabelled":
            assert line.references == ()
            assert line.end_to_end_id is None
            lost += bool(credit.orders)
        else:
            assert set(line.references) == set(credit.orders)
            merged += len(credit.orders) > 1
    assert lost
    assert merged


def test_lines_cut_by_crlf_or_by_nothing_are_the_same_file(invoices: list[Invoice]) -> None:
    data = claim_file(invoices[:40])
    assert read_claims(data.replace(b"\n", b"\r\n")) == read_claims(data) == read_claims(data.replace(b"\n", b""))


@pytest.mark.parametrize("name", ["file1", "file2"])
def test_golden_claim_files_are_answered(name: str) -> None:
    answers = answer((GOLDEN / "files" / f"{name}.b2").read_bytes(), 3, SENT_ON)
    claimed = {"file1": [2100, 2100, 900, 7200, 42800, 2100, 900, 2100], "file2": [2100] * 7}[name]
    assert Counter(row.claimed for row in answers.truth) == Counter(claimed)


@pytest.mark.parametrize("name", ["arl1_positive", "rsp1_paid"])
def test_a_return_is_no_claim_file(name: str) -> None:
    with pytest.raises(UnreadableClaims):
        answer((GOLDEN / "files" / f"{name}.b2").read_bytes(), 3, SENT_ON)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_claim_files_are_refused_or_answered_but_never_crash(data: st.DataObject) -> None:
    whole = (GOLDEN / "files" / "file1.b2").read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kept = data.draw(st.sampled_from([0, 1, 129]))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + kept :]
    try:
        claims = read_claims(damaged)
    except UnreadableClaims:
        return
    assert claims.lots is not None


def letterbox(folder: Path, days: list[list[Invoice]]) -> Path:
    (folder / "to_payers").mkdir(parents=True)
    for rank, some in enumerate(days, 1):
        (folder / "to_payers" / f"{some[0].biller}-{rank:06d}.b2").write_bytes(claim_file(some, sequence=rank))
    return folder


def test_a_letterbox_is_answered_once_and_statements_chain(tmp_path: Path, invoices: list[Invoice]) -> None:
    box = letterbox(tmp_path, [invoices[:100], invoices[100:200], invoices[200:300]])
    first = answer_folder(box, 5)
    files = [path for one in first for path in one.files]
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    assert answer_folder(box, 5) == first
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before
    assert sorted(path.name for path in (box / "from_payers").iterdir()) == sorted(before)
    blocks = [read_statement(one.bank.read_bytes()).blocks[0] for one in first]
    assert [block.opening for block in blocks[1:]] == [block.closing for block in blocks[:-1]]
    returned = [line for one in first for path in one.rsp for line in path.read_text().splitlines()]
    kept = [content_key(line) for one in first for line in read_statement(one.bank.read_bytes()).lines]
    assert len(set(kept)) == len(kept)
    references = Counter(line[21:41] for line in returned if line.startswith("P1"))
    assert set(references.values()) == {1}


def test_the_files_of_other_centres_can_be_left_to_their_own_seed(tmp_path: Path, invoices: list[Invoice]) -> None:
    box = letterbox(tmp_path, [invoices[:20], list(Day(World(12)).invoices(20))])
    (one,) = answer_folder(box, 5, biller=invoices[0].biller)
    assert one.claims.name == f"{invoices[0].biller}-000001.b2"
    assert sorted((box / "from_payers").iterdir()) == sorted(one.files)


def test_one_unreadable_file_does_not_hold_the_others_back(tmp_path: Path, invoices: list[Invoice]) -> None:
    box = letterbox(tmp_path, [invoices[:20]])
    (box / "to_payers" / "broken.b2").write_bytes(b"not a claim file")
    with pytest.raises(UnreadableClaims, match=r"broken\.b2"):
        answer_folder(box, 5)
    assert list((box / "from_payers").glob("bank-*.cfonb"))


def test_an_empty_letterbox_has_no_answer(tmp_path: Path) -> None:
    assert answer_folder(tmp_path, 5) == []
