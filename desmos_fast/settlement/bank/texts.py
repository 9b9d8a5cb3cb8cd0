# SPDX-License-Identifier: Apache-2.0
"""What every format does with its texts: references, amounts in decimal, accounts."""

import re
from collections.abc import Iterable
from typing import Final

from desmos_fast.settlement.bank.currencies import minor_units

NO_END_TO_END: Final = frozenset(["", "NOTPROVIDED"])
_REFERENCE: Final = re.compile(r"[0-9]{5,}")
_DECIMAL: Final = re.compile(r"(?P<whole>[0-9]{0,15})(?:\.(?P<parts>[0-9]*))?")
_LETTERS: Final = {chr(65 + place): str((place if place < 18 else place + 1) % 9 + 1) for place in range(26)}
_RIB: Final = 21


def digit_runs(texts: Iterable[str]) -> list[str]:
    """Return every run of five digits or more, in order and once each."""
    return list(dict.fromkeys(run for text in texts for run in _REFERENCE.findall(text)))


def minor_amount(text: str, currency: str) -> int | None:
    """Return a decimal number without sign in minor units of the currency; None when it is no whole number of them.

    Raises ValueError when it is no such number, or one of more than 15 digits before its point.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None or not (found["whole"] or found["parts"]):
        raise ValueError("no decimal number")
    units, parts = minor_units(currency), found["parts"] or ""
    if parts[units:].strip("0"):
        return None
    return int((found["whole"] or "0") + parts[:units].ljust(units, "0"))


def same_accounts(account: str) -> list[str]:
    """Return the ways in which formats write an account: as it is, and a French one also as the RIB without key or as the IBAN."""
    if account.startswith("FR") and len(account) == 27:
        return [account, account[4:25]]
    if len(account) != _RIB or not account.isalnum() or not account.isascii():
        return [account]
    digits = "".join(_LETTERS.get(character, character) for character in account.upper())
    key = 97 - (89 * int(digits[:5]) + 15 * int(digits[5:10]) + 3 * int(digits[10:])) % 97
    national = f"{account.upper()}{key:02d}"
    number = int("".join(str(int(character, 36)) for character in f"{national}FR00"))
    return [account, f"FR{98 - number % 97:02d}{national}"]
