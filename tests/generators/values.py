# SPDX-License-Identifier: Apache-2.0
"""What may not stand in each key of an invoice, with the code that says so: the faults of one key alone."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.generators import words
from tests.generators.draw import Draw

Wrong = tuple[str, Any]
Maker = Callable[[Draw], Sequence[Wrong]]

VALUE, WIDE, CHAR, NUMERIC, DATE, MISSING = "B2_BAD_VALUE", "B2_OVERFLOW", "B2_BAD_CHAR", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_MISSING"


def refused(code: str, *given: Any) -> list[Wrong]:
    return [(code, value) for value in given]


NO_TEXT = refused(VALUE, 1, 0, -1, 1.5, True, False, [], {}, ["A"])
NO_INTEGER = refused(VALUE, "1", "", 1.0, 30.5, 1e300, True, False, [], {})
NULL = [(VALUE, None)]
HUGE = (2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 10**300)


def integer(width: int, low: int = 0, high: int | None = None, listed: Sequence[int] = ()) -> Maker:
    wrong = [*NO_INTEGER, *NULL, *((VALUE, value) for value in (-1, -(2**63), -(2**64), -(10**30)))]
    wrong += [(WIDE, value) for value in (10**width, *HUGE) if value >= 10**width]
    wrong += [(VALUE, value) for value in range(low)]
    if high is not None:
        wrong += [(VALUE, high + 1), (VALUE, 10**width - 1)]
    if listed:
        wrong += [(VALUE, value) for value in range(10**width) if value not in listed]
    return lambda d: wrong


def fixed(width: int, *, blank: bool = False, not_zero: bool = False, listed: Sequence[str] = (), null: bool = False) -> Maker:
    wrong = [*NO_TEXT, *([] if null else NULL), *([] if blank else [(VALUE, "")])]
    wrong += [(VALUE, "1" * (width - 1)), (VALUE, "1" * (width + 1)), (VALUE, "1" * 300), (VALUE, " " + "1" * width)]
    wrong += [(NUMERIC, character + "1" * (width - 1)) for character in "A -+/:é٣\x00"]
    wrong += [(NUMERIC, "1" * (width - 1) + character) for character in "A.\n½²"]
    wrong += [(VALUE, "0" * width)] if not_zero else []
    wrong += [(VALUE, code) for number in range(100) if (code := f"{number:02d}") not in listed] if listed else []
    return lambda d: wrong


def code(width: int, *, needed: bool = False) -> Maker:
    """A code of no list."""
    wrong = [*NO_TEXT, *NULL, (WIDE, "A" * (width + 1)), (WIDE, "é" * (width + 1)), (WIDE, "A" * 300), (VALUE, " ")]
    wrong += [(CHAR, character) for character in ("a", "-", "+", "é", "Œ", "/", ":", "@", "[", "\x00", "\n", "\x7f", "\x80", "٣")]
    wrong += [(VALUE, " A"), (VALUE, "A ")] if width > 1 else []
    wrong += [(MISSING, "")] if needed else []
    return lambda d: wrong


def listed(codes: Sequence[str], *, needed: bool = False) -> Maker:
    """A code of one character, of a list."""
    wrong = [*NO_TEXT, *NULL, (WIDE, "AA"), (WIDE, "é" * 9)]
    wrong += [(VALUE, one) for one in (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 aé-", "\x00", "\x80") if one not in codes]
    wrong += [] if "" in codes else [(MISSING if needed else VALUE, "")]
    return lambda d: wrong


def day(*, null: bool = False) -> Maker:
    texts = (
        "", " ", "2026-02-29", "1900-02-29", "1969-12-31", "2070-01-01", "0000-00-00", "2026-00-10", "2026-13-01", "2026-11-31",
        "2026-11-00", "2026-1-01", "20261120", "2026/11/20", "2026-11-20\n", " 2026-11-20", "2026-11-20T00:00:00", "2026-11-2O",
        "２026-11-20", "+026-11-20", "2100-02-28", "x" * 300,
    )  # fmt: skip
    wrong = [*NO_TEXT, *([] if null else NULL), *((DATE, value) for value in texts)]
    return lambda d: wrong


def birth() -> Maker:
    texts = (
        "", "17991231", "21000101", "00000000", "19000000", "20000000", "18000000", "1955081", "195508140", "1955-08-14", "1955081A",
        " 9550814", "1９550814", "٢0000101", "x" * 300,
    )  # fmt: skip
    wrong = [*NO_TEXT, *NULL, *((DATE, value) for value in texts)]
    return lambda d: wrong


def nir(*, null: bool = False) -> Maker:
    form, key = "B2_BAD_NIR", "B2_NIR_KEY"

    def wrong(d: Draw) -> Sequence[Wrong]:
        sound = words.nir(d)
        other = f"{(int(sound[13:]) + 1 + d.below(98)) % 100:02d}"
        parts = (sound[:14], sound[:13], sound + "1", "", " " * 15, sound + "\n", "A" + sound[1:], sound[:5] + "2C" + sound[7:])
        more = (sound[:5] + "2a" + sound[7:], sound[:5] + "9A" + sound[7:], sound[:14] + "A", "é" + sound[1:], "٣" + sound[1:], "1" * 300)
        same = [(form, value) for value in (*parts, *more)]
        return [*NO_TEXT, *([] if null else NULL), *same, *([(key, sound[:13] + other)] * 5)]

    return wrong


def finess(*, biller: bool) -> Maker:
    def wrong(d: Draw) -> Sequence[Wrong]:
        sound = words.finess(d)
        other = sound[:8] + str((int(sound[8]) + 1 + d.below(9)) % 10)
        forms = [sound[:8], sound + "1", "", "A" + sound[1:], "2C" + sound[2:], "2a" + sound[2:], sound[:3] + "A" + sound[4:], "1" * 300]
        if biller:
            forms += [words.with_luhn(start + d.digits(4)) for start in ("2001", "2002", "2A01", "2B10")]
        found = [(VALUE, value) for value in (*forms, "é" + sound[1:], sound[:8] + "²", sound + "\n")]
        return [*NO_TEXT, *(NULL if biller else []), *found, *([("B2_FINESS_KEY", other)] * 5)]

    return wrong


def amc_number() -> Maker:
    wrong = [*NO_TEXT, *NULL, *((WIDE, value) for value in ("12345678901", "0" * 11, "M" * 11, "é" * 11))]
    wrong += [(VALUE, value) for value in ("", "0", "0000000000", "m", "M ", " M", "MM", "12A", "1 2", " 1", "1\n", "-1", "é", "٣", "N")]
    return lambda d: wrong


def name(width: int, *, needed: bool = False) -> Maker:
    def wrong(d: Draw) -> Sequence[Wrong]:
        sound = words.name(d, width - 2, False)
        odd = [(CHAR, sound[:1] + character + "A") for character in words.NO_FORM]
        wide = [letter * width for letter in ("Æ", "Þ", "ﬁ", "A-")]
        wide += ["A" * (width + 1), "é" * (width + 1), "ß" * (width // 2 + 1), "A" * 3000]
        blank = [(MISSING, value) for value in ("", " ", "-", "’ -", "\u0301", "\u00a0")] if needed else []
        return [*NO_TEXT, *NULL, *odd, *((WIDE, value) for value in wide), *blank]

    return wrong


def flag() -> Maker:
    wrong = refused(VALUE, 0, 1, "true", "", None, 1.0, [], {})
    return lambda d: wrong


def words_of(*, null: bool = False) -> Maker:
    """One of a few words."""
    wrong = [*NO_TEXT, *NULL, *((VALUE, value) for value in ("", "x", " ", "SECURED", "Work", "work ", "none\n", "é" * 300))]
    return lambda d: wrong


def text() -> Maker:
    """Any text."""
    wrong = [*NO_TEXT, *NULL]
    return lambda d: wrong


def modifiers() -> Maker:
    wrong = refused(VALUE, None, "A", 1, True, {}, [""], ["A", ""], [" "], [1], [None], [["A"]], [{}], ["A", 1.5])
    wrong += [(CHAR, ["é"]), (CHAR, ["A", "a"]), (WIDE, ["AB"]), (WIDE, ["A"] * 5), (WIDE, ["A"] * 300)]
    return lambda d: wrong


def teeth() -> Maker:
    bad = ("10", "19", "00", "49", "50", "56", "66", "76", "86", "91", "99", "1", "", "111", " 1", "1A", "é", "٣٤")
    wrong = refused(VALUE, None, "11", 11, True, {}, [11], [None], [["11"]], [{}], *([one] for one in bad))
    wrong += [(VALUE, ["11", one]) for one in bad] + [(WIDE, ["11"] * 17), (WIDE, ["11"] * 300)]
    return lambda d: wrong
