# SPDX-License-Identifier: Apache-2.0
"""The rows of a tariff pack that hold for one act, found by looking at their dates one after the other."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from desmos_fast.billing.model import CcamAct
from desmos_fast.billing.pricing.model import UnpricedCcamAct
from desmos_fast.nomenclature.model import Row

# The keys by which a row is asked for; that of a basket has several rows on one day, for different teeth.
KEYS = {
    "acts": ("kind", "code", "specialty"), "prices": ("code", "specialty"), "categories": ("category",),
    "rates": ("category", "nature", "off_path"), "natures": ("nature",), "exemptions": ("code",), "pathways": ("code",),
    "qualifiers": ("code",), "baskets": ("code",), "contracts": ("number", "contract_type"), "values": ("key",),
}  # fmt: skip
ANY = "*"
UNREACHED = 10**18


class Tables(Protocol):
    """A tariff pack: one attribute a table, and all rows in the order of their numbers."""

    @property
    def rows(self) -> Sequence[Row]: ...


class Book:
    """The rows of a pack by table and key, in the order of the table."""

    def __init__(self, tariffs: Tables) -> None:
        self.numbers = {id(row): number for number, row in enumerate(tariffs.rows, 1)}
        self.kept: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for table, keys in KEYS.items():
            for row in getattr(tariffs, table):
                self.kept[table, *(getattr(row, key) for key in keys)].append(row)

    def all_of(self, day: date, table: str, *key: Any) -> list[Any]:
        return [row for row in self.kept.get((table, *key), ()) if row.since <= day and (row.until is None or day <= row.until)]

    def find(self, day: date, table: str, *key: Any) -> Any:
        """Return the row in force on a day, None when there is none."""
        return next(iter(self.all_of(day, table, *key)), None)

    def number(self, row: Row | None) -> int:
        return 0 if row is None else self.numbers[id(row)]

    def value(self, day: date, key: str) -> int:
        row = self.find(day, "values", key)
        return 0 if row is None else int(row.value)

    def threshold(self, day: date, key: str) -> int:
        row = self.find(day, "values", key)
        return UNREACHED if row is None else int(row.value)


class Line:
    """One act with the rows that hold for it on a day."""

    def __init__(self, book: Book, invoice: Any, act: Any, day: date) -> None:
        self.act, self.day = act, day
        self.who: str = act.executor.am
        self.is_ccam = isinstance(act, CcamAct | UnpricedCcamAct)
        self.row = self.act_row(book)
        self.role: str = "unknown" if self.row is None else self.row.role
        self.category = None if self.row is None else book.find(day, "categories", self.row.category)
        self.qualifier = book.find(day, "qualifiers", act.qualifier)
        self.exemption = book.find(day, "exemptions", act.exemption or invoice.amo.exemption)
        self.nature_row = book.find(day, "natures", invoice.amo.nature)
        self.nature: int = invoice.amo.nature
        pathway = book.find(day, "pathways", invoice.amo.pathway)
        self.off_path = pathway is not None and pathway.off_path
        self.has_amc = invoice.amc is not None
        self.contract = contract_row(book, invoice.amc, day) if self.has_amc else None
        self.basket = self.basket_row(book)
        self.age = age(invoice.beneficiary.birth_date, day)

    def act_row(self, book: Book) -> Any:
        kind, code = ("ccam", self.act.grouping) if self.is_ccam else ("ngap", self.act.code)
        own = book.find(self.day, "acts", kind, code, self.act.executor.specialty)
        return own or book.find(self.day, "acts", kind, code, "")

    def price_row(self, book: Book) -> Any:
        if self.row is None:
            return None
        own = book.find(self.day, "prices", self.act.code, self.act.executor.specialty)
        return own or book.find(self.day, "prices", self.act.code, "")

    def basket_row(self, book: Book) -> Any:
        if not self.is_ccam:
            return None
        rows = book.all_of(self.day, "baskets", self.act.code)
        return next((row for row in rows if not row.teeth or set(self.act.teeth) <= set(row.teeth)), None)

    def category_is(self, *heavy: str) -> bool:
        return self.category is not None and self.category.heavy in heavy

    def effect(self) -> str:
        return "none" if self.qualifier is None else str(self.qualifier.effect)

    @property
    def is_unreimbursed(self) -> bool:
        return self.effect() in ("unreimbursed", "free")

    def contract_is(self, *kinds: str) -> bool:
        return self.contract is not None and self.contract.kind in kinds


def contract_row(book: Book, amc: Any, day: date) -> Any:
    number = ANY if amc.number == "M" else amc.number.rjust(10, "0")
    asked = [(number, amc.contract_type), (number, ANY), (ANY, amc.contract_type), (ANY, ANY)]
    return next((row for key in asked if (row := book.find(day, "contracts", *key)) is not None), None)


def age(birth: str, day: date) -> int:
    """Return the age in whole years; the month and day of a birth need be in no calendar."""
    return day.year - int(birth[:4]) - (f"{day.month:02d}{day.day:02d}" < birth[4:])
