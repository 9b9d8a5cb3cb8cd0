# SPDX-License-Identifier: Apache-2.0
"""EBP: commas between the cells, texts in quotes, a point in amounts."""

from collections.abc import Iterable
from typing import Final

from desmos_fast.settlement.accounting.formats.text import amount, short_account, written
from desmos_fast.settlement.accounting.model import BookLine

ENCODING: Final = "cp1252"


class Ebp:
    """Writes the file: number of the line, day, journal, account, label, piece, amount, side, due day."""

    def __init__(self) -> None:
        self._rank = 0

    def begin(self) -> bytes:
        """Return nothing: the file has no head."""
        return b""

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        return "".join(map(self._line, lines)).encode(ENCODING)

    def _line(self, one: BookLine) -> str:
        self._rank += 1
        cells = (
            str(self._rank), f"{one.day:%d%m%Y}", one.journal, short_account(one), _quoted(one.label, 40), _quoted(one.piece, 15),
            amount(one.debit or one.credit, "."), "D" if one.debit else "C", f"{one.day:%d%m%Y}",
        )  # fmt: skip
        return f"{','.join(cells)}\r\n"


def _quoted(text: str, width: int) -> str:
    # The end of an id tells more than its beginning.
    plain = written(text, ENCODING).replace('"', "'")
    return f'"{plain[:width] if " " in text else plain[-width:]}"'
