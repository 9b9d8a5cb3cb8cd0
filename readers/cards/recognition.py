# SPDX-License-Identifier: Apache-2.0
"""Which card it is: what its ATR says and a SELECT confirms. What the reader is called says nothing."""

import csv
import functools
import re
from pathlib import Path
from typing import Final, Literal, cast, get_args

from readers.sessions.channel import DONE, MORE, Channel

CardKind = Literal["vitale2", "vitale1", "cps4", "cps3", "cps2ter", "unknown"]
TABLE: Final = Path(__file__).with_name("atr.csv")
VITALE: Final = bytes.fromhex("D250000002564954414C45")
CPS: Final = bytes.fromhex("E828BD080F8025000001FF0010")
CPS_CONTACTLESS: Final = bytes.fromhex("E828BD080F8025000001FF0020")
# No SELECT is known that would confirm the others.
BY_ATR_ALONE: Final[tuple[CardKind, ...]] = ("vitale1", "cps2ter", "unknown")
CONTACTLESS: Final = bytes.fromhex("3B8F8001")


@functools.cache
def table() -> tuple[tuple[re.Pattern[str], CardKind], ...]:
    """Return the table of ATRs, each as a pattern of upper-case hexadecimal digits."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [(re.compile(row["atr"].replace(" ", "")), cast(CardKind, row["card"])) for row in csv.DictReader(file)]
    if unknown := {kind for _, kind in rows} - set(get_args(CardKind)):
        raise ValueError(f"{TABLE.name} names cards that nothing reads: {', '.join(sorted(unknown))}")
    return tuple(rows)


def by_atr(atr: bytes) -> CardKind:
    """Return what a card says it is."""
    digits = atr.hex().upper()
    return next((kind for pattern, kind in table() if pattern.fullmatch(digits)), "unknown")


def application(kind: CardKind, atr: bytes) -> bytes:
    """Return the name of the application that a card of that kind must have."""
    if kind == "vitale2":
        return VITALE
    return CPS_CONTACTLESS if atr.startswith(CONTACTLESS) else CPS


def select(name: bytes) -> bytes:
    """Return the command that selects an application by its name."""
    return bytes((0x00, 0xA4, 0x04, 0x00, len(name))) + name


def selected(channel: Channel, command: bytes) -> bool:
    """Send a SELECT, and say whether it was carried out; what a card would say of the selected thing is not asked for."""
    status = channel.once(command).status
    return status == DONE or status >> 8 == MORE


def proof(kind: CardKind, atr: bytes) -> bytes | None:
    """Return the SELECT that confirms a kind, or nothing where the ATR alone says it. To an unknown card nothing is ever sent."""
    return None if kind in BY_ATR_ALONE else select(application(kind, atr))
