# SPDX-License-Identifier: Apache-2.0
"""Invented books: every event of the ledger, over some days, as rows of the ledger and as lines."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents
from desmos_fast.settlement.accounting import rules
from desmos_fast.settlement.accounting.model import AccountingSettings, BookLine, LedgerRow

AMO, AMC = "amo:01751", "amc:0099000013"
FIRST = date(2026, 10, 1)


def entries() -> list[Entry]:
    """Return one entry of each kind."""
    bill = "750000018/123"
    return [
        ledger.signed(bill, [Due(AMO, Cents(2100)), Due(AMC, Cents(900)), Due("patient", Cents(500))]),
        ledger.voided("750000018/124", [Due(AMO, Cents(100))]),
        ledger.line_matched("o:1#1", AMO, bill, Cents(2100)),
        ledger.overpaid("o:1#2", AMC, bill, Cents(900), Cents(50)),
        ledger.line_without_invoice("o:1#3", AMC, Cents(700)),
        ledger.line_invoiced_later("o:1#3", AMC, "750000018/125", Cents(700)),
        ledger.recovery_parked("o:2#1", AMO, Cents(-300)),
        ledger.recovery_identified("o:2#1", AMO, "750000018/126", Cents(-300)),
        ledger.credit_unmatched("f:1", "30002005500000157845Z", Cents(3050)),
        ledger.credit_matched_later("f:1", [Due(AMO, Cents(2100)), Due(AMC, Cents(950))]),
        ledger.moved_to_patient("750000018/127", AMC, "750000018/127", Cents(400)),
        ledger.written_off("750000018/128", AMO, "750000018/128", Cents(1)),
        ledger.undone(ledger.credit_matched_later("f:1", [Due(AMO, Cents(2100)), Due(AMC, Cents(950))]), "f:1"),
    ]


def rows(made: list[Entry] | None = None, first_seq: int = 1) -> Iterator[LedgerRow]:
    """Return lines of the ledger, one day an entry."""
    for seq, entry in enumerate(entries() if made is None else made, first_seq):
        for line in entry.lines:
            yield LedgerRow(seq, entry.event, entry.ref, FIRST + timedelta(days=seq - 1), line.account, line.debit, line.credit, None, None)


def lines(made: list[Entry] | None = None, first_number: int = 1) -> list[BookLine]:
    """Return them as lines of the books."""
    shown = rules.in_force(AccountingSettings(siren="123456782"), 0)
    accounts = rules.Accounts(shown.chart, {AMO: "CPAM d'Albéville", AMC: "Mutuelle Étoile|Sud"})
    return list(rules.Numbering(accounts, shown.journals, FIRST, first_number).lines(rows(made)))


def random_lines(seed: int, count: int) -> list[BookLine]:
    """Return the lines of `count` entries with amounts, payers and order of a seed."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        bill = f"750000018/{number}"
        cents = Cents(draw.choice((1, 99, 100, 2100, 10**9)))
        payer = draw.choice((AMO, AMC, "patient"))
        made.append(ledger.signed(bill, [Due(payer, cents)]) if draw.random() < 0.5 else ledger.written_off(bill, payer, bill, cents))
    return lines(made)
