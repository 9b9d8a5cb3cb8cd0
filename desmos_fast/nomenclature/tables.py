# SPDX-License-Identifier: Apache-2.0
"""The tables of a tariff pack as CSV: their keys, and how a text of each column becomes a value. See docs/reference/tariffs.md."""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from desmos_fast.nomenclature import model
from desmos_fast.nomenclature.model import ActRow, Row

DAY: Final = timedelta(days=1)
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2069, 12, 31)
MAX_AMOUNT: Final = 9_999_999
# Each holds from the first day of a pack on: the rules of pricing ask for them on every day.
VALUE_KEYS: Final = (
    "forfait_heavy_act", "heavy_act_base", "heavy_act_coefficient", "participation_per_act", "participation_per_day",
    "participation_per_year", "participation_age", "atd_percent", "late_care_months",
)  # fmt: skip

# The class of every code that no table knows.
UNKNOWN_REJECT: Final = "unknown"


class Table(NamedTuple):
    """One table: the Struct of its rows, and the columns that no two rows in force on one day may share.

    A pack that stands alone without a table that is `lent` has that of the program.
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    lent: bool = False

    @property
    def file(self) -> str:
        """Name the file of the table."""
        return f"{self.name}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the columns, those of the table itself before the four of every row."""
        names = [field.name for field in msgspec.structs.fields(self.row)]
        common = [field.name for field in msgspec.structs.fields(Row)]
        return (*(name for name in names if name not in common), *common)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """Return the key of a row."""
        return tuple(getattr(row, column) for column in self.key)


TABLES: Final = (
    Table("acts", model.ActRow, ("kind", "code", "specialty")),
    Table("prices", model.PriceRow, ("code", "specialty")),
    Table("categories", model.CategoryRow, ("category",)),
    Table("rates", model.RateRow, ("category", "nature", "off_path")),
    Table("natures", model.NatureRow, ("nature",)),
    Table("exemptions", model.ExemptionRow, ("code",)),
    Table("pathways", model.PathwayRow, ("code",)),
    Table("qualifiers", model.QualifierRow, ("code",)),
    Table("baskets", model.BasketRow, ("code", "teeth")),
    Table("contracts", model.ContractRow, ("number", "contract_type")),
    Table("values", model.ValueRow, ("key",)),
    Table("regimes", model.LabelRow, ("code",)),
    Table("rights_documents", model.LabelRow, ("code",)),
    Table("reject_classes", model.RejectClassRow, ("name",), lent=True),
    Table("reject_codes", model.RejectCodeRow, ("code", "payer_kind"), lent=True),
)
BY_NAME: Final = {table.name: table for table in TABLES}


class BadValue(Exception):
    """A text is no value of its column; it says what the column takes."""


def _pattern(expression: str, takes: str) -> tuple[re.Pattern[str], str]:
    return re.compile(expression, re.ASCII), takes


_ONE = _pattern("[0-9A-Z]", "one digit or capital letter")
_ONE_OR_NONE = _pattern("[0-9A-Z]?", "one digit or capital letter, or nothing")
_CATEGORY = _pattern("[a-z][a-z0-9_]{0,31}", "small letters, digits and _, 32 at most: dental_care")
_SPECIALTY = _pattern("([0-9]{2})?", "two digits, or nothing for any specialty")
_TEXTS: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "acts.code": _pattern("[0-9A-Z]{1,4}", "the 1 to 4 capital letters and digits of a letter or grouping code"),
    "acts.specialty": _SPECIALTY,
    "acts.category": _CATEGORY,
    "prices.code": _pattern("[0-9A-Z]{1,4}|[A-Z]{4}[0-9]{3}", "a letter of the NGAP or a code of the CCAM"),
    "prices.specialty": _SPECIALTY,
    "categories.category": _CATEGORY,
    "rates.category": _CATEGORY,
    "exemptions.code": _ONE,
    "pathways.code": _ONE_OR_NONE,
    "qualifiers.code": _ONE_OR_NONE,
    "baskets.code": _pattern("[A-Z]{4}[0-9]{3}", "a code of the CCAM"),
    "baskets.alternative": _pattern("([A-Z]{4}[0-9]{3})?", "a code of the CCAM, or nothing"),
    "contracts.number": _pattern(r"\*|[0-9]{10}", "ten digits, or * for any number"),
    "contracts.contract_type": _pattern(r"\*|[0-9]{2}", "two digits, or * for any type"),
    "values.key": _pattern("|".join(VALUE_KEYS), f"one of {', '.join(VALUE_KEYS)}"),
    "regimes.code": _pattern("[0-9]{2}", "two digits"),
    "rights_documents.code": _pattern("[0-9]", "one digit"),
    "reject_classes.name": _CATEGORY,
    "reject_codes.code": _pattern("[0-9A-Z]{1,16}", "up to 16 digits and capital letters, as the payer writes it"),
    "reject_codes.name": _CATEGORY,
    "reject_codes.action": _pattern(r"[^\x00-\x1f]*", "a few words on one line, or nothing"),
}
_HIGHEST: Final = {"rate": 100, "tm_percent": 100, "excess_percent": 100, "nature": 99, "age_from": 150, "age_to": 150}
_TOOTH: Final = re.compile("[1-4][1-8]|[5-8][1-5]", re.ASCII)


def parse_row(table: Table, texts: Mapping[str, str]) -> tuple[Row | None, list[tuple[str, str, str]]]:
    """Make a row of its texts; without one, say of each column that is wrong its name, its text and what it takes."""
    values: dict[str, Any] = {}
    faults: list[tuple[str, str, str]] = []
    for field in msgspec.structs.fields(table.row):
        text = texts[field.name].strip()
        try:
            values[field.name] = _parser(field.type)(text, f"{table.name}.{field.name}")
        except BadValue as error:
            faults.append((field.name, text, str(error)))
    row = None if faults else table.row(**values)
    if row is not None:
        faults = list(_contradictions(row))
    return (None if faults else row), faults


def _contradictions(row: Row) -> Iterator[tuple[str, str, str]]:
    if row.until is not None and row.until < row.since:
        yield "until", str(row.until), f"a day from {row.since} on, or nothing"
    if isinstance(row, ActRow) and row.age_from is not None and row.age_to is not None and row.age_to < row.age_from:
        yield "age_to", str(row.age_to), f"an age from {row.age_from} on, or nothing"


def _parser(annotation: Any) -> Callable[[str, str], Any]:
    if isinstance(annotation, types.UnionType):
        [inner] = (part for part in typing.get_args(annotation) if part is not type(None))
        return lambda text, column: _parser(inner)(text, column) if text else None
    if typing.get_origin(annotation) is Literal:
        return lambda text, _: _choice(text, typing.get_args(annotation))
    parsers: dict[Any, Callable[[str, str], Any]] = {str: _text, int: _whole, bool: _yes, date: _day, tuple[str, ...]: _teeth}
    return parsers[annotation]


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise BadValue(f"one of {', '.join(choices)}")
    return text


def _text(text: str, column: str) -> str:
    pattern, takes = _TEXTS.get(column, (None, "a few words on one line"))
    if not (pattern.fullmatch(text) if pattern else text and text.isprintable()):
        raise BadValue(takes)
    return text


def _whole(text: str, column: str) -> int:
    highest = _HIGHEST.get(column.partition(".")[2], MAX_AMOUNT)
    # str.isdigit alone would let through the digits of other scripts, and int() underscores and signs.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_AMOUNT)) and int(text) <= highest):
        raise BadValue(f"a whole number from 0 to {highest}")
    return int(text)


def _yes(text: str, column: str) -> bool:
    return _choice(text, ("yes", "no")) == "yes"


def _day(text: str, column: str) -> date:
    takes = f"a day from {FIRST_DAY} to {LAST_DAY}, written so"
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise BadValue(takes)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadValue(takes) from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadValue(takes)
    return day


def _teeth(text: str, column: str) -> tuple[str, ...]:
    teeth: list[str] = []
    for part in text.split():
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (_TOOTH.fullmatch(first) and _TOOTH.fullmatch(last) and first[0] == last[0] and first <= last):
            raise BadValue("teeth and runs of teeth of one quadrant: 11-13 21 22")
        teeth.extend(f"{first[0]}{place}" for place in range(int(first[1]), int(last[1]) + 1))
    if len(set(teeth)) < len(teeth):
        raise BadValue("each tooth once")
    return tuple(sorted(teeth))
