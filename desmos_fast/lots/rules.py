# SPDX-License-Identifier: Apache-2.0
"""The rules of lots that need no bytes: numbers, routes, states, and what a setting may be."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.lots import policies
from desmos_fast.lots.model import FileState, LotNumbersExhausted, LotSettings, LotState

LAST_LOT: Final = 999
LAST_SEQUENCE: Final = 999_999
# What the counts of a trailer can hold.
MOST_INVOICES: Final = 999
MOST_LOTS: Final = 999

LOT_MOVES: Final[Mapping[LotState, frozenset[LotState]]] = {
    LotState.OPEN: frozenset({LotState.SEALED}),
    LotState.SEALED: frozenset({LotState.SENT, LotState.DISSOLVED}),
    LotState.SENT: frozenset({LotState.ACCEPTED, LotState.REFUSED}),
    LotState.REFUSED: frozenset({LotState.REPLACED}),
    LotState.ACCEPTED: frozenset(),
    LotState.REPLACED: frozenset(),
    LotState.DISSOLVED: frozenset(),
}
FILE_MOVES: Final[Mapping[FileState, frozenset[FileState]]] = {
    FileState.BUILT: frozenset({FileState.QUEUED}),
    FileState.QUEUED: frozenset({FileState.SENT, FileState.DEAD, FileState.CANCELLED}),
    # Queued again: no answer came, and the same bytes are to leave once more.
    FileState.SENT: frozenset({FileState.ACKNOWLEDGED, FileState.DEAD, FileState.QUEUED}),
    FileState.ACKNOWLEDGED: frozenset(),
    # An operator had the cause mended and the job taken up again, or an answer proves that the file had left.
    FileState.DEAD: frozenset({FileState.SENT, FileState.CANCELLED}),
    FileState.CANCELLED: frozenset(),
}
# What sending alone says of a share.
TRANSPORT_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "open": frozenset({"lotted"}),
    "lotted": frozenset({"open", "sent"}),
    "sent": frozenset({"received", "file_refused", "pending"}),
    "received": frozenset({"pending"}),
    # A payer that says a claim waits may still refuse the lot that it came in.
    "pending": frozenset({"file_refused"}),
    "file_refused": frozenset({"lotted"}),
}
_LIMITS: Final = (
    ("file_sequence", LAST_SEQUENCE),
    ("first_lot", LAST_LOT),
    ("max_invoices_per_lot", MOST_INVOICES),
    ("max_lots_per_file", MOST_LOTS),
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE: Final = re.compile(r"[0-9]{2}/[0-9]{3}/[0-9]{4}")
_ORGANISM: Final = re.compile(r"[0-9]{3}")


def lot_may_go(before: LotState, after: LotState) -> bool:
    """Say whether a lot may pass from one state to another."""
    return after in LOT_MOVES[before]


def file_may_go(before: FileState, after: FileState) -> bool:
    """Say whether a file may pass from one state to another."""
    return after in FILE_MOVES[before]


def next_number(number: int, last: int) -> int:
    """Return what follows a number that runs from 1 to `last` and starts again at 1."""
    return number + 1 if number < last else 1


def lot_numbers(first: int, count: int, in_use: AbstractSet[int] = frozenset()) -> list[int]:
    """Return the next `count` lot numbers from `first`, from 999 back to 1, stepping over those in use.

    Raises LotNumbersExhausted when fewer are free: no number is ever given twice.
    """
    numbers: list[int] = []
    number = first
    for _ in range(LAST_LOT):
        if len(numbers) == count:
            return numbers
        if number not in in_use:
            numbers.append(number)
        number = next_number(number, LAST_LOT)
    if len(numbers) == count:
        return numbers
    raise LotNumbersExhausted(
        f"{count} lots need a number and {len(numbers)} of {LAST_LOT} are free",
        hint="find the answers to the lots that were sent; the invoices keep waiting",
    )


def lot_place(taken: int) -> tuple[int, int]:
    """Return the round and the number of the lot that took the counter to `taken`: 999 numbers a round."""
    cycle, number = divmod(taken - 1, LAST_LOT)
    return cycle + 1, number + 1


def file_sequence(taken: int) -> int:
    """Return the sequence of the file that took the counter to `taken`: after 999999 comes 1."""
    return (taken - 1) % LAST_SEQUENCE + 1


def place_of(destination: int) -> tuple[str, str, str]:
    """Cut a destination of nine digits into regime, caisse and centre."""
    digits = f"{destination:09d}"
    return digits[:2], digits[2:5], digits[5:]


def route(settings: LotSettings, regime: str, caisse: str, centre: str) -> tuple[str, str]:
    """Return the organism and the computing centre that a lot is addressed to."""
    return settings.routing.get(f"{regime}/{caisse}/{centre}", (caisse, "000"))


def file_name(biller: str, sequence: int) -> str:
    """Return the name of a claim file: the biller as it is known, and the sequence on six digits."""
    return f"{biller}-{sequence:06d}.b2"


def biller_digits(biller: str) -> str | None:
    """Return a FINESS as records spell it (2A00 is 2001, 2B00 is 2002), or None for one that cannot be written."""
    if biller[:2] in ("2A", "2B"):
        return f"20{'01' if biller[1] == 'A' else '02'}{biller[4:]}" if biller[2:4] == "00" else None
    return None if biller.startswith(("2001", "2002")) else biller


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None or not 1970 <= int(text[:4]) <= 2069:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_settings(settings: LotSettings) -> list[Fault]:
    """Return every fault of the settings, the widths of the header's texts excepted (its layout knows them)."""
    faults: list[Fault] = []
    if not _is_day(settings.date):
        faults.append(Fault(code="B2_BAD_DATE", message="date is not a day from 1970 to 2069", field="date", value=settings.date))
    for name, most in _LIMITS:
        value: int = getattr(settings, name)
        if value > most:
            width = len(str(most))
            faults.append(Fault(code="B2_OVERFLOW", message=f"{name} is at most {most}", field=name, value=value, width=width))
        elif value < 1:
            faults.append(Fault(code="B2_BAD_VALUE", message=f"{name} is at least 1", field=name, value=value))
    faults += policies.check(settings)
    for place, target in settings.routing.items():
        if _PLACE.fullmatch(place) is None:
            message = "a route starts from regime/caisse/centre, digits 2/3/4"
            faults.append(Fault(code="B2_BAD_VALUE", message=message, field="routing", value=place))
        elif any(_ORGANISM.fullmatch(number) is None for number in target):
            message = "a route leads to an organism and a computing centre, 3 digits each"
            faults.append(Fault(code="B2_BAD_VALUE", message=message, field=f"routing.{place}", value=" ".join(target)))
    return faults
