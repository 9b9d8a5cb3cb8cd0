# SPDX-License-Identifier: Apache-2.0
"""Write CFONB 120 records for the tests, from the norm's own table and not from the reader's."""

ACCOUNT = "0000157845Z"


def amount_field(cents: int) -> str:
    digits = f"{abs(cents):014d}"
    return digits[:13] + ("{ABCDEFGHI" if cents >= 0 else "}JKLMNOPQR")[int(digits[13])]


def put(text: str, *fields: tuple[int, str]) -> str:
    """Overwrite `text` from each position, counted from 1."""
    for position, value in fields:
        text = text[: position - 1] + value + text[position - 1 + len(value) :]
    return text


def balance(kind: str, cents: int, day: str = "011026", account: str = ACCOUNT) -> str:
    return put(
        " " * 120, (1, kind), (3, "30002"), (12, "00550"), (17, "EUR2"), (22, account.ljust(11)), (35, day), (91, amount_field(cents))
    )


def movement(cents: int, label: str = "VIR SEPA CPAM DE ALBEVILLE", operation: str = "05", day: str = "021026") -> str:
    return put(
        balance("04", cents, day),
        (8, "0001"),
        (33, operation),
        (43, day),
        (49, label.ljust(31)[:31]),
        (82, "0000000"),
        (105, "REF".ljust(16)),
    )


def detail(qualifier: str, text: str) -> str:
    return put(
        " " * 120,
        (1, "05"),
        (3, "30002"),
        (12, "00550"),
        (17, "EUR2"),
        (22, ACCOUNT.ljust(11)),
        (35, "021026"),
        (46, qualifier),
        (49, text),
    )


def joined(*records: str, separator: str = "\r\n") -> bytes:
    return (separator.join(records) + separator).encode("latin-1")


def statement(*movements: str, opening: int = 100000) -> list[str]:
    """One block around 04 and 05 records, its closing balance computed from the signs in them."""
    total = opening
    for record in movements:
        if record.startswith("04"):
            field = record[90:104]
            sign, last = (1, "{ABCDEFGHI".find(field[13])) if field[13] in "{ABCDEFGHI" else (-1, "}JKLMNOPQR".find(field[13]))
            total += sign * (int(field[:13]) * 10 + last)
    return [balance("01", opening), *movements, balance("07", total, "311026")]
