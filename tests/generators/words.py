# SPDX-License-Identifier: Apache-2.0
"""Numbers with a key, dates and names, sound ones, of invented people."""

from tests.generators.draw import Draw

# What a character of a name becomes in the records. Combining marks after a letter leave it as it is.
SPELLINGS = (
    *((letter, letter) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    *((letter, letter.upper()) for letter in "abcdefghijklmnopqrstuvwxyz"),
    ("é", "E"), ("è", "E"), ("Ê", "E"), ("ë", "E"), ("ç", "C"), ("à", "A"), ("â", "A"), ("Å", "A"), ("ñ", "N"), ("ö", "O"), ("ù", "U"),
    ("ÿ", "Y"), ("ż", "Z"), ("ő", "O"), ("ś", "S"), ("ě", "E"), ("ệ", "E"), ("ư", "U"), ("e\u0301", "E"), ("n\u0303", "N"),
    ("Æ", "AE"), ("æ", "AE"), ("Œ", "OE"), ("œ", "OE"), ("Ø", "O"), ("ø", "O"), ("Đ", "D"), ("đ", "D"), ("Ð", "D"), ("ð", "D"),
    ("Þ", "TH"), ("þ", "TH"), ("Ł", "L"), ("ł", "L"), ("ß", "SS"), ("ﬁ", "FI"), ("Ｑ", "Q"), ("²", "2"), ("Ⅳ", "IV"),
    ("ĳ", "IJ"), ("ı", "I"), ("ſ", "S"),
    (" ", " "), ("-", " "), ("'", " "), ("’", " "), ("\u00a0", " "), ("·", " "), (",", " "), (".", " "), ("&", " "), ("+", " "),
    ("€", " "), ("—", " "), ("/", " "), ("\u2028", " "),
)  # fmt: skip
TEXTS = ("d’Œuvray-Łęcki", "Ж", "\\ \" / \b \f \n \r \t", "\u0000\u001f\u007f", "é" * 70, "😀", "x" * 300, "\u2028", " ")
# Letters, digits and control characters that have no such form.
NO_FORM = ("Ж", "λ", "ə", "ħ", "١", "中", "\u0000", "\t", "\n", "\u007f", "\u200b", "ŧ", "א")


def nir(d: Draw) -> str:
    """Return a NIR of nobody: 99999 as characters 6 to 10, an invented commune of Corsica, or that of an anonymous invoice."""
    kind = d.below(6)
    if kind == 4:
        first = f"{d.digits(5)}{d.pick(('2A', '2B'))}999{d.digits(3)}"
    elif kind == 5:
        first = f"{1 + d.below(2)}555555{d.digits(3)}333"
    else:
        first = f"{d.digits(5)}99999{d.digits(3)}"
    return first + f"{nir_key(first):02d}"


def nir_key(first: str) -> int:
    """Return the key of 13 characters."""
    return 97 - int(first[:5] + {"2A": "19", "2B": "18"}.get(first[5:7], first[5:7]) + first[7:]) % 97


def finess(d: Draw) -> str:
    """Return a FINESS that a biller may have."""
    if d.below(4) == 3:
        return with_luhn(d.pick(("2A00", "2B00")) + d.digits(4))
    first = d.digits(8)
    return with_luhn("3" + first[1:] if first[:4] in ("2001", "2002") else first)


def structure(d: Draw) -> str:
    """Return a FINESS that a prescriber's place may have: what the records do not spell otherwise is free there."""
    return with_luhn(d.pick(("2A", "2B")) + d.digits(6)) if d.below(4) == 3 else with_luhn(d.digits(8))


def with_luhn(first: str) -> str:
    """Add the key digit to eight characters, A counted as 1 and B as 2."""
    total = 0
    for place, character in enumerate(first):
        number = {"A": 1, "B": 2}.get(character) or int(character)
        total += number if place % 2 == 0 else 2 * number - 9 * (number > 4)
    return f"{first}{-total % 10}"


def day(d: Draw) -> str:
    """Return a day from 1970 to 2069, often at a border."""
    if d.below(5) == 4:
        return d.pick(("1970-01-01", "2069-12-31", "1999-12-31", "2000-02-29", "2024-02-29", "2000-01-01", "1972-02-29", "2068-02-29"))
    month = 1 + d.below(12)
    last = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    return f"{1970 + d.below(100)}-{month:02d}-{1 + d.below(last):02d}"


def birth(d: Draw) -> str:
    """Return a date of birth: a real one, a lunar one, or one known in part, never all zeros after the century."""
    kind = d.below(4)
    if kind == 0:
        return f"{1920 + d.below(107)}{1 + d.below(12):02d}{1 + d.below(28):02d}"
    if kind == 1:
        return f"{d.pick(('18', '19', '20'))}{d.below(99) + 1:02d}0000"
    if kind == 2:
        month, date = d.pick(("01", "12", "13", "20", "42", "99")), d.pick(("00", "01", "31", "32", "99"))
        return f"{d.pick(('18', '19', '20'))}{d.below(100):02d}{month}{date}"
    return f"{d.pick(('18', '19', '20'))}{d.number(1, 999_999):06d}"


def name(d: Draw, width: int, needed: bool) -> str:
    """Return a name whose written form is no wider than that, and often exactly so wide."""
    wanted = width if d.below(4) == 3 else d.below(width + 1)
    given, written = "", ""
    # Names that already stand as records write them take another way through a kernel.
    letters = SPELLINGS if d.below(2) else SPELLINGS[:36]
    # Blanks that pile up or stand at an end make the written form shorter than what is counted here: that is no fault.
    while len(written) < wanted:
        letter, spelling = d.pick(letters)
        if len(written) + len(spelling) > width:
            letter = spelling = "X"
        given, written = given + letter, written + spelling
    return given if written.strip(" ") or not needed else given + "X"


def free_text(d: Draw) -> str:
    """Return any text at all: what no record carries is not looked at."""
    return d.pick(TEXTS) if d.below(8) == 7 else d.pick(("", "DUPONT", "MARIE-ANNE"))
