# SPDX-License-Identifier: Apache-2.0
"""Every deviation from CFONB 120 that is taken or refused, one row each: what banks and editors do to the same three movements."""

from collections.abc import Callable
from typing import Final

import pytest

from desmos_fast.settlement.bank import read_statement
from desmos_fast.settlement.bank.model import BankRefused
from tests.settlement.statements import amount_field, balance, detail, joined, movement, put, statement

MOVEMENTS: Final = (movement(166956), detail("NPY", "CPAM"), movement(-2279, "FRAIS", "91"), movement(500), movement(500))
WHOLE: Final = statement(*MOVEMENTS)
AMOUNTS: Final = [166956, -2279, 500, 500]


def each(change: Callable[[str], str]) -> bytes:
    return joined(*(change(record) for record in WHOLE))


def at(place: int, *fields: tuple[int, str]) -> bytes:
    return joined(*(put(record, *fields) if number == place else record for number, record in enumerate(WHOLE)))


# What was done to the file; the file; the amounts read; the codes of the warnings.
TAKEN: Final[dict[str, tuple[bytes, list[int], list[str]]]] = {
    "as the norm says": (joined(*WHOLE), AMOUNTS, []),
    "no line break at all": (joined(*WHOLE, separator=""), AMOUNTS, []),
    "no line break but one at the end": (joined(*WHOLE, separator="") + b"\r\n", AMOUNTS, []),
    "LF": (joined(*WHOLE, separator="\n"), AMOUNTS, []),
    "CR": (joined(*WHOLE, separator="\r"), AMOUNTS, []),
    "no line break after the last record": (joined(*WHOLE)[:-2], AMOUNTS, []),
    "blank lines between records": (joined(*WHOLE, separator="\n\n \n"), AMOUNTS, []),
    "lines of 120 blanks between records": (joined(*WHOLE, separator="\n" + " " * 120 + "\n"), AMOUNTS, []),
    "blanks after the last record, without a break": (joined(*WHOLE, separator="") + b" " * 300, AMOUNTS, []),
    "a last line without its blanks": (joined(*WHOLE).rstrip(), AMOUNTS, []),
    "blank currency and decimals on both balances": (
        joined(put(WHOLE[0], (17, "    ")), *WHOLE[1:-1], put(WHOLE[-1], (17, "    "))), AMOUNTS, ["BANK_DEFAULT_CURRENCY"] * 2),
    "blank decimals alone": (at(0, (20, " ")), AMOUNTS, ["BANK_DEFAULT_CURRENCY"]),
    "a currency in small letters": (each(lambda record: record.replace("EUR", "eur")), AMOUNTS, []),
    "accents and small letters, one byte each": (at(1, (49, "virement reçu d'été")), AMOUNTS, []),
    "text in the reserved zones of a statement without movement": (
        joined(put(balance("01", 5), (41, "AUCUN MOUVEMENT")), put(balance("07", 5), (105, "VOIR AGENCE"))), [], []),
    "text in reserved zones": (at(1, (21, "F"), (80, "XX"), (89, "01")), AMOUNTS, []),
    "several accounts": (
        joined(*WHOLE, *(put(record, (22, "00000000042")) for record in WHOLE)), AMOUNTS * 2, []),
    "several periods of one account": (joined(*WHOLE, *statement(movement(1), opening=265677)), [*AMOUNTS, 1], []),
    "a period that is missing": (joined(*WHOLE, *statement(movement(1), opening=7)), [*AMOUNTS, 1], ["BANK_GAP"]),
    "another bank code on a movement": (at(1, (3, "10107")), AMOUNTS, []),
    "no value date": (at(1, (43, "      ")), AMOUNTS, []),
    "no decimals": (
        joined(*(put(record, (20, "0"), (91, amount_field(100))) for record in statement(movement(0))[:1]),
               put(movement(0), (20, "0"), (91, amount_field(7))), put(balance("07", 0), (20, "0"), (91, amount_field(107)))), [700], []),
    "five decimals that say nothing": (
        joined(*(put(record, (20, "5"), (91, amount_field(value))) for record, value in
                 ((balance("01", 0), 1000), (movement(0), 7000), (balance("07", 0), 8000)))), [7], []),
    "an unknown operation": (at(1, (33, "Z9")), AMOUNTS, ["BANK_UNKNOWN_OPERATION"]),
    "an unknown qualifier": (at(2, (46, "ZZZ")), AMOUNTS, ["BANK_UNKNOWN_QUALIFIER"]),
    "a blank qualifier": (at(2, (46, "   ")), AMOUNTS, ["BANK_UNKNOWN_QUALIFIER"]),
    "a detail of the older layout": (
        at(2, (41, "LIBELLE DE L'ANCIEN FORMAT".ljust(50)), (91, amount_field(166956))), AMOUNTS, ["BANK_OLD_DETAIL"]),
}  # fmt: skip
REFUSED: Final[dict[str, tuple[bytes, str, int | None]]] = {
    "blanks at the end of lines cut by an editor": (each(str.rstrip), "BANK_RECORD_LENGTH", 1),
    "characters of two bytes": (each(lambda record: record).replace(b"FRAIS  ", "FRAÎS  ".encode()), "BANK_RECORD_LENGTH", 4),
    "a record that is too short": (joined(*WHOLE[:2], WHOLE[2][:-1], *WHOLE[3:]), "BANK_RECORD_LENGTH", 3),
    "a record that is too long": (joined(*WHOLE[:2], WHOLE[2] + "X", *WHOLE[3:]), "BANK_RECORD_LENGTH", 3),
    "a record of no type": (at(1, (1, "03")), "BANK_UNKNOWN_RECORD", 2),
    "no opening balance": (joined(*WHOLE[1:]), "BANK_NO_OPENING", 1),
    "no closing balance before the next block": (joined(*WHOLE[:-1], *WHOLE), "BANK_NO_CLOSING", 7),
    "no closing balance at the end": (joined(*WHOLE[:-1]), "BANK_NO_CLOSING", 6),
    "a detail without its movement": (joined(WHOLE[0], *WHOLE[2:]), "BANK_ORPHAN_DETAIL", 2),
    "the branch of another account": (at(1, (12, "99999")), "BANK_KEY_MISMATCH", 2),
    "another account": (at(2, (22, "9")), "BANK_KEY_MISMATCH", 3),
    "a day that is none": (at(1, (35, "310926")), "BANK_BAD_DATE", 2),
    "an amount without its sign": (at(1, (91, "00000000166956")), "BANK_BAD_AMOUNT", 2),
    "a currency that is none": (at(0, (17, "E1R")), "BANK_CURRENCY", 1),
    "another currency in one block": (at(1, (17, "USD")), "BANK_CURRENCY", 2),
    "decimals that are none": (at(1, (20, "X")), "BANK_DECIMALS", 2),
    "parts of a cent": (at(1, (20, "3")), "BANK_DECIMALS", 2),
    "a sum that is not the closing balance": (at(6, (91, amount_field(1))), "BANK_UNBALANCED", 7),
    "one block of several that does not balance": (
        joined(*WHOLE, *statement(movement(1), opening=265677)[:-1], balance("07", 9)), "BANK_UNBALANCED", 10),
    "nothing": (b"", "BANK_EMPTY", None),
    "blank lines alone": (b"\n   \r\n" + b" " * 240, "BANK_EMPTY", None),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN)
def test_taken(what: str) -> None:
    data, amounts, warnings = TAKEN[what]
    read = read_statement(data, "cfonb120")
    assert ([line.amount for line in read.lines], [fault.code for fault in read.warnings]) == (amounts, warnings)
    assert all(fault.hint and fault.level == "warning" for fault in read.warnings)


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    data, code, line = REFUSED[what]
    with pytest.raises(BankRefused) as caught:
        read_statement(data, "cfonb120")
    fault = caught.value.fault
    assert (fault.code, fault.line) == (code, line) and fault.message and fault.hint
