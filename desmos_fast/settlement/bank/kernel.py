# SPDX-License-Identifier: Apache-2.0
"""The kernels of CFONB 120: the survey of a file's rows, and its records as bank lines of JSON."""

from typing import Final, NamedTuple

from desmos_fast.settlement.bank.currencies import OTHER_THAN_TWO
from desmos_fast.settlement.bank.model import WARNINGS_KEPT
from ext import cfonb, rows

MOST_DETAILS: Final = cfonb.MOST
KINDS: Final = cfonb.KINDS
# Credits from payers, cheques, cash and cards first, then what may take money back.
OPERATIONS: Final = b"0518133945C202043091" + b"0621C1B1B2B3B4B5B612C4"
_UNITS: Final = "".join(f"{currency}{units}" for currency, units in OTHER_THAN_TWO.items()).encode()

Reader = cfonb.Reader
Survey = rows.Survey


class Told(NamedTuple):
    """A fault: its kind, position and record; the opening record of its block; the sum of its movements and both balances."""

    kind: str
    position: int
    number: int
    record: bytes
    opened: int
    opening: bytes
    total: int
    before: int
    after: int


def reader(sha256: str) -> Reader:
    """Return a reader for the records of the file of that SHA-256 (hexadecimal)."""
    return Reader(sha256.encode(), OPERATIONS, _UNITS, WARNINGS_KEPT)


def fault_of(records: Reader) -> Told | None:
    """Return the first fault of a file that was read."""
    return None if records.fault is None else Told(*records.fault)
