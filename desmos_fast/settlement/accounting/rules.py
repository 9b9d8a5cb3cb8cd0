# SPDX-License-Identifier: Apache-2.0
"""From lines of the ledger to lines of the books: accounts, journals, numbers, letters, days. Pure."""

import calendar
import csv
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from desmos_fast.settlement.accounting.model import (
    OPENING,
    AccountingRefused,
    AccountingSettings,
    Balance,
    BookLine,
    ChartRow,
    Column,
    ExportAsked,
    Journal,
    LedgerRow,
    Period,
    SettingsShown,
    Table,
    Unmapped,
)

FOLDER: Final = Path(__file__).parent
# What was earned or lost before stays with the centre: its own account when it opens a year.
CARRIED: Final = ChartRow(number="110000", label="Report à nouveau (solde créditeur)")
CARRIED_LOSS: Final = ChartRow(number="119000", label="Report à nouveau (solde débiteur)")
OPENING_JOURNAL: Final = Journal(code=OPENING, label="À-nouveaux")
OPENING_LABEL: Final = "À-nouveau"
TABLE: Final = Table(
    columns=tuple(
        Column(head=head, field=field)  # type: ignore[arg-type]  # each is one of the fields
        for head, field in (
            ("Journal", "journal"), ("Numero", "number"), ("Date", "day"), ("Compte", "account"), ("LibelleCompte", "account_label"),
            ("Auxiliaire", "auxiliary"), ("Piece", "piece"), ("Libelle", "label"), ("Debit", "debit"), ("Credit", "credit"),
            ("Lettrage", "letter"),
        )
    )
)  # fmt: skip
LABELS: Final[Mapping[str, str]] = {
    "invoice.signed": "Facture",
    "invoice.voided": "Annulation de facture",
    "invoice.recycled": "Avoir, facture refaite",
    "line.matched": "Paiement annoncé",
    "line.overpaid": "Paiement annoncé, trop-perçu",
    "line.without_invoice": "Paiement annoncé sans facture",
    "line.invoiced_later": "Paiement annoncé, facture retrouvée",
    "recovery.parked": "Indu retenu à identifier",
    "recovery.identified": "Indu identifié",
    "credit.unmatched": "Mouvement de banque",
    "credit.matched": "Virement reçu",
    "credit.matched_later": "Virement reçu, expliqué",
    "payment.received": "Règlement patient",
    "payment.attached": "Règlement patient affecté",
    "payment.refunded": "Remboursement patient",
    "payment.unpaid": "Règlement patient impayé",
    "share.to_patient": "Report sur le patient",
    "share.from_patient": "Repris au patient, payé par l'organisme",
    "share.written_off": "Perte",
    "share.time_barred": "Perte, forclusion",
}
UNDONE: Final = ".undone"
# What explains money that is there already: the journal of a bank or of the desk holds only what moves it.
UNMOVED: Final = frozenset(["credit.matched_later", "payment.attached"])


@functools.cache
def default_chart() -> Mapping[str, ChartRow]:
    """Return the chart of accounts that a centre has before it says another."""
    with (FOLDER / "chart.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {row["account"]: msgspec.convert({key: row[key] for key in ("number", "label", "auxiliary")}, ChartRow) for row in rows}


@functools.cache
def default_journals() -> Mapping[str, Journal]:
    """Return the journals by the first word of events; the empty word is every other one."""
    with (FOLDER / "journals.csv").open(encoding="utf-8", newline="") as lines:
        return {row["event"]: Journal(code=row["code"], label=row["label"]) for row in csv.DictReader(lines)}


def in_force(settings: AccountingSettings, revision: int) -> SettingsShown:
    """Return the settings of a centre with the defaults of what it leaves out."""
    return SettingsShown(
        revision=revision,
        siren=settings.siren,
        closing_month=settings.closing_month,
        chart={**default_chart(), **settings.chart},
        journals={**default_journals(), **settings.journals},
        table=settings.table or TABLE,
    )


def merged(settings: SettingsShown, account_room: int, journal_room: int) -> tuple[str, str] | None:
    """Return two accounts, or two journals, that would be one where only so many characters of each are written."""
    for names, room in (({row.number for row in settings.chart.values()}, account_room), (_codes(settings), journal_room)):
        held: dict[str, str] = {}
        for name in sorted(names):
            first = held.setdefault(name[:room], name)
            if first != name:
                return first, name
    return None


def _codes(settings: SettingsShown) -> set[str]:
    return {journal.code for journal in settings.journals.values()}


# --- days


def period_of(asked: ExportAsked, closing_month: int) -> Period:
    """Return the days that are asked for. Raises AccountingRefused."""
    if asked.period is not None and asked.first is None and asked.last is None:
        return _named(asked.period, closing_month)
    if asked.period is None and asked.first is not None and asked.last is not None and asked.first <= asked.last:
        return Period(asked.first, asked.last)
    raise AccountingRefused("the period is a month (2026-10), a year (2026), or `first` and `last`", hint="give one of them")


def _named(text: str, closing_month: int) -> Period:
    year = int(text[:4])
    if not 1900 <= year <= 2099:
        raise AccountingRefused(f"{text} is no period", hint="years go from 1900 to 2099")
    if len(text) == 4:
        last = month_end(year, closing_month)
        return Period(month_end(year - 1, closing_month) + timedelta(days=1), last)
    month = int(text[5:])
    if not 1 <= month <= 12:
        raise AccountingRefused(f"{text} is no month")
    return Period(date(year, month, 1), month_end(year, month))


def month_end(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year, month, calendar.monthrange(year, month)[1])


def year_of(day: date, closing_month: int) -> Period:
    """Return the accounting year that a day is in."""
    return _named(str(day.year + (day.month > closing_month)), closing_month)


class Start(NamedTuple):
    """The first day of a period, and the closing month that it was or is to be closed under."""

    day: date
    closing_month: int

    @property
    def begins_year(self) -> bool:
        """Return whether an accounting year begins with it: the day before ends one."""
        return self.day.day == 1 and (self.day - timedelta(days=1)).month == self.closing_month


def year_begins(starts: Sequence[Start]) -> int:
    """Return with which of some periods without a gap the accounting year of the last one begins; books may begin within a year.

    A closing month that changes makes the year that is open shorter or longer: what was closed before stays as it was.
    """
    return max((place for place, start in enumerate(starts) if start.begins_year), default=0)


# --- accounts


class Accounts:
    """Finds the number of the chart for an account of the ledger."""

    def __init__(self, chart: Mapping[str, ChartRow], payers: Mapping[str, str]) -> None:
        self._chart, self._payers = chart, payers
        self._found: dict[str, tuple[ChartRow, str, str]] = {}

    def of(self, account: str) -> tuple[ChartRow, str, str]:
        """Return the row of the chart, the auxiliary account and its label, both empty without one. Raises Unmapped."""
        kind, _, rest = account.partition(":")
        payer = ":".join(rest.split(":")[:2]) if rest.startswith(("amo:", "amc:", "op:")) else rest.partition(":")[0]
        # A créance names its invoice too: what is looked up is its kind and payer.
        key = f"{kind}:{payer}"
        if key not in self._found:
            self._found[key] = self._look(kind, payer)
        return self._found[key]

    def _look(self, kind: str, payer: str) -> tuple[ChartRow, str, str]:
        for name in (f"{kind}:{payer}", f"{kind}:{payer.partition(':')[0]}", kind):
            row = self._chart.get(name)
            if row is not None:
                break
        else:
            raise Unmapped(f"no row of the chart is for accounts {kind}", hint="add one to the chart of accounts")
        if row.auxiliary != "payer" or not payer:
            return row, "", ""
        return row, payer.replace(":", "").upper(), self._payers.get(payer, payer)


def letters(rank: int) -> str:
    """Return the letters of a group, A to Z, AA, AB…; `rank` counts from 1."""
    text = ""
    while rank:
        rank, digit = divmod(rank - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def label_of(event: str, ref: str) -> str:
    """Say what an entry is, in French; `ref` is an invoice number or an id of ours, never a name."""
    undone = event.endswith(UNDONE)
    words = LABELS.get(event.removesuffix(UNDONE), "Écriture")
    return f"{'Annulation : ' if undone else ''}{words} {ref}"


def journal_of(event: str, journals: Mapping[str, Journal]) -> Journal:
    """Return the journal of an entry."""
    word = "" if event.removesuffix(UNDONE) in UNMOVED else event.partition(".")[0]
    return journals.get(word, journals[""])


class Numbering:
    """Makes lines of the books from lines of the ledger in its order, some at a time.

    Entries are numbered from `first_number` on without a gap. What came late for a day that was closed already stands on `first_day`, and
    valid days never go back: the ledger is in the order in which entries became valid.
    """

    def __init__(self, accounts: Accounts, journals: Mapping[str, Journal], first_day: date, first_number: int) -> None:
        self._accounts, self._journals, self._first_day = accounts, journals, first_day
        self._number, self._seq, self._valid = first_number - 1, -1, first_day

    def lines(self, rows: Iterable[LedgerRow]) -> Iterator[BookLine]:
        """Return the next lines."""
        for row in rows:
            if row.seq != self._seq:
                self._seq, self._number, self._valid = row.seq, self._number + 1, max(self._valid, row.day)
            journal, day = journal_of(row.event, self._journals), max(row.day, self._first_day)
            chart, auxiliary, auxiliary_label = self._accounts.of(row.account)
            letter = "" if row.settled is None else letters(row.settled)
            letter_day = None if row.settled_day is None else max(row.settled_day, self._first_day)
            yield BookLine(
                self._number, journal.code, journal.label, day, chart.number, chart.label, auxiliary, auxiliary_label, row.ref, day,
                label_of(row.event, row.ref), row.debit, row.credit, letter, letter_day, self._valid,
            )  # fmt: skip


def opening(balances: Iterable[Balance], accounts: Accounts, day: date) -> list[BookLine]:
    """Return the one entry that opens a year: what each account of the balance sheet stood at; what was earned before is carried over."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for balance in balances:
        chart, auxiliary, auxiliary_label = accounts.of(balance.account)
        key = (chart.number, chart.label, auxiliary, auxiliary_label)
        if chart.number[0] in "67":
            key = (CARRIED.number, CARRIED.label, "", "")
        sums[key] = sums.get(key, 0) + balance.amount
    carried = sums.pop((CARRIED.number, CARRIED.label, "", ""), 0)
    if carried:
        row = CARRIED_LOSS if carried > 0 else CARRIED
        sums[row.number, row.label, "", ""] = carried
    return [
        BookLine(
            1, OPENING_JOURNAL.code, OPENING_JOURNAL.label, day, *key, f"{OPENING}{day:%Y}", day, OPENING_LABEL,
            max(amount, 0), max(-amount, 0), "", None, day,
        )
        for key, amount in sorted(sums.items()) if amount
    ]  # fmt: skip
