# SPDX-License-Identifier: Apache-2.0
"""What a CSV of a bank looks like, as a person writes it down: columns, separator, encoding, dates, signs."""

import functools
import tomllib
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from desmos_fast.base.errors import InvalidInput

Encoding = Literal["utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "utf-16"]
# The name of a column, or its number from 1.
Column = str | int
LARGEST: Final = 64 * 1024


class MappingInvalid(InvalidInput):
    """A mapping by which no file can be read."""

    code = "bank_mapping_invalid"


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Where each thing stands: one column with a sign, one for each way, or one without a sign beside `direction`."""

    booking_date: Column
    amount: Column | None = None
    debit: Column | None = None
    credit: Column | None = None
    direction: Column | None = None
    value_date: Column | None = None
    label: Column | None = None
    remittance: tuple[Column, ...] = ()
    account: Column | None = None
    currency: Column | None = None
    operation_code: Column | None = None
    end_to_end_id: Column | None = None
    payer_name: Column | None = None
    payer_id: Column | None = None

    def used(self) -> dict[str, tuple[Column, ...]]:
        """Return the columns that are given, by what they hold."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value if isinstance(value, tuple) else (value,) for name, value in given.items() if value not in (None, ())}


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How to read the CSV of one bank; `skip_lines` come before the names of the columns, `skip_last` after the movements."""

    columns: Columns
    account: str | None = None
    currency: str = "EUR"
    encoding: Encoding = "utf-8"
    separator: str = ";"
    quote: str = '"'
    skip_lines: int = 0
    skip_last: int = 0
    header: bool = True
    decimal: Literal[",", "."] = ","
    thousands: str = " \u00a0\u202f"
    date_format: str = "%d/%m/%Y"
    credit_words: tuple[str, ...] = ("C", "CR", "CREDIT", "+")
    debit_words: tuple[str, ...] = ("D", "DB", "DEBIT", "-")

    @property
    def words(self) -> tuple[frozenset[str], frozenset[str]]:
        """The words for credits and for debits in capitals, as they are compared."""
        return _capitals(self.credit_words), _capitals(self.debit_words)


def read_mapping(text: bytes) -> Mapping:
    """Read a mapping written in TOML, or in JSON with the same names. Raises MappingInvalid."""
    if len(text) > LARGEST:
        raise MappingInvalid(f"a mapping has at most {LARGEST} bytes", hint="give the mapping and not the statement")
    try:
        told: Any = msgspec.json.decode(text) if text.lstrip()[:1] == b"{" else tomllib.loads(text.decode())
        mapping = msgspec.convert(told, Mapping)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MappingInvalid(f"the mapping cannot be read: {error}", hint="see docs/how-to/bank-csv.md for one that can") from None
    odd = _odd(mapping)
    if odd:
        raise MappingInvalid(odd, hint="see docs/how-to/bank-csv.md for the names and what they mean")
    return mapping


def _odd(mapping: Mapping) -> str | None:
    """Return what is wrong with a mapping, as a sentence."""
    columns = mapping.columns
    ways = (columns.amount is not None, columns.debit is not None, columns.credit is not None)
    checks = (
        (ways not in ((True, False, False), (False, True, True)), "give columns.amount, or columns.debit and columns.credit"),
        (columns.direction is not None and columns.amount is None, "columns.direction goes with columns.amount"),
        ((mapping.account is None) == (columns.account is None), "give account, or columns.account"),
        (len(mapping.separator) != 1 or mapping.separator in "\r\n", "separator is one character"),
        (len(mapping.quote) != 1 or mapping.quote in f"\r\n{mapping.separator}", "quote is one character, and not the separator"),
        (min(mapping.skip_lines, mapping.skip_last) < 0 or max(mapping.skip_lines, mapping.skip_last) > 1000, "skip 0 to 1000 lines"),
        (mapping.decimal in mapping.thousands, "decimal and thousands are not the same"),
        (bool(set(mapping.thousands) & _OF_AMOUNTS), "thousands holds no digit and no sign"),
        (not _is_currency(mapping.currency), "currency is three capital letters"),
        (not _is_date_format(mapping.date_format), "date_format holds a day, a month and a year: %d, %m, %Y or %y"),
        (any(_is_no_place(column, mapping.header) for some in columns.used().values() for column in some), _PLACES),
        (bool(frozenset.intersection(*mapping.words)), "a word of credit_words is one of debit_words too"),
    )
    return next((sentence for wrong, sentence in checks if wrong), None)


_OF_AMOUNTS: Final = frozenset("0123456789+-\u2212")
_PLACES: Final = "a column is its name, or its number from 1 to 1000; without header only its number"


@functools.cache
def _capitals(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(" ".join(word.split()).upper() for word in words)


def _is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def _is_date_format(text: str) -> bool:
    # Whatever the words around it: a day comes back as it was.
    day = datetime(2031, 12, 28)
    try:
        return datetime.strptime(day.strftime(text), text) == day
    except ValueError:
        return False


def _is_no_place(column: Column, header: bool) -> bool:
    return not 1 <= column <= 1000 if isinstance(column, int) else not header or not column.strip()
