# SPDX-License-Identifier: Apache-2.0
"""The state of a patient's share is a function of all that was paid on it, and the books say the same."""

from datetime import date
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents
from desmos_fast.billing.rules import DONE, document_state
from desmos_fast.settlement.desk.model import NothingAtDesk, PatientShare, PrepaymentForbidden, RefundTooHigh
from desmos_fast.settlement.desk.rules import check_payable, check_refund, excess, move, patient_state
from desmos_fast.settlement.shares import share_moves

CARE = date(2026, 9, 14)


def share(amount: int = 900, received: int = 0, closed: int = 0, state: str = "due") -> PatientShare:
    return PatientShare(UUID(int=1), "b/1", 1, CARE, 3000, amount, closed, received, state)


@pytest.mark.parametrize(
    ("owed", "received", "state"),
    [(900, 0, "due"), (900, -5, "due"), (900, 1, "part_paid"), (900, 899, "part_paid"), (900, 900, "paid"), (900, 901, "refund_due"),
     (0, 0, "not_due"), (0, 1, "refund_due")],
)  # fmt: skip
def test_the_state_follows_from_what_is_owed_and_what_came(owed: int, received: int, state: str) -> None:
    assert patient_state(owed, received, "due") == patient_state(owed, received, "refund_due") == state


@pytest.mark.parametrize("end", ["written_off", "time_barred", "recycled", "void"])
def test_an_end_stays(end: str) -> None:
    assert {patient_state(900, received, end) for received in (0, 5, 900, 1000)} == {end}


amounts = st.integers(-2000, 2000).filter(bool)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 1500), st.lists(amounts, max_size=8))
def test_the_books_say_what_the_share_says_after_every_payment(amount: int, changes: list[int]) -> None:
    now, book = share(amount), [ledger.signed("b/1", [Due(ledger.PATIENT, Cents(amount))])]
    moves = share_moves()
    for change in changes:
        before = now.state
        now, settled = move(now, change)
        book.append(ledger.at_desk("payment.received", "p", "cash", change, [settled], []))
        balances = ledger.balances(book)
        assert balances.get("creance:patient:b/1", 0) == max(amount - now.received, 0)
        assert balances.get("trop_percu:patient", 0) == -excess(now)
        assert balances.get("caisse:cash", 0) == now.received
        assert now.state == before or now.state in moves[before]
    assert (now.received, now.closed) == (sum(changes), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.lists(amounts, min_size=2, max_size=4))
def test_the_order_of_payments_changes_nothing(amount: int, changes: list[int]) -> None:
    ends = set()
    for order in permutations(changes):
        now, book = share(amount), []
        for change in order:
            now, settled = move(now, change)
            book.append(ledger.at_desk("payment.received", "p", "cash", change, [settled], []))
        ends.add((now, tuple(sorted(ledger.balances(book).items()))))
    assert len(ends) == 1


def test_what_bounces_on_a_share_that_was_given_up_is_lost_and_owed_by_nobody() -> None:
    ended = share(900, received=400, closed=500, state="written_off")
    after, settled = move(ended, -400)
    assert (after.state, after.closed, after.received) == ("written_off", 900, 0)
    entry = ledger.at_desk("payment.unpaid", "p", "cheque", -400, [settled], [])
    assert ledger.balances([entry]) == {"caisse:cheque": -400, "perte": 400}


def test_an_ended_share_takes_no_payment_nor_does_one_of_nothing() -> None:
    for some in (share(state="written_off"), share(900, closed=900), share(0, state="not_due")):
        with pytest.raises(NothingAtDesk):
            check_payable(some, 1, CARE)


def test_care_to_come_is_never_paid_in_full() -> None:
    before = CARE.replace(day=13)
    check_payable(share(3000), 2999, before)
    check_payable(share(3000), 3000, CARE)
    for some, change in ((share(3000), 3000), (share(3000, received=1000), 2000)):
        with pytest.raises(PrepaymentForbidden):
            check_payable(some, change, before)


def test_no_more_is_given_back_than_there_is() -> None:
    check_refund(5, 5)
    with pytest.raises(RefundTooHigh):
        check_refund(6, 5)


@pytest.mark.parametrize("others", [{"settled"}, {"settled", "not_due"}, set[str]()])
def test_an_invoice_with_a_share_at_the_desk_is_paid_through_it_alone(others: set[str]) -> None:
    states = {patient_state(900, received, "due"): received for received in (0, 1, 900, 901)}
    assert [state for state in states if document_state("signed", others | {state}) == "paid"] == ["paid"]
    assert "paid" in DONE
