# SPDX-License-Identifier: Apache-2.0
"""What must hold of the books whatever is drawn: parts make their invoice, and no debt falls below zero: what is above it stands apart."""

from datetime import date
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.ledger import INCOME, PATIENT, Due, Entry
from desmos_fast.base.types import Cents
from desmos_fast.billing import rules
from desmos_fast.billing.model import Invoice
from desmos_fast.settlement.model import PartRow
from desmos_fast.settlement.posting import Shares
from tests.generators import invoices
from tests.generators.draw import seeded

PAYER = "amo:01751"
NAME = "750000018/1"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["full", "amo", "none"]))
def test_the_parts_of_an_invoice_and_its_debts_make_its_total(seed: int, third_party: str) -> None:
    invoice = msgspec.convert(invoices.invoice(seeded(seed), 1) | {"third_party": third_party}, Invoice)
    parts = rules.split(invoice)
    due = rules.shares(invoice, parts)
    assert sum(share.amount for share in due) == parts.from_amo + parts.from_amc + parts.desk == parts.total
    balances = ledger.balances(rules.entries([invoice], [due]))
    assert sum(cents for account, cents in balances.items() if account.startswith("creance:")) == parts.total == -balances.get(INCOME, 0)
    assert balances.get(ledger.receivable(PATIENT, f"{invoice.biller}/{invoice.number}"), 0) == parts.desk


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3000), st.lists(st.integers(-2500, 2500).filter(bool), max_size=10), st.booleans())
def test_no_debt_falls_below_zero_and_what_is_above_it_is_overpaid(amount: int, lines: list[int], parked: bool) -> None:
    part = PartRow(UUID(int=1), "750000018", 1, "i", date(2026, 9, 14), "amo", PAYER, amount, 0, None, "sent")
    shares, book = Shares([part]), [ledger.signed(NAME, [Due(PAYER, Cents(amount))])]
    for place, cents in enumerate(lines, 1):
        due, excess = shares.announce(part, cents)
        book += _entries(f"o#{place}", cents, due, Cents(excess), parked)
        balances = ledger.balances(book)
        announced = sum(lines[:place])
        assert balances.get(f"creance:{PAYER}:{NAME}", 0) == max(amount - announced, 0)
        assert balances.get(f"trop_percu:{PAYER}", 0) == -max(announced - amount, 0)
        assert balances.get(f"attente:{PAYER}", 0) == announced
        assert sum(balances.values()) == 0


def _entries(ref: str, cents: int, due: Cents, excess: Cents, parked: bool) -> list[Entry]:
    """Post a line at once, or first where it waits and then on its invoice."""
    if not parked:
        return [ledger.overpaid(ref, PAYER, NAME, due, excess)]
    if cents < 0:
        return [ledger.recovery_parked(ref, PAYER, Cents(cents)), ledger.recovery_identified(ref, PAYER, NAME, due, excess)]
    return [ledger.line_without_invoice(ref, PAYER, Cents(cents)), ledger.line_invoiced_later(ref, PAYER, NAME, due, excess)]
