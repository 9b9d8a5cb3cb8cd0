# SPDX-License-Identifier: Apache-2.0
"""Quadra (Cegid) ASCII: lines of fixed width, `C` for the accounts of third parties, `M` for entries."""

from collections.abc import Iterable, Iterator
from typing import Final

from desmos_fast.base.errors import OurBug
from desmos_fast.settlement.accounting.formats.text import SHORT, short_account, written
from desmos_fast.settlement.accounting.model import BookLine

ASCII: Final = "ascii"
MOST_CENTS: Final = 10**12 - 1


class Quadra:
    """Writes the file: before the first entry of a third party, the line that makes its account."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def begin(self) -> bytes:
        """Return nothing: the file has no head."""
        return b""

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        return "".join(text for one in lines for text in self._lines(one)).encode(ASCII)

    def _lines(self, one: BookLine) -> Iterator[str]:
        account = short_account(one)
        if account != one.account and account not in self._known:
            self._known.add(account)
            yield _line("C", (account, SHORT), (one.auxiliary_label, 30))
        yield _entry(one, account)


def _entry(one: BookLine, account: str) -> str:
    cents = one.debit or one.credit
    if cents > MOST_CENTS:
        raise OurBug(f"{cents} cents do not fit a Quadra file")
    return _line(
        "M", (account, SHORT), (one.journal, 2), ("000", 3), (f"{one.day:%d%m%y}", 6), ("", 1), (one.label, 20),
        ("D" if one.debit else "C", 1), (f"+{cents:012d}", 13), ("", 8), ("", 6), ("", 2), ("", 3), ("", 5), ("", 10), ("", 10),
        (str(one.number)[-8:], 8), ("EUR", 3), (one.journal, 3), ("", 3), (one.label, 30), ("", 2), (one.piece[-10:], 10),
        ("", 10), ("", 13), ("", 12), ("", 10),
    )  # fmt: skip


def _line(kind: str, *cells: tuple[str, int]) -> str:
    return kind + "".join(f"{written(text, ASCII)[:width]:<{width}}" for text, width in cells) + "\r\n"
