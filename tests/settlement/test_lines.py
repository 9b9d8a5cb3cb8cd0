# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
from typing import Any

import pytest

from desmos_fast.settlement.codec import write_matches
from desmos_fast.settlement.model import Invoice, Match, Order
from tests.settlement.worlds import AMC, NIR, invoice, line, of, order, run


def decided(invoices: list[Invoice], *orders: Order) -> list[Match]:
    return of(run(invoices, list(orders)), "A")


def test_equal_keys_confirm_with_both_values_of_each_field_and_no_nir() -> None:
    [match] = decided([invoice()], order())
    assert (match.status, match.rule, match.left, match.right) == ("confirmed", "A1", ("o:1#1",), ("750000010/123/amo",))
    assert (match.amount, match.residual, match.outcome) == (2100, 0, "paid")
    expected = hashlib.sha256(b'["A","A1",["o:1#1"],["750000010/123/amo"]]').hexdigest()[:16]
    assert match.match_id == expected
    assert match.evidence.fields == ("biller", "invoice_number", "nir", "care_date", "part", "payer", "lot")
    assert match.evidence.values["care_date"] == ("2026-09-14", "2026-09-14")
    assert (match.evidence.candidates, match.evidence.solutions, match.evidence.unique) == (1, 1, True)
    assert NIR[:13] not in write_matches((match,)).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"biller": "750000028"},
        {"nir": "285079999900110"},
        {"care_date": "2026-09-15"},
        {"part": "amc"},
        {"payer": AMC},
        {"lot": "014"},
    ],
)
def test_any_key_that_differs_leaves_the_line_unmatched(wrong: dict[str, Any]) -> None:
    [match] = decided([invoice()], order("o:1", line(**wrong)))
    assert (match.status, match.rule, match.right, match.evidence.why) == ("unmatched", "A9", (), "no_part")


@pytest.mark.parametrize("absent", ["biller", "care_date", "payer"])
def test_an_absent_key_is_told(absent: str) -> None:
    changes: dict[str, Any] = {absent: None}
    [match] = decided([invoice()], order("o:1", line(**changes)))
    assert (match.rule, match.evidence.why) == ("A9", f"absent:{absent}")


def test_a_line_without_a_lot_is_compared_without_it_and_a_parts_own_lot_wins() -> None:
    first, second = decided([invoice()], order("o:1", line(1, lot=None), line(2, part="amc", payer=AMC, amount=900, lot="013")))
    assert (first.right, second.right) == (("750000010/123/amo",), ("750000010/123/amc",))
    [wrong] = decided([invoice()], order("o:1", line(part="amc", payer=AMC, amount=900, lot="012")))
    assert wrong.status == "unmatched"


def test_a_wrong_number_that_belongs_to_another_invoice_of_the_patient_never_wins() -> None:
    [match] = decided([invoice(123), invoice(124, care_date="2026-09-20")], order("o:1", line(invoice_number=124)))
    assert (match.status, match.rule, match.right) == ("confirmed", "A3", ("750000010/123/amo",))
    assert match.evidence.lost == {"750000010/124/amc": "differs:care_date,part,payer,lot", "750000010/124/amo": "differs:care_date"}
    assert match.evidence.values["invoice_number"] == (124, 123)


def test_several_parts_with_equal_keys_are_listed_and_none_is_chosen() -> None:
    twins = [invoice(123), invoice(123, id="twin/123", birth_rank=2)]
    [match] = decided(twins, order())
    assert (match.status, match.rule, match.right, match.evidence.why) == ("ambiguous", "A4", (), "several_parts")
    assert match.evidence.candidate_ids == ("750000010/123/amo", "twin/123/amo")
    assert (match.evidence.candidates, match.evidence.solutions) == (2, 2)


def test_less_is_partial_and_the_balance_closes() -> None:
    first = order("o:1", line(amount=1000, status="partial"))
    rest = order("o:2", line(amount=1100), payment_date="2026-10-09")
    partial, paid = decided([invoice()], rest, first)
    assert [(match.left, match.outcome) for match in (partial, paid)] == [(("o:1#1",), "partial"), (("o:2#1",), "paid")]
    assert paid.evidence.values["amount"] == (1100, 1100)


def test_more_than_is_open_is_a_match_to_review_with_the_excess() -> None:
    [match] = decided([invoice()], order("o:1", line(amount=2150)))
    assert (match.status, match.outcome, match.amount, match.residual) == ("confirmed", "overpaid", 2150, 50)


def test_a_second_payment_and_one_on_a_closed_part_are_overpaid() -> None:
    first, second = decided([invoice()], order("o:2", payment_date="2026-10-05"), order("o:1", payment_date="2026-10-06"))
    assert {first.left[0]: first.outcome, second.left[0]: second.outcome} == {"o:2#1": "paid", "o:1#1": "overpaid"}
    closed = invoice(parts=[{"part": "amo", "payer": "amo:01751", "amount": 2100, "open": 0}])
    [match] = decided([closed], order())
    assert (match.outcome, match.residual) == ("overpaid", 2100)


def test_a_reject_carries_no_money() -> None:
    [match] = decided([invoice()], order("o:1", line(status="rejected", amount=0, reject_code="2900005")))
    assert (match.status, match.outcome, match.amount) == ("confirmed", "rejected", 0)


def test_a_recovery_is_linked_to_the_payment_it_takes_back() -> None:
    paid = order("o:1")
    back = order("o:2", line(status="recovery", amount=-2100), payment_date="2026-11-02")
    again = order("o:3", payment_date="2026-12-02")
    matches = decided([invoice()], again, back, paid)
    assert [match.outcome for match in matches] == ["paid", "recovery", "paid"]
    assert matches[1].evidence.payment == "o:1#1"
    [alone] = decided([invoice()], back)
    assert alone.evidence.payment is None


def test_a_recovery_of_an_excess_does_not_open_the_part_again() -> None:
    orders = [order(f"o:{rank}", payment_date=f"2026-10-0{rank}") for rank in (1, 2)]
    orders.append(order("o:3", line(status="recovery", amount=-2100), payment_date="2026-10-03"))
    orders.append(order("o:4", payment_date="2026-10-04"))
    assert [match.outcome for match in decided([invoice()], *orders)] == ["paid", "overpaid", "recovery", "overpaid"]


@pytest.mark.parametrize(("amount", "status", "why"), [(5000, "paid", "other_money"), (-5000, "recovery", "recovery_without_part")])
def test_flat_rates_and_recoveries_without_a_part_stay_unmatched(amount: int, status: str, why: str) -> None:
    [match] = decided([invoice()], order("o:1", line(part=None, amount=amount, status=status)))
    assert (match.status, match.rule, match.evidence.why) == ("unmatched", "A9", why)


def test_hors_tiers_payant_a_return_of_nothing_closes_a_part_of_nothing() -> None:
    nothing = invoice(parts=[{"part": "amo", "payer": "amo:01751", "amount": 0, "open": 0}])
    [match] = decided([nothing], order("o:1", line(amount=0)))
    assert (match.status, match.outcome) == ("confirmed", "paid")


def test_lines_of_one_line_are_sorted_json_with_every_key() -> None:
    [match] = decided([], order())
    assert json.loads(write_matches((match,))) == {
        "match_id": match.match_id,
        "problem": "A",
        "status": "unmatched",
        "rule": "A9",
        "left": ["o:1#1"],
        "right": [],
        "amount": 2100,
        "residual": 0,
        "outcome": None,
        "evidence": {
            "fields": [],
            "values": {},
            "candidates": 0,
            "candidate_ids": [],
            "solutions": 0,
            "unique": False,
            "settings": match.evidence.settings,
            "why": "no_part",
        },
    }
