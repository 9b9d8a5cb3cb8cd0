# SPDX-License-Identifier: Apache-2.0
"""What the agent asks of whatever reads health cards with rights, and what each code of the components means."""

import csv
import functools
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from readers.errors import ReaderError
from readers.ssv.zones import Group

TABLE: Final = Path(__file__).with_name("errors.csv")
# A wrong code counts against the card: three block it.
NEVER_AGAIN: Final = frozenset({"cps_code"})
BUSY: Final = "channel"
MOST_TRIES: Final = 3


class Meaning(NamedTuple):
    """What a code stands for, in French, and what to do about it."""

    subject: str
    message: str
    action: str


class SsvFailed(ReaderError):
    """The components answered with a code. `subject` is `unknown` for one that no table has: it is shown, never swallowed."""

    code = "ssv_failed"

    def __init__(self, status: int, table: Path = TABLE) -> None:
        self.status = status
        self.subject, message, action = meaning(status, table)
        super().__init__(f"{message} (0x{status:04X})", hint=action)

    @property
    def may_be_tried_again(self) -> bool:
        """Say whether the same call may be made again by itself, three times at most: only while another program has the channel."""
        return self.subject == BUSY and self.subject not in NEVER_AGAIN


class HealthCardBackend(Protocol):
    """Reads cards with their rights: the licensed components, or the simulator. Billing functions are no part of it yet.

    Every call may raise SsvFailed and ZoneFault. One call at a time.
    """

    async def config(self) -> list[Group]:
        """Return the groups that tell of the components and the reader (60 to 64)."""

    async def read_ps(self, code_porteur: str) -> list[Group]:
        """Return who the professional is and in which situations (1, 2). The code is used once, and kept nowhere."""

    async def read_rights(self, code_porteur: str, on: date) -> list[Group]:
        """Return the insured, the beneficiaries and their rights on a day (101 to 111)."""

    async def close(self) -> None:
        """Give everything back."""


@functools.cache
def _table(path: Path) -> list[tuple[range, Meaning]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (range(int(first, 16), int(last or first, 16) + 1), Meaning(row["subject"], row["message"], row["action"]))
            for row in csv.DictReader(file)
            for first, _, last in (codes.partition("-") for codes in row["codes"].split())
        ]


def meaning(status: int, table: Path = TABLE) -> Meaning:
    """Return what a code of the components means, by a table of codes."""
    unknown = Meaning("unknown", "Code inconnu des composants.", "Transmettre ce code à l'éditeur.")
    return next((said for codes, said in _table(table) if status in codes), unknown)
