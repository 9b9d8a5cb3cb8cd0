# SPDX-License-Identifier: Apache-2.0
"""Cents, days and texts as accounting programs write them."""

import unicodedata
from datetime import date
from typing import Final

from desmos_fast.base.errors import OurBug
from desmos_fast.settlement.accounting.model import BookLine

CLIENTS: Final = "411"
SHORT: Final = 8
DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# What breaks a line or a column of a file that has no quotes: some readers take more controls than CR and LF for the end of a line.
PLAIN: Final = str.maketrans({"|": "/", **dict.fromkeys(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)), " ")})
OTHER: Final = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE", "\u00a0": " "}


def amount(cents: int, decimal: str = ",") -> str:
    """Write cents as euros, the sign first, two decimals."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}{decimal}{rest:02d}"


def compact(day: date | None) -> str:
    """Write a day as AAAAMMJJ, nothing without one."""
    return "" if day is None else f"{day:%Y%m%d}"


def plain(text: str) -> str:
    """Return a text without what parts columns and lines."""
    return text.translate(PLAIN)


def latin(text: str, encoding: str) -> bytes:
    """Encode a text; a letter that the encoding lacks is written without its accent, then as a question mark."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_letter(letter, encoding) for letter in text).encode(encoding, "replace")


def _letter(letter: str, encoding: str) -> str:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return OTHER.get(letter) or "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return letter


def written(text: str, encoding: str) -> str:
    """Return a text on one line in letters that an encoding has.

    To be done before it is cut or quoted: what stands for a letter may be longer than it, nothing, or a mark that parts cells.
    """
    return plain(text if text.isascii() else latin(text, encoding).decode(encoding))


def short_account(one: BookLine) -> str:
    """Return an account of at most eight characters: that of the chart, or one of its own for a payer that owes.

    The ten digits of an AMC are written in base 36, always seven characters; an AMO has six, the first an O: no two payers share one.
    """
    if not one.auxiliary or not one.account.startswith(CLIENTS):
        return one.account[:SHORT]
    kind, number = one.auxiliary[:3], one.auxiliary[3:]
    if kind == "AMC" and number.isdigit():
        return f"C{_base36(int(number)):0>7}"
    account = f"CO{number}" if kind == "AMO" else f"C{one.auxiliary}"
    if len(account) > SHORT - 1:
        raise OurBug(f"account {one.auxiliary} does not fit eight characters")
    return account


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return text
