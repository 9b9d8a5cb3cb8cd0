# SPDX-License-Identifier: Apache-2.0
"""What is exported to accounting: lines of the books, the chart of accounts, and what was exported when."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import Conflict, InvalidInput, NotThere, OurBug

Format = Literal["fec", "quadra", "ebp", "ciel", "csv"]
FORMATS: Final[tuple[Format, ...]] = ("fec", "quadra", "ebp", "ciel", "csv")
OPENING: Final = "AN"

AccountName = Annotated[
    str,
    Meta(
        pattern=r"^(creance:(amo|amc|patient)|produit|attente|indu|hors_facture|trop_percu|avance|banque(:[A-Z0-9]{1,34})?|ecart"
        r"|caisse(:(cash|card|cheque|transfer))?|perte)$"
    ),
]
AccountNumber = Annotated[str, Meta(pattern=r"^[1-7][0-9]{2}[0-9A-Z]{0,9}$")]
EventWord = Annotated[str, Meta(pattern=r"^(invoice|credit|payment|refund|)$")]
Text = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ChartRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Under which number of the chart of accounts a ledger account stands; `auxiliary` gives each payer an account of its own."""

    number: AccountNumber
    label: Text
    auxiliary: Literal["payer", ""] = ""


class Journal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The journal that entries of some events stand in."""

    code: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,3}$")]
    label: Text


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column of a table that a user lays out: its head, and what stands in it."""

    head: Text
    field: Literal[
        "number", "journal", "journal_label", "day", "account", "account_label", "auxiliary", "auxiliary_label", "piece", "piece_day",
        "label", "debit", "credit", "amount", "side", "letter", "letter_day", "valid_day", "currency",
    ]  # fmt: skip


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a generic table is written; `dates` is a pattern of `AAAA`, `AA`, `MM`, `JJ` and what parts them."""

    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=40)]
    separator: Literal[";", ",", "\t", "|"] = ";"
    decimal: Literal[",", "."] = ","
    dates: Annotated[str, Meta(pattern=r"^(?=.*AA)(?=.*MM)(?=.*JJ)((AAAA|AA|MM|JJ)[-/. ]?){3}$")] = "JJ/MM/AAAA"
    encoding: Literal["utf-8", "utf-8-sig", "iso-8859-15", "cp1252"] = "utf-8"
    line_end: Literal["\n", "\r\n"] = "\r\n"
    head: bool = True


class AccountingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a centre says of its books; what it leaves out is as in the defaults.

    `siren` names the FEC, `closing_month` is the last month of its accounting year, `chart` and `journals` replace single rows.
    """

    siren: Annotated[str, Meta(pattern=r"^[0-9]{9}$")] | None = None
    closing_month: Annotated[int, Meta(ge=1, le=12)] = 12
    chart: Annotated[dict[AccountName, ChartRow], Meta(max_length=200)] = {}
    journals: Annotated[dict[EventWord, Journal], Meta(max_length=5)] = {}
    table: Table | None = None


class SettingsShown(msgspec.Struct, frozen=True):
    """The settings in force, whole, with the revision that changes are counted by; 0 before the first."""

    revision: int
    siren: str | None
    closing_month: int
    chart: Mapping[str, ChartRow]
    journals: Mapping[str, Journal]
    table: Table


class BookLine(NamedTuple):
    """One line of an entry as every format writes it; cents, exactly one of `debit` and `credit` above zero."""

    number: int
    journal: str
    journal_label: str
    day: date
    account: str
    account_label: str
    auxiliary: str
    auxiliary_label: str
    piece: str
    piece_day: date
    label: str
    debit: int
    credit: int
    letter: str
    letter_day: date | None
    valid_day: date


class LedgerRow(NamedTuple):
    """One line of the ledger as it is read; `settled` is the rank of its account among those that came to zero, None for others."""

    seq: int
    event: str
    ref: str
    day: date
    account: str
    debit: int
    credit: int
    settled: int | None
    settled_day: date | None


class Balance(NamedTuple):
    """What an account stood at before an accounting year; debit less credit, in cents."""

    account: str
    amount: int


class Period(msgspec.Struct, frozen=True):
    """Days of Paris, both included."""

    first: date
    last: date


class ExportAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request asks for: a month (2026-10), an accounting year by the year it ends in (2026), or days."""

    period: Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2})?$")] | None = None
    first: date | None = None
    last: date | None = None
    draft: bool = False


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A period that was exported, and what is in it: entries `first_seq` to `last_seq` of the ledger; cents on each side.

    `draft` closes nothing, and has no id.
    """

    id: UUID | None
    first: date
    last: date
    first_seq: int
    last_seq: int
    entries: int
    lines: int
    amount: int
    draft: bool
    made_at: datetime
    made_by: str


class ExportList(msgspec.Struct, frozen=True):
    """The closed periods of a centre, the latest first."""

    exports: list[Export]


class AccountingRefused(InvalidInput):
    """Settings, a period or a format cannot be as asked for."""

    code = "accounting_invalid"


class SirenMissing(InvalidInput):
    """A FEC is named by a SIREN that nobody gave."""

    code = "siren_missing"


class PeriodOpen(Conflict):
    """A period that is not over cannot be closed."""

    code = "period_open"


class PeriodClosed(Conflict):
    """The days asked for are closed in part, or leave some out before them."""

    code = "period_closed"


class NoSuchExport(NotThere):
    """The centre has no such export."""


class Unmapped(OurBug):
    """The ledger has an account that no row of the chart covers."""
