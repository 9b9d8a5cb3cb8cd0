# SPDX-License-Identifier: Apache-2.0
"""A table whose columns, separator, dates and encoding a user lays out."""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final

from desmos_fast.settlement.accounting.formats.text import amount, latin
from desmos_fast.settlement.accounting.model import BookLine, Table

PATTERNS: Final = (("AAAA", "%Y"), ("AA", "%y"), ("MM", "%m"), ("JJ", "%d"))


class Laid:
    """Writes the table; cells that hold the separator, a quote or a line end are quoted."""

    def __init__(self, table: Table) -> None:
        self._encoding = "utf-8" if table.encoding == "utf-8-sig" else table.encoding
        self._table, self._row, self._form = table, _writer(table, self._encoding), _Form(table)
        self._cells = [_CELLS[column.field] for column in table.columns]

    def begin(self) -> bytes:
        """Return the mark of the encoding and the heads of the columns, where they are asked for."""
        mark = codecs.BOM_UTF8 if self._table.encoding == "utf-8-sig" else b""
        heads = self._row([column.head for column in self._table.columns]) if self._table.head else ""
        return mark + heads.encode(self._encoding)

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        return "".join(self._row([cell(one, self._form) for cell in self._cells]) for one in lines).encode(self._encoding)


class _Form:
    def __init__(self, table: Table) -> None:
        self.decimal, pattern = table.decimal, table.dates
        for word, sign in PATTERNS:
            pattern = pattern.replace(word, sign)
        self.pattern = pattern

    def cents(self, cents: int) -> str:
        return amount(cents, self.decimal)

    def day(self, day: date | None) -> str:
        return "" if day is None else day.strftime(self.pattern)


_CELLS: Final[Mapping[str, Callable[[BookLine, _Form], str]]] = {
    "number": lambda one, _: str(one.number),
    "journal": lambda one, _: one.journal,
    "journal_label": lambda one, _: one.journal_label,
    "day": lambda one, form: form.day(one.day),
    "account": lambda one, _: one.account,
    "account_label": lambda one, _: one.account_label,
    "auxiliary": lambda one, _: one.auxiliary,
    "auxiliary_label": lambda one, _: one.auxiliary_label,
    "piece": lambda one, _: one.piece,
    "piece_day": lambda one, form: form.day(one.piece_day),
    "label": lambda one, _: one.label,
    "debit": lambda one, form: form.cents(one.debit),
    "credit": lambda one, form: form.cents(one.credit),
    "amount": lambda one, form: form.cents(one.debit - one.credit),
    "side": lambda one, _: "D" if one.debit else "C",
    "letter": lambda one, _: one.letter,
    "letter_day": lambda one, form: form.day(one.letter_day),
    "valid_day": lambda one, form: form.day(one.valid_day),
    "currency": lambda *_: "EUR",
}


def _writer(table: Table, encoding: str) -> Callable[[list[str]], str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=table.separator, lineterminator=table.line_end)

    def write(cells: list[str]) -> str:
        buffer.seek(0)
        buffer.truncate()
        # What stands for a letter that the encoding lacks may need quotes.
        writer.writerow(cell if cell.isascii() else latin(cell, encoding).decode(encoding) for cell in cells)
        return buffer.getvalue()

    return write
