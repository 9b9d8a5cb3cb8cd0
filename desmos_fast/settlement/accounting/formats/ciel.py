# SPDX-License-Identifier: Apache-2.0
"""Ciel XIMPORT, which Sage 50 reads too: lines of fixed width."""

from collections.abc import Iterable
from typing import Final

from desmos_fast.base.errors import OurBug
from desmos_fast.settlement.accounting.formats.text import amount, short_account, written
from desmos_fast.settlement.accounting.model import BookLine

ENCODING: Final = "cp1252"
VERSION: Final = "O2003"
MOVEMENTS: Final = 100_000
WIDEST: Final = 13


class Ciel:
    """Writes the file: movement, journal, day, due day, piece, account, label, amount, side, analytic, label of the account, version."""

    def begin(self) -> bytes:
        """Return nothing: the file has no head."""
        return b""

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        return "".join(map(_line, lines)).encode(ENCODING)


def _line(one: BookLine) -> str:
    cents = amount(one.debit or one.credit, ".")
    if len(cents) > WIDEST:
        raise OurBug(f"{cents} does not fit a Ciel file")
    cells = (
        # The movement tells entries apart that follow each other, and has five digits.
        (f"{one.number % MOVEMENTS:>5}", 5), (one.journal, 2), (f"{one.day:%Y%m%d}", 8), (f"{one.day:%Y%m%d}", 8), (one.piece[-12:], 12),
        (short_account(one), 11), (one.label, 25), (f"{cents:>{WIDEST}}", WIDEST), ("D" if one.debit else "C", 1), ("", 18),
        (one.auxiliary_label or one.account_label, 34),
    )  # fmt: skip
    return "".join(f"{written(text, ENCODING)[:width]:<{width}}" for text, width in cells) + f"{VERSION}\r\n"
