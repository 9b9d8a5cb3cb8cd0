# SPDX-License-Identifier: Apache-2.0
"""Numbers, amounts and days as French writes them, for what a centre or a patient reads."""

from typing import Final

THIN: Final = "\u202f"
HARD: Final = "\u00a0"


def whole(number: int) -> str:
    """Write a whole number as French does, thousands apart."""
    return f"{number:,}".replace(",", THIN)


def euros(cents: int) -> str:
    """Write cents as an amount of euros; no float ever holds it."""
    sign = "−" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    return f"{sign}{whole(units)},{rest:02d}{HARD}€"


def day(iso: str) -> str:
    """Write an ISO date as French does."""
    year, month, number = iso.split("-")
    return f"{number}/{month}/{year}"
