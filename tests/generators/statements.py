# SPDX-License-Identifier: Apache-2.0
"""CFONB 120 statements with every deviation that banks are known for, and damage to them: deterministic by the chance given."""

import random
from collections.abc import Callable
from typing import Final

from tests.settlement.statements import amount_field, put

ACCOUNTS: Final = ("0000157845Z", "00000000042", "  12345 67X", "ABCDEFGHIJK")
BREAKS: Final = ("\r\n", "\n", "\r", "", "\n\n", "\r\n   \r\n", "\n\r")
CURRENCIES: Final = (("EUR", 2), ("EUR", 2), ("EUR", 2), ("eur", 2), ("XPF", 0), ("TND", 3), ("EUR", 0), ("EUR", 5), ("JPY", 2))
OPERATIONS: Final = ("05", "18", "C2", "02", "91", "B1", "Z9", "  ", " 5", "é5", "39", "06")
QUALIFIERS: Final = (
    "LIB", "NPY", "IPY", "NBE", "IBE", "NPO", "IPO", "NBU", "IBU", "LCC", "LC2", "LCS", "RCN", "REF", "MMO", "CBE", "RUM", "CPY", "FEE",
    "AAA", "   ", " AB", "A  ", "lib",
)  # fmt: skip
TEXTS: Final = (
    "DECOMPTE 262750001234", "VIR SEPA CPAM DE ALBEVILLE", "NOTPROVIDED", "", "  12345", "reçu école ÉTÉ", 'dit "A\\B"', "\t9 99999\x0b",
    "FACTURE 00001/00001", "123456" * 11 + "1234", "X" * 65 + "98765", "12345" * 14, "1 850 799 999 001 53", "185079999900153",
    "\x00\x1f\x7f\x85\xa0", "}{AR",
)  # fmt: skip
DAYS: Final = ("011026", "290224", "311226", "010100", "280299")


def text_of(chance: random.Random) -> str:
    """Return a text of at most 70 characters."""
    if chance.randrange(4):
        return chance.choice(TEXTS)[:70]
    return "".join(chance.choices("ABC 0123456789éÀ\"\\/'{}\t", k=chance.randrange(71)))


def key(chance: random.Random, kind: str, account: str, money: str) -> str:
    """Return a record with the zones that all records of a block repeat, text in reserved zones now and then."""
    record = put(" " * 120, (1, kind), (3, "30002"), (8, "0001"), (12, "00550"), (17, money), (22, account), (35, chance.choice(DAYS)))
    if not chance.randrange(6):
        record = put(record, (21, "X"))
    if not chance.randrange(8):
        record = put(record, (3, "10107"))
    return record


def detail(chance: random.Random, account: str, money: str) -> str:
    """Return an 05: of the norm, of a strange qualifier, or of the older layout."""
    record = put(key(chance, "05", account, money), (46, chance.choice(QUALIFIERS)), (49, text_of(chance).ljust(70)))
    odd = chance.randrange(12)
    if odd == 0:
        record = put(record, (41, text_of(chance)[:41].ljust(41)), (82, "1234567"), (91, amount_field(chance.randrange(10**6))))
    elif odd == 1:
        record = put(record, (91, amount_field(chance.randrange(10**6))))
    elif odd == 2:
        record = put(record, (41, "AB"))
    return record


def amount_of(chance: random.Random, step: int) -> int:
    """Return the 14 digits of a movement: a multiple of `step`, so that it is a whole number of minor units."""
    widest = chance.choice((10, 10**4, 10**7, 10**12 // step))
    return chance.randrange(-widest, widest) * step


def block(chance: random.Random, account: str, opening: int, most: int) -> tuple[list[str], int]:
    """Return the records of one account and period, and the balance it closes on, in the digits of the file."""
    currency, decimals = chance.choice(CURRENCIES)
    units = {"XPF": 0, "JPY": 0, "TND": 3}.get(currency, 2)
    step = 10 ** max(0, decimals - units)
    money, balance_money = f"{currency}{decimals}", f"{currency}{decimals}"
    if (currency.upper(), decimals) == ("EUR", 2) and not chance.randrange(4):
        balance_money = chance.choice(("    ", "   2", "EUR "))
    opening = opening // step * step
    total = opening
    records = [put(key(chance, "01", account, balance_money), (91, amount_field(opening)))]
    for _ in range(chance.randrange(most)):
        amount = amount_of(chance, step)
        total += amount
        record = put(
            key(chance, "04", account, money), (33, chance.choice(OPERATIONS)), (43, chance.choice((*DAYS, "      "))),
            (49, text_of(chance)[:31].ljust(31)), (82, "0000000"), (91, amount_field(amount)), (105, text_of(chance)[:16].ljust(16)),
        )  # fmt: skip
        records += [record] * chance.choice((1, 1, 1, 1, 2))
        total += amount * (len(records) > 1 and records[-2] is record)
        records += [detail(chance, account, money) for _ in range(chance.choice((0, 1, 2, 3, 8)))]
    if len(records) == 1:
        records[0] = put(records[0], (41, "AUCUN MOUVEMENT"))
    if not chance.randrange(3):
        balance_money = money
    records.append(put(key(chance, "07", account, balance_money), (91, amount_field(total))))
    return records, total


def statement(chance: random.Random, most: int = 6) -> bytes:
    """Return a file that is sound, whatever its bank's habits."""
    records: list[str] = []
    balances = dict.fromkeys(ACCOUNTS, 100_000)
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        account = chance.choice(ACCOUNTS)
        some, closing = block(chance, account, balances[account] + chance.choice((0, 0, 0, 1)), most)
        balances[account] = closing if abs(closing) < 10**13 else 0
        records += some
    separator = chance.choice(BREAKS)
    if not chance.randrange(4):
        records[-1] = records[-1].rstrip()
    data = separator.join(records) + chance.choice((separator, "", "\n", "\n \n"))
    return data.encode("latin-1")


def _byte_changed(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    data[at] = chance.choice((chance.randrange(256), ord(" "), ord("0"), ord("}"), 10, 13))


def _zone_changed(chance: random.Random, data: bytearray) -> None:
    # Where records begin: a zone of any of them that is checked.
    starts = range(0, len(data), chance.choice((120, 121, 122)))
    at = chance.choice(starts) + chance.choice((0, 11, 16, 19, 21, 34, 42, 90, 103))
    word = chance.choice((b"9", b"01", b"05", b"EUR2", b"USD", b"310226", b"      ", b"0000000000001{", b"X"))
    data[at : at + len(word)] = word


def _bytes_lost(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 2, 120, 121, 122, 500))]


def _bytes_added(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.choice((b" ", b"\n", b"\r", b"0", b" " * 120, b"\xc3\xa9", bytes(data[at : at + 120]), b"\n" + b" " * 121))


def _trimmed(_: random.Random, data: bytearray) -> None:
    data[:] = b"\r\n".join(line.rstrip() for line in data.splitlines())


def _in_utf8(_: random.Random, data: bytearray) -> None:
    data[:] = bytes(data).decode("latin-1").encode()


CHANGES: Final[tuple[Callable[[random.Random, bytearray], None], ...]] = (
    _byte_changed, _byte_changed, _zone_changed, _zone_changed, _zone_changed, _bytes_lost, _bytes_added, _trimmed, _in_utf8,
)  # fmt: skip


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Return a file with some damage."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if changed:
            chance.choice(CHANGES)(chance, changed)
    return bytes(changed)
