# SPDX-License-Identifier: Apache-2.0
"""Accounts, numbers, letters and days of the books."""

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from desmos_fast.base import ledger
from desmos_fast.settlement.accounting import rules
from desmos_fast.settlement.accounting.model import (
    AccountingRefused,
    AccountingSettings,
    Balance,
    ChartRow,
    ExportAsked,
    LedgerRow,
    Period,
    Unmapped,
)
from tests.settlement.accounting.books import AMC, AMO, FIRST, entries, lines, rows

ROOT = Path(__file__).parents[3]


def accounts() -> rules.Accounts:
    return rules.Accounts(rules.in_force(AccountingSettings(), 0).chart, {})


def test_every_account_of_the_ledger_has_a_number() -> None:
    page = (ROOT / "docs" / "reference" / "ledger.md").read_text()
    named = re.findall(r"^\| `([a-z_]+)[:`]", page.split("## Entries")[0], re.MULTILINE)
    assert {"creance", "attente", "caisse", "perte"} <= set(named)
    look = accounts()
    for kind in named:
        for rest in ("", f":{AMO}:750000018/1", f":{AMC}", ":op:00", ":patient:750000018/1"):
            if kind == "creance" and rest in ("", ":op:00"):
                continue
            assert look.of(kind + rest)[0].number
    with pytest.raises(Unmapped):
        look.of("autre:chose")


def test_every_event_of_the_ledger_has_its_words() -> None:
    page = (ROOT / "docs" / "reference" / "ledger.md").read_text() + (ROOT / "docs" / "reference" / "payments.md").read_text()
    events = {event.removesuffix(".undone") for event in re.findall(r"^\| `([a-z]+\.[a-z_.]+)` \|.*\|.*`[a-z_]+[:`]", page, re.MULTILINE)}
    assert {"invoice.signed", "line.matched", "payment.received"} <= events
    assert {event for event in events if rules.label_of(event, "x").startswith("Écriture")} == set()


def test_an_account_of_a_payer_is_its_own_and_a_patient_has_none() -> None:
    look = rules.Accounts(rules.in_force(AccountingSettings(), 0).chart, {AMO: "CPAM"})
    chart, auxiliary, label = look.of(f"creance:{AMO}:750000018/1")
    assert (chart.number, auxiliary, label) == ("411100", "AMO01751", "CPAM")
    assert look.of("creance:patient:750000018/1")[1:] == ("", "")
    assert look.of("banque:30002005500000157845Z")[0].number == "512000"


def test_a_centre_says_its_own_numbers() -> None:
    chart = {
        "banque:30002005500000157845Z": ChartRow(number="512100", label="Banque A"),
        "produit": ChartRow(number="706100", label="Soins dentaires"),
    }
    shown = rules.in_force(AccountingSettings(chart=chart), 3)
    look = rules.Accounts(shown.chart, {})
    assert look.of("banque:30002005500000157845Z")[0].number == "512100" and look.of("banque:X")[0].number == "512000"
    assert look.of("produit")[0].label == "Soins dentaires" and shown.revision == 3


def test_letters_count_without_end() -> None:
    assert [rules.letters(rank) for rank in (1, 26, 27, 52, 702, 703)] == ["A", "Z", "AA", "AZ", "ZZ", "AAA"]
    assert len({rules.letters(rank) for rank in range(1, 20_000)}) == 19_999


def test_entries_are_numbered_on_and_days_never_go_back() -> None:
    book = lines(first_number=41)
    assert sorted({line.number for line in book}) == list(range(41, 41 + len(entries())))
    assert [line.valid_day for line in book] == sorted(line.valid_day for line in book)
    late = [LedgerRow(1, "invoice.signed", "a/1", date(2026, 9, 30), "produit", 0, 5, None, None)]
    (line,) = rules.Numbering(accounts(), rules.default_journals(), FIRST, 1).lines(late)
    assert (line.day, line.piece_day, line.valid_day) == (FIRST, FIRST, FIRST), "its day is closed"


def test_every_entry_stands_in_its_journal() -> None:
    found = {(row.event, line.journal) for row, line in zip(rows(), lines(), strict=True)}
    assert ("invoice.signed", "VT") in found and ("credit.unmatched", "BQ") in found and ("line.matched", "OD") in found


def test_an_opening_carries_what_was_earned_and_balances() -> None:
    balances = [
        Balance(f"creance:{AMO}", 700), Balance("produit", -1000), Balance("perte", 100), Balance("banque:A", 200), Balance("banque:B", 0),
    ]  # fmt: skip
    opened = rules.opening(balances, accounts(), FIRST)
    assert sum(line.debit - line.credit for line in opened) == 0 and {line.number for line in opened} == {1}
    assert [(line.account, line.auxiliary, line.debit, line.credit) for line in opened] == [
        ("110000", "", 0, 900), ("411100", "AMO01751", 700, 0), ("512000", "", 200, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "closing", "period"),
    [
        (ExportAsked(period="2026-02"), 12, Period(date(2026, 2, 1), date(2026, 2, 28))),
        (ExportAsked(period="2024-02"), 12, Period(date(2024, 2, 1), date(2024, 2, 29))),
        (ExportAsked(period="2026"), 12, Period(date(2026, 1, 1), date(2026, 12, 31))),
        (ExportAsked(period="2026"), 6, Period(date(2025, 7, 1), date(2026, 6, 30))),
        (ExportAsked(first=date(2026, 3, 2), last=date(2026, 3, 2)), 12, Period(date(2026, 3, 2), date(2026, 3, 2))),
    ],
)
def test_a_period_is_a_month_a_year_or_days(asked: ExportAsked, closing: int, period: Period) -> None:
    assert rules.period_of(asked, closing) == period


@pytest.mark.parametrize(
    "asked",
    [
        ExportAsked(), ExportAsked(period="2026-13"), ExportAsked(period="1026"), ExportAsked(period="2026", first=date(2026, 1, 1)),
        ExportAsked(first=date(2026, 3, 2)), ExportAsked(first=date(2026, 3, 2), last=date(2026, 3, 1)),
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(asked: ExportAsked) -> None:
    with pytest.raises(AccountingRefused):
        rules.period_of(asked, 12)


def test_a_year_ends_with_its_month() -> None:
    assert rules.year_of(date(2026, 6, 30), 6) == Period(date(2025, 7, 1), date(2026, 6, 30))
    assert rules.year_of(date(2026, 7, 1), 6) == Period(date(2026, 7, 1), date(2027, 6, 30))


def test_what_is_in_no_chart_of_ours_is_in_the_ledger_either() -> None:
    kinds = {line.account.partition(":")[0] for entry in entries() for line in entry.lines}
    assert kinds - {name.partition(":")[0] for name in rules.default_chart()} == set()
    assert ledger.LOSS in kinds


def test_a_journal_of_the_bank_or_the_desk_holds_only_what_moves_it() -> None:
    journals = rules.default_journals()
    for event in ("credit.matched_later", "payment.attached"):
        assert {rules.journal_of(one, journals).code for one in (event, f"{event}.undone")} == {"OD"}
    for line in lines():
        if line.journal in ("BQ", "CA"):
            moved = {one.account[:2] for one in lines() if one.number == line.number}
            assert moved & {"51", "53"}, line


def test_a_loss_is_carried_to_an_account_of_its_own() -> None:
    def carried(earned: int) -> list[tuple[str, int, int]]:
        some = [Balance("produit", -earned), Balance("perte", 500), Balance("banque:A", earned - 500)]
        found = rules.opening(some, accounts(), date(2027, 1, 1))
        return [(one.account, one.debit, one.credit) for one in found if one.account[:2] == "11"]

    assert carried(700) == [("110000", 0, 200)]
    assert carried(300) == [("119000", 200, 0)]
    assert carried(500) == []


def test_accounts_and_journals_that_a_format_would_make_one_are_told() -> None:
    def merged(**given: object) -> tuple[str, str] | None:
        settings = msgspec.convert(given, AccountingSettings)
        return rules.merged(rules.in_force(settings, 1), 8, 2)

    def bank(number: str) -> dict[str, str]:
        return {"number": number, "label": "Banque"}

    assert merged() is None
    assert merged(chart={"banque:A": bank("5121000012"), "banque:B": bank("5121000012")}) is None
    assert merged(chart={"banque:A": bank("5121000012"), "banque:B": bank("5121000013")}) == ("5121000012", "5121000013")
    assert merged(journals={"credit": {"code": "CAB", "label": "Banque"}}) == ("CA", "CAB")
