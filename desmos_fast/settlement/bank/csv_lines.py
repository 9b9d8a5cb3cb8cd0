# SPDX-License-Identifier: Apache-2.0
"""A CSV of a bank by its mapping: one line a row. The first row that cannot be read refuses the file."""

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO, Final, NoReturn

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.input import Found, hash_of, refuse
from desmos_fast.settlement.bank.mapping import Column, Mapping
from desmos_fast.settlement.bank.model import BankLine, Source
from desmos_fast.settlement.bank.texts import NO_END_TO_END, digit_runs, minor_amount

FORMAT: Final = "csv"
AT_ONCE: Final = 500
LONGEST_LINE: Final = 1 << 20
LARGEST_UNITS: Final = 10**17
_MINUS: Final = {"-": -1, "\u2212": -1, "+": 1}
_ENCODE: Final = msgspec.json.Encoder().encode_lines
_CHECK: Final = "check with `desmos-fast bank mapping check`"
Row = tuple[int, list[str]]


def lines(source: BinaryIO, found: Found, mapping: Mapping) -> Iterator[bytes]:
    """Give the lines of a CSV as JSON; nothing of them holds before the last one came.

    Raises BankRefused with the first fault.
    """
    found.format, found.sha256 = FORMAT, hash_of(source)
    read = _lines(source, found, mapping)
    while some := list(islice(read, AT_ONCE)):
        found.lines += len(some)
        yield _ENCODE(some)


def _lines(source: BinaryIO, found: Found, mapping: Mapping) -> Iterator[BankLine]:
    source.seek(0)
    encoding = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    text = io.TextIOWrapper(source, encoding, newline="")
    try:
        for _ in range(mapping.skip_lines):
            text.readline(LONGEST_LINE)
        rows = _rows(_short(text), mapping)
        names = next(rows, (0, []))[1] if mapping.header else []
        if mapping.header and not names:
            refuse("BANK_EMPTY", "the file holds no row at all", "ask the bank for the file again, and check skip_lines")
        places = {name: _places(columns, names) for name, columns in mapping.columns.used().items()}
        for number, cells in _but_the_last(rows, mapping.skip_last):
            if mapping.header and any(cell.strip() for cell in cells[len(names) :]):
                # A separator inside a text moves what follows by one column, and another number would be taken for the amount.
                message = f"row {number} has {len(cells)} columns, and {len(names)} are named"
                refuse("BANK_CSV", message, f"a text that holds the separator needs quotes; {_CHECK}", number)
            yield _Row(number, cells, places, mapping).line(found.sha256)
    # What is no UTF-16 for want of its mark is told without a place.
    except UnicodeError:
        refuse("BANK_CSV", f"the file is not in {mapping.encoding}", f"set encoding, cp1252 or utf-8 mostly; {_CHECK}")
    except csv.Error as error:
        refuse("BANK_CSV", f"the file is no CSV of this form: {error}", f"set separator and quote; {_CHECK}")
    finally:
        # The wrapper would close the file that others read again.
        text.detach()


def _short(text: io.TextIOWrapper) -> Iterator[str]:
    # A file without line ends would be one line, as large as it is.
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            refuse("BANK_CSV", f"a line of the file has {LONGEST_LINE} characters or more", f"check encoding and the file itself; {_CHECK}")
        yield line


def _rows(text: Iterable[str], mapping: Mapping) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=mapping.separator, quotechar=mapping.quote, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num + mapping.skip_lines, cells


def _but_the_last(rows: Iterator[Row], count: int) -> Iterator[Row]:
    held: deque[Row] = deque(islice(rows, count), count)
    for row in rows:
        if not count:
            yield row
            continue
        yield held.popleft()
        held.append(row)


def _places(columns: Iterable[Column], names: list[str]) -> tuple[int, ...]:
    return tuple(column - 1 if isinstance(column, int) else _place_of(column, names) for column in columns)


def _place_of(column: str, names: list[str]) -> int:
    found = [place for place, name in enumerate(names) if name.strip() == column.strip()]
    if len(found) != 1:
        how = "no column" if not found else "more than one column"
        refuse("BANK_CSV", f"{how} is named {column[:40]!r}", f"the names are {', '.join(name.strip() for name in names)[:300]}", 1)
    return found[0]


class _Row:
    """One row: its cells by what the mapping says they hold."""

    def __init__(self, number: int, cells: list[str], places: dict[str, tuple[int, ...]], mapping: Mapping) -> None:
        self._number, self._cells, self._places, self._mapping = number, cells, places, mapping

    def line(self, sha256: str) -> BankLine:
        """Return the bank line of the row. Raises BankRefused."""
        mapping = self._mapping
        currency = (self._text("currency") or mapping.currency).upper()
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
            self._refuse("BANK_CURRENCY", "currency", "not a currency of three letters")
        account = "".join((self._text("account") or mapping.account or "").split()).upper()
        if not account:
            self._refuse("BANK_CSV", "account", "the row names no account")
        label, remittance = self._text("label") or "", tuple(text for text in self._texts("remittance") if text)
        end_to_end = self._text("end_to_end_id")
        end_to_end = None if end_to_end in NO_END_TO_END else end_to_end
        return BankLine(
            id=f"{sha256[:16]}:{self._number}", account=account, booking_date=self._date("booking_date"),
            value_date=self._date("value_date") if self._text("value_date") else None, amount=self._amount(currency), currency=currency,
            operation_code=self._text("operation_code"), label=label, remittance=remittance, end_to_end_id=end_to_end,
            payer_name=self._text("payer_name"), payer_id=self._text("payer_id"),
            references=tuple(digit_runs((label, *remittance, end_to_end or ""))), qualifiers=(), status="booked",
            source=Source(file_sha256=sha256, line=self._number, format=FORMAT),
        )  # fmt: skip

    def _texts(self, name: str) -> list[str]:
        found = []
        for place in self._places.get(name, ()):
            if place >= len(self._cells):
                message = f"row {self._number} has {len(self._cells)} columns, and {name} is in column {place + 1}"
                refuse("BANK_CSV", message, f"check separator, quote, skip_lines and skip_last; {_CHECK}", self._number)
            found.append(" ".join(self._cells[place].split()))
        return found

    def _text(self, name: str) -> str | None:
        return next(iter(self._texts(name)), None) or None

    def _refuse(self, code: str, name: str, message: str, hint: str = _CHECK) -> NoReturn:
        refuse(code, f"row {self._number}, {name}: {message}", hint, self._number, None, (self._text(name) or "")[:40])

    def _date(self, name: str) -> date:
        text = self._text(name) or ""
        try:
            return datetime.strptime(text, self._mapping.date_format).date()
        except ValueError:
            self._refuse("BANK_BAD_DATE", name, f"not a date as {self._mapping.date_format} says", f"set date_format; {_CHECK}")

    def _amount(self, currency: str) -> Cents:
        if "amount" not in self._places:
            debit, credit = self._signed("debit", currency), self._signed("credit", currency)
            if credit < 0 or debit and credit or not (self._text("debit") or self._text("credit")):
                self._refuse("BANK_BAD_AMOUNT", "credit", "one of debit and credit holds an amount, a credit without a sign")
            return Cents(credit or -abs(debit))
        amount = self._signed("amount", currency, needed=True)
        if "direction" not in self._places:
            return Cents(amount)
        word = (self._text("direction") or "").upper()
        credits, debits = self._mapping.words
        sign = 1 if word in credits else -1 if word in debits else 0
        if not sign or amount < 0:
            self._refuse("BANK_BAD_AMOUNT", "direction", "no word for a credit or a debit, or an amount with a sign beside it")
        return Cents(sign * amount)

    def _signed(self, name: str, currency: str, needed: bool = False) -> int:
        text = self._text(name) or ""
        if not text and not needed:
            return 0
        digits, sign = text, 1
        if digits[:1] in _MINUS and digits:
            digits, sign = digits[1:], _MINUS[digits[0]]
        elif digits[-1:] in _MINUS and digits:
            digits, sign = digits[:-1], _MINUS[digits[-1]]
        for mark in self._mapping.thousands:
            digits = digits.replace(mark, "")
        if self._mapping.decimal == ",":
            digits = digits.replace(".", "?").replace(",", ".")
        try:
            units = minor_amount(digits, currency)
        except ValueError:
            units = LARGEST_UNITS
        if units is None:
            self._refuse("BANK_DECIMALS", name, f"no whole number of {currency} minor units")
        if units >= LARGEST_UNITS:
            self._refuse("BANK_BAD_AMOUNT", name, "not an amount as decimal and thousands say", f"set decimal and thousands; {_CHECK}")
        return sign * units
