# SPDX-License-Identifier: Apache-2.0
"""Decisions become entries and moves of shares: in as many runs as one likes, the books end the same."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents
from desmos_fast.nomenclature.rejects import table_of
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.book import Book, decide
from desmos_fast.settlement.dashboard import _Code, rejects_of
from desmos_fast.settlement.model import CreditRow, LineRow, LineStatus, OrderRow, PartRow, Settings, ShareLineRow
from desmos_fast.settlement.posting import Plan, ShareMove, Word, make_plan, share_moves
from tests.settlement.worlds import AMO, BILLER, PAID_ON, PAYERS, credit

AMOUNT = 2100
INVOICE = UUID(int=1)
NAME = f"{BILLER}/123"


def status_of(amount: int) -> LineStatus:
    if amount < 0:
        return "recovery"
    return "paid" if amount else "rejected"


def order_row(number: int, total: int, match_id: UUID | None = None, reference: str = "") -> OrderRow:
    day = PAID_ON + timedelta(days=number % 5)
    return OrderRow(
        UUID(int=1000 + number),
        f"o:{number}",
        "recovery" if total < 0 else "payment",
        AMO,
        AMO,
        None,
        day,
        reference or f"2627{number:04d}",
        total,
        match_id,
        True,
    )


def line_row(number: int, amount: int, *, parked: bool = False) -> LineRow:
    return LineRow(
        UUID(int=1000 + number), 1, BILLER, "amo", AMO, status_of(amount), amount, 123, None, "aa", date(2026, 9, 14), None, parked
    )


def part_row(announced: int = 0) -> PartRow:
    return PartRow(INVOICE, BILLER, 123, "aa", date(2026, 9, 14), "amo", AMO, AMOUNT, announced, None)


def credit_row(line: BankLine, match_id: UUID | None = None, match_key: str | None = None) -> CreditRow:
    return CreditRow(UUID(int=9), line, match_id, match_key)


def planned(book: Book) -> Plan:
    return make_plan(book, decide(book, PAYERS, Settings()), {})


def books_after(runs: Iterable[list[int]], invoice_from: int) -> dict[str, Cents]:
    """Give the amounts run by run, the invoice being there from one of the runs on, and return the balances."""
    entries: list[Entry] = [ledger.signed(NAME, [Due(AMO, Cents(AMOUNT))])]
    waiting: list[tuple[int, int, bool]] = []
    announced, number = 0, 0
    for place, amounts in enumerate(runs):
        for amount in amounts:
            number += 1
            waiting.append((number, amount, False))
        parts = [part_row(announced)] if place >= invoice_from else []
        rows = [line_row(one, amount, parked=parked) for one, amount, parked in waiting]
        plan = planned(Book([order_row(one, amount) for one, amount, _ in waiting], rows, parts, []))
        entries.extend(plan.entries)
        if parts:
            announced += sum(amount for _, amount, _ in waiting)
            waiting = []
        else:
            parked_now = {order for order, _ in plan.parked}
            waiting = [(one, amount, parked or UUID(int=1000 + one) in parked_now) for one, amount, parked in waiting]
    return ledger.balances(entries)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([2100, -2100, 1000, 500, -700, 1, 0]), min_size=1, max_size=7), st.data())
def test_the_books_end_the_same_in_one_run_or_in_many(amounts: list[int], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(amounts)), max_size=3)))
    runs = [amounts[start:end] for start, end in zip([0, *cuts], [*cuts, len(amounts)], strict=True)]
    invoice_from = data.draw(st.integers(0, len(runs) - 1))
    found = books_after(runs, invoice_from)
    assert found == books_after([amounts], 0)
    total = sum(amounts)
    expected = {
        "produit": -AMOUNT,
        f"attente:{AMO}": total,
        f"creance:{AMO}:{NAME}": max(AMOUNT - total, 0),
        f"trop_percu:{AMO}": -max(total - AMOUNT, 0),
    }
    assert found == {account: amount for account, amount in expected.items() if amount}


def test_what_was_said_before_is_not_said_again() -> None:
    book = Book([order_row(1, AMOUNT)], [line_row(1, AMOUNT, parked=True)], [], [])
    decisions = decide(book, PAYERS, Settings())
    first = make_plan(book, decisions, {})
    [(_, match)] = first.matches
    assert make_plan(book, decisions, {match.left[0]: Word(match.match_id, match.status, match.evidence)}).matches == []
    assert len(make_plan(book, decisions, {match.left[0]: Word("another", match.status, match.evidence)}).matches) == 1


def test_a_match_that_stands_writes_nothing_and_one_that_falls_is_taken_back_to_the_cent() -> None:
    guess = Book([order_row(1, AMOUNT)], [], [], [credit_row(credit())])
    first = planned(guess)
    [(row_id, match)] = first.matches
    known = credit_row(credit(), row_id, match.match_id)
    again = planned(Book([order_row(1, AMOUNT, row_id)], [], [], [known]))
    assert (again.matches, again.entries, again.standing) == ([], [], {known.line.id})
    fallen = planned(Book([order_row(1, AMOUNT, row_id), order_row(2, AMOUNT)], [], [], [known]))
    assert (fallen.undone, fallen.freed, fallen.orders) == ({row_id: known.id}, [UUID(int=1001)], {})
    assert [event.name for event in fallen.events] == ["match.undone"]
    assert ledger.balances([*first.entries, *fallen.entries]) == {}


def test_a_credit_that_is_not_the_sum_of_its_orders_is_never_posted() -> None:
    book = Book([order_row(1, AMOUNT, UUID(int=7))], [], [], [credit_row(credit(amount=5), UUID(int=7), "other")])
    with pytest.raises(OurBug):
        planned(book)


# --- shares


def share_line(amount: int, *, paid: bool = False, state: str = "sent", code: str | None = None, number: int = 1) -> ShareLineRow:
    return ShareLineRow(INVOICE, "amo", AMOUNT, "sent", state, 0, 0, status_of(amount), amount, code, UUID(int=number), paid)


def test_a_share_is_what_all_its_lines_make_it() -> None:
    moves, events = share_moves([share_line(2000), share_line(100, paid=True, number=2)], set())
    assert moves == [ShareMove(INVOICE, "amo", "settled_part", 2100, 100, None)]
    assert [event.name for event in events] == ["share.settled", "payment.received"]


def test_what_one_run_announces_and_receives_is_told_in_this_order() -> None:
    _, events = share_moves([share_line(AMOUNT, paid=True)], {UUID(int=1)})
    assert [event.name for event in events] == ["share.announced", "payment.received", "share.settled"]


def test_the_last_code_is_kept_and_an_end_is_an_end() -> None:
    moves, _ = share_moves([share_line(0, code="A"), share_line(0, code="B", number=2), share_line(0, number=3)], set())
    assert (moves[0].state, moves[0].reject_code) == ("rejected", "B")
    moves, events = share_moves([share_line(AMOUNT, state="written_off")], set())
    assert moves[0].state == "written_off" and [event.name for event in events] == []


# --- figures


def test_codes_are_counted_by_class_and_an_unknown_code_has_a_class_too() -> None:
    day = date(2026, 9, 20)
    rows = [_Code(2, Cents(300), "9999911", AMO, day), _Code(1, Cents(50), "", AMO, day), _Code(3, Cents(700), "2900005", AMO, day)]
    found = rejects_of(rows, table_of(load_tariffs()), date(2026, 10, 5))
    assert (found.count, found.cents) == (6, 1050)
    assert [(one.name, one.count, one.cents, len(one.codes)) for one in found.classes] == [("duplicate", 3, 700, 1), ("unknown", 3, 350, 2)]
