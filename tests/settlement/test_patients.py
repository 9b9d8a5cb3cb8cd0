# SPDX-License-Identifier: Apache-2.0
"""Order lines that do not bear all keys: what their patient, their day or an amount can tell, and what it must not."""

from typing import Any

import pytest
from msgspec import UNSET

from desmos_fast.settlement.codec import write_matches
from desmos_fast.settlement.model import Invoice, Match
from tests.settlement.worlds import AMC, AMO, BILLER, NIR, invoice, line, of, order, run

OTHER = "285079999900110"


def decided(invoices: list[Invoice], *lines: dict[str, Any]) -> list[Match]:
    """Give each line an order of its own, a day after the one before, and return what is decided, in that order."""
    orders = [order(f"o:{rank}", one, payment_date=f"2026-10-{rank:02d}") for rank, one in enumerate(lines, 1)]
    return of(run(invoices, orders), "A")


def told(match: Match) -> tuple[str, str, tuple[str, ...], Any]:
    return match.status, match.rule, match.right, match.evidence.why if match.status != "confirmed" else match.outcome


def amo(amount: int = 2100, still_open: int | None = None, **more: Any) -> dict[str, Any]:
    return {"part": "amo", "payer": AMO, "amount": amount, "open": amount if still_open is None else still_open} | more


FIRST, SECOND = f"{BILLER}/123/amo", f"{BILLER}/124/amo"


# --- A2


@pytest.mark.parametrize("lot", ["012", None])
def test_a_line_without_nir_is_told_by_its_number(lot: str | None) -> None:
    [match] = decided([invoice()], line(nir=None, lot=lot))
    assert told(match) == ("confirmed", "A2", (FIRST,), "paid")
    assert "nir" not in match.evidence.fields and "invoice_number" in match.evidence.fields


@pytest.mark.parametrize("wrong", [{"lot": "099"}, {"care_date": "2026-09-15"}, {"payer": AMC}, {"part": "amc"}, {"invoice_number": 124}])
def test_without_a_nir_everything_present_must_be_equal(wrong: dict[str, Any]) -> None:
    [match] = decided([invoice()], line(**({"nir": None} | wrong)))
    assert match.status == "unmatched"


def test_two_invoices_of_one_number_are_not_told_without_a_nir() -> None:
    [match] = decided([invoice(), invoice(id="other/123", insured_nir=OTHER)], line(nir=None))
    assert told(match) == ("ambiguous", "A4", (), "several_parts")


# --- A3


@pytest.mark.parametrize("number", [None, 999, 124])
def test_a_number_that_is_absent_nobodys_or_anothers_gives_way_to_the_patient(number: int | None) -> None:
    [match] = decided([invoice(), invoice(124, insured_nir=OTHER)], line(invoice_number=number))
    assert told(match) == ("confirmed", "A3", (FIRST,), "paid")
    assert match.evidence.fields == ("nir", "care_date", "biller", "payer", "part", "lot")
    assert match.evidence.lost == ({SECOND: "differs:nir", f"{BILLER}/124/amc": "differs:nir,part,payer,lot"} if number == 124 else UNSET)
    assert NIR not in write_matches((match,)).decode() and OTHER not in write_matches((match,)).decode()


def test_a_number_that_patient_and_day_confirm_is_not_left_for_another_invoice_of_that_day() -> None:
    parts = [amo(payer="amo:02345")]
    [match] = decided([invoice(123, parts=parts), invoice(124)], line(invoice_number=123))
    assert match.status == "unmatched"


@pytest.mark.parametrize("changes", [{"nir": OTHER}, {"care_date": "2026-09-15"}, {"biller": "750000028"}, {"payer": AMC}, {"lot": "099"}])
def test_patient_day_biller_payer_and_lot_must_be_equal(changes: dict[str, Any]) -> None:
    [match] = decided([invoice()], line(**({"invoice_number": None} | changes)))
    assert match.status == "unmatched"


def test_twins_of_one_day_are_never_chosen_between() -> None:
    [match] = decided([invoice(123), invoice(124)], line(invoice_number=None))
    assert told(match) == ("ambiguous", "A4", (), "several_parts")
    assert (match.evidence.candidates, match.evidence.candidate_ids, match.evidence.solutions) == (2, (FIRST, SECOND), 2)
    both = decided([invoice(123), invoice(124)], line(invoice_number=None), line(invoice_number=None))
    assert [match.status for match in both] == ["ambiguous"] * 2
    [cheaper] = decided([invoice(123), invoice(124, parts=[amo(900)])], line(invoice_number=None))
    assert cheaper.status == "ambiguous"


def test_a_lot_tells_twins_apart_where_the_line_has_one() -> None:
    [match] = decided([invoice(123), invoice(124, lot="014")], line(invoice_number=None, lot="014"))
    assert match.right == (SECOND,)


CLOSED: list[tuple[str, list[Invoice]]] = [
    ("paid before", [invoice(123, parts=[amo(still_open=0)])]),
    ("billed again", [invoice(123), invoice(124, care_date="2026-09-20", supersedes=f"{BILLER}/123")]),
]


@pytest.mark.parametrize("invoices", [invoices for _, invoices in CLOSED], ids=[name for name, _ in CLOSED])
@pytest.mark.parametrize("changes", [{}, {"status": "rejected", "amount": 0}])
def test_a_closed_part_is_no_candidate_for_a_reject_either(invoices: list[Invoice], changes: dict[str, Any]) -> None:
    [match] = decided(invoices, line(**({"invoice_number": None} | changes)))
    assert told(match)[0] == "unmatched"


def test_what_its_own_lines_close_is_no_candidate_and_leaves_the_twin_alone() -> None:
    for closing in (line(), line(status="rejected", amount=0)):
        closed, found = decided([invoice(123), invoice(124)], closing, line(invoice_number=None))
        assert (closed.right, told(found)) == ((FIRST,), ("confirmed", "A3", (SECOND,), "paid"))


def test_more_than_is_open_is_told_to_nobody() -> None:
    [match] = decided([invoice()], line(invoice_number=None, amount=2101))
    assert told(match) == ("unmatched", "A9", (), "absent:invoice_number")


def test_a_reject_needs_no_amount() -> None:
    [match] = decided([invoice()], line(invoice_number=None, status="rejected", amount=0))
    assert told(match) == ("confirmed", "A3", (FIRST,), "rejected")


def test_several_lines_go_to_one_part_while_their_sum_is_open_and_none_of_them_beyond() -> None:
    partial, rest = line(invoice_number=None, amount=1000, status="partial"), line(invoice_number=None, amount=1100)
    assert [told(match) for match in decided([invoice()], partial, rest)] == [
        ("confirmed", "A3", (FIRST,), "partial"), ("confirmed", "A3", (FIRST,), "paid"),
    ]  # fmt: skip
    beyond = decided([invoice()], partial, line(invoice_number=None, amount=1101))
    assert [told(match) for match in beyond] == [("ambiguous", "A3", (), "sum_above_open")] * 2
    assert beyond[0].evidence.candidate_ids == (FIRST,)
    named, found = decided([invoice()], line(amount=1000, status="partial"), rest)
    assert (named.rule, found.rule, found.outcome) == ("A1", "A3", "paid")


def test_a_line_that_hesitates_speaks_against_one_that_does_not() -> None:
    # The second line may be of the first part too, and both together are more than it is worth.
    invoices = [invoice(123), invoice(124, lot="014")]
    sure, hesitating = decided(invoices, line(invoice_number=None, lot="012"), line(invoice_number=None, lot=None))
    assert [sure.status, hesitating.status] == ["ambiguous", "ambiguous"]


def test_a_recovery_is_told_by_the_amount_that_was_paid() -> None:
    back = line(invoice_number=None, status="recovery", amount=-2100)
    paid, taken = decided([invoice()], line(), back)
    assert told(taken) == ("confirmed", "A3", (FIRST,), "recovery") and taken.evidence.payment == paid.left[0]
    [before] = decided([invoice(parts=[amo(still_open=0)])], back)
    assert told(before) == ("confirmed", "A3", (FIRST,), "recovery")
    for other in (line(amount=2000, status="partial"), line(status="rejected", amount=0)):
        assert decided([invoice()], other, back)[1].status == "unmatched"
    twice = decided([invoice()], line(), back, back)
    assert [told(match) for match in twice[1:]] == [("ambiguous", "A3", (), "several_recoveries")] * 2
    twins = decided([invoice(123), invoice(124)], line(invoice_number=123), line(invoice_number=124), back)
    assert told(twins[2]) == ("ambiguous", "A4", (), "several_parts")
    told_apart = decided(
        [invoice(123), invoice(124)], line(invoice_number=123), line(invoice_number=124, amount=1000, status="partial"), back
    )
    assert told_apart[2].right == (FIRST,)


# --- A5


def nameless(amount: int = -2100, number: int | None = 123, payer: str = AMO) -> dict[str, Any]:
    found = line(status="recovery", amount=amount, invoice_number=number, payer=payer)
    return found | dict.fromkeys(("biller", "part", "lot", "nir", "care_date"))


def test_a_recovery_with_a_number_alone_is_told_by_the_only_payment_of_its_amount() -> None:
    paid, taken = decided([invoice()], line(), nameless())
    assert told(taken) == ("confirmed", "A5", (FIRST,), "recovery") and taken.evidence.payment == paid.left[0]
    assert taken.evidence.fields == ("biller", "invoice_number", "payer", "amount")


@pytest.mark.parametrize(
    ("back", "why"),
    [
        (nameless(number=None), "recovery_without_part"), (nameless(number=999), "no_such_payment"), (nameless(-2000), "no_such_payment"),
        (nameless(payer=AMC), "no_such_payment"), (nameless(300), "no_such_payment"),
    ],
)  # fmt: skip
def test_a_recovery_that_nothing_places_is_parked(back: dict[str, Any], why: str) -> None:
    assert told(decided([invoice()], line(), back)[1]) == ("parked", "A5", (), why)


def test_a_recovery_of_two_equal_payments_or_two_of_one_are_parked() -> None:
    same = invoice(parts=[amo(), {"part": "amc", "payer": AMO, "amount": 2100, "open": 2100, "lot": "013"}])
    lines = line(), line(part="amc", lot="013")
    assert told(decided([same], *lines, nameless())[2]) == ("parked", "A5", (), "several_payments")
    assert [told(match) for match in decided([invoice()], line(), nameless(), nameless())[1:]] == [
        ("parked", "A5", (), "several_recoveries")
    ] * 2
    gone = decided([invoice()], line(), line(status="recovery", amount=-2100), nameless())
    assert told(gone[2]) == ("parked", "A5", (), "no_such_payment")


def test_flat_rates_and_other_money_name_no_part_whatever_their_number() -> None:
    flat = line(part=None, nir=None, lot=None, care_date=None, status="paid", amount=-2100)
    assert told(decided([invoice()], line(), flat)[1]) == ("unmatched", "A9", (), "other_money")


def test_each_pass_looks_at_all_before_the_next() -> None:
    # The line without number comes first and would fit; the one with all keys is certain.
    first, second = decided([invoice()], line(invoice_number=None), line())
    assert (told(first)[0], told(second)) == ("unmatched", ("confirmed", "A1", (FIRST,), "paid"))
