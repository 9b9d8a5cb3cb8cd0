# SPDX-License-Identifier: Apache-2.0
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.base.ledger import Due, Entry, Line, Settled
from desmos_fast.base.types import Cents

AMO = "amo:01751"
AMC = "amc:0099000013"
INVOICE = "750000010/123"

cents = st.integers(0, 10**12).map(Cents)
signed_cents = st.integers(-(10**12), 10**12).map(Cents)
payers = st.sampled_from([AMO, AMC, "op:00", "patient"])
dues = st.lists(st.builds(Due, payers, cents), max_size=4)
signed_dues = st.lists(st.builds(Due, payers, signed_cents), max_size=4)

TRANSFERS: list[Callable[[Cents], Entry]] = [
    lambda amount: ledger.line_matched("o#1", AMO, INVOICE, amount),
    lambda amount: ledger.line_without_invoice("o#1", AMO, amount),
    lambda amount: ledger.line_invoiced_later("o#1", AMO, INVOICE, amount),
    lambda amount: ledger.recovery_parked("o#1", AMO, amount),
    lambda amount: ledger.recovery_identified("o#1", AMO, INVOICE, amount),
    lambda amount: ledger.recovery_identified("o#1", AMO, None, amount),
    lambda amount: ledger.credit_unmatched("b:1", "ACCOUNT", amount),
    lambda amount: ledger.at_desk("payment.received", "p1", "cash", amount, [Settled(INVOICE, amount, 0)], []),
    lambda amount: ledger.at_desk("payment.attached", "p1", "cash", 0, [Settled(INVOICE, 0, amount)], [("p1", -amount)]),
    lambda amount: ledger.moved_to_patient("d1", AMC, INVOICE, amount),
    lambda amount: ledger.taken_from_patient("d1", AMC, INVOICE, amount, Cents(0)),
    lambda amount: ledger.taken_from_patient("d1", AMC, INVOICE, Cents(0), amount),
    lambda amount: ledger.written_off("d1", AMC, INVOICE, amount),
]
entries = st.one_of(
    st.tuples(st.sampled_from(TRANSFERS), signed_cents).map(lambda pair: pair[0](pair[1])),
    dues.map(lambda parts: ledger.signed(INVOICE, parts)),
    dues.map(lambda parts: ledger.voided(INVOICE, parts)),
    st.tuples(cents, cents).map(lambda pair: ledger.overpaid("o#1", AMO, INVOICE, *pair)),
    signed_dues.map(lambda orders: ledger.credit_matched("b:1", "ACCOUNT", orders)),
    signed_dues.map(lambda orders: ledger.credit_matched_later("b:1", orders)),
)


def test_a_claim_paid_by_both_insurers_leaves_only_income_and_bank() -> None:
    book = [
        ledger.signed(INVOICE, [Due(AMO, Cents(2100)), Due(AMC, Cents(900))]),
        ledger.line_matched("o#1", AMO, INVOICE, Cents(2100)),
        ledger.credit_matched("b:1", "ACCOUNT", [Due(AMO, Cents(2100))]),
        ledger.credit_unmatched("b:2", "ACCOUNT", Cents(900)),
        ledger.line_matched("q#1", AMC, INVOICE, Cents(900)),
        ledger.credit_matched_later("b:2", [Due(AMC, Cents(900))]),
    ]
    assert ledger.balances(book) == {"produit": -3000, "banque:ACCOUNT": 3000}


def test_announced_and_not_received_stays_on_the_awaited_account() -> None:
    book = [ledger.signed(INVOICE, [Due(AMO, Cents(2100))]), ledger.line_matched("o#1", AMO, INVOICE, Cents(2100))]
    assert ledger.balances(book) == {"produit": -2100, f"attente:{AMO}": 2100}


def test_an_excess_never_brings_a_debt_below_zero() -> None:
    book = [ledger.signed(INVOICE, [Due(AMO, Cents(2100))]), ledger.overpaid("o#1", AMO, INVOICE, Cents(2100), Cents(50))]
    assert ledger.balances(book) == {"produit": -2100, f"attente:{AMO}": 2150, f"trop_percu:{AMO}": -50}


def test_a_recovery_opens_the_debt_again_and_a_parked_one_waits_on_its_own_account() -> None:
    taken = ledger.line_matched("o#2", AMO, INVOICE, Cents(-2100))
    assert ledger.balances([taken]) == {f"creance:{AMO}:{INVOICE}": 2100, f"attente:{AMO}": -2100}
    parked = ledger.recovery_parked("o#3", AMO, Cents(-500))
    assert ledger.balances([parked]) == {f"indu:{AMO}": 500, f"attente:{AMO}": -500}
    assert ledger.balances([parked, ledger.recovery_identified("o#3", AMO, None, Cents(-500))]) == {"perte": 500, f"attente:{AMO}": -500}


def test_what_is_placed_late_ends_where_it_would_have_gone_at_once() -> None:
    at_once = [ledger.overpaid("o#1", AMO, INVOICE, Cents(2100), Cents(50)), ledger.overpaid("o#2", AMO, INVOICE, Cents(-2100), Cents(-50))]
    late = [
        ledger.line_without_invoice("o#1", AMO, Cents(2150)),
        ledger.recovery_parked("o#2", AMO, Cents(-2150)),
        ledger.line_invoiced_later("o#1", AMO, INVOICE, Cents(2100), Cents(50)),
        ledger.recovery_identified("o#2", AMO, INVOICE, Cents(-2100), Cents(-50)),
    ]
    assert ledger.balances(at_once[:1]) == ledger.balances([late[0], late[2]])
    assert ledger.balances(at_once[1:]) == ledger.balances([late[1], late[3]])
    assert ledger.balances(at_once) == {}


def test_a_debt_and_an_excess_of_different_signs_are_refused() -> None:
    with pytest.raises(OurBug):
        ledger.overpaid("o#1", AMO, INVOICE, Cents(2100), Cents(-50))


def test_a_zero_part_gives_no_line() -> None:
    assert ledger.signed(INVOICE, [Due(AMO, Cents(0)), Due("patient", Cents(3000))]).lines == (
        Line(f"creance:patient:{INVOICE}", Cents(3000), Cents(0)),
        Line("produit", Cents(0), Cents(3000)),
    )


@pytest.mark.parametrize(
    "lines",
    [
        (Line("a", Cents(1), Cents(0)),),
        (Line("a", Cents(1), Cents(1)),),
        (Line("a", Cents(0), Cents(0)),),
        (Line("a", Cents(-1), Cents(0)), Line("b", Cents(0), Cents(-1))),
        (Line("a", Cents(2**63), Cents(0)), Line("b", Cents(0), Cents(2**63))),
    ],
)
def test_an_unsound_entry_is_refused(lines: tuple[Line, ...]) -> None:
    with pytest.raises(OurBug):
        ledger.check(Entry("x", "y", lines))


@pytest.mark.parametrize("build", [ledger.signed, ledger.voided])
def test_a_negative_part_is_refused(build: Callable[[str, list[Due]], Entry]) -> None:
    with pytest.raises(OurBug):
        build(INVOICE, [Due(AMO, Cents(-1)), Due(AMC, Cents(1))])


def test_canonical_bytes_are_compact_json_and_the_chain_starts_from_the_previous_hash() -> None:
    entry = ledger.line_matched("o#1", AMO, INVOICE, Cents(2100))
    expected = b'["line.matched","o#1",[["attente:amo:01751",2100,0],["creance:amo:01751:750000010/123",0,2100]]]'
    assert ledger.canonical(entry) == expected
    first = hashlib.sha256(bytes(32) + expected).digest()
    assert ledger.chain(ledger.GENESIS, [entry, entry]) == [first, hashlib.sha256(first + expected).digest()]
    with pytest.raises(OurBug):
        ledger.chain(b"", [entry])


@settings(max_examples=200, deadline=None)
@given(st.lists(entries, max_size=12))
def test_every_entry_and_every_ledger_sums_to_zero(book: list[Entry]) -> None:
    for entry in book:
        assert sum(line.debit for line in entry.lines) == sum(line.credit for line in entry.lines)
        assert all((line.debit > 0) != (line.credit > 0) for line in entry.lines)
    assert sum(ledger.balances(book).values()) == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, max_size=8), st.data())
def test_undo_restores_every_balance_and_leaves_the_others(book: list[Entry], data: st.DataObject) -> None:
    if book:
        index = data.draw(st.integers(0, len(book) - 1))
        rest = book[:index] + book[index + 1 :]
        assert ledger.balances([*book, ledger.undone(book[index], "u1")]) == ledger.balances(rest)


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, min_size=2, max_size=8), st.data())
def test_a_removed_or_swapped_entry_breaks_the_chain(book: list[Entry], data: st.DataObject) -> None:
    links = ledger.chain(ledger.GENESIS, book)
    index = data.draw(st.integers(0, len(book) - 2))
    assert ledger.chain(ledger.GENESIS, book[:index] + book[index + 1 :])[-1] != links[-1]
    if ledger.canonical(book[index]) != ledger.canonical(book[index + 1]):
        swapped = [*book[:index], book[index + 1], book[index], *book[index + 2 :]]
        assert ledger.chain(ledger.GENESIS, swapped)[-1] != links[-1]
    assert ledger.chain(links[index], book[index + 1 :]) == links[index + 1 :]
