# SPDX-License-Identifier: Apache-2.0
"""What a layout pack is: the profile it describes, the tables of its records, its code lists, and what it says of text."""

from datetime import date
from typing import Final, Literal

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput

RECORD_WIDTH: Final = 128
Kind = Literal["const", "filler", "num", "amount", "date6", "alpha"]
ONLY: Final = " only"
# The constants of 000 that tell the profile of a file.
IDENTITY: Final = ("norm_name", "profile_version")
LATER: Final = "kept for later"


class LayoutError(InvalidInput):
    """A layout pack that no codec can follow."""

    code = "layout_invalid"


class LayoutChanged(Conflict):
    """What was written under one layout pack waits, and another one is in use."""

    code = "layout_changed"


class LayoutNotInForce(InvalidInput):
    """A file that its layout pack may not write on that day."""

    code = "layout_not_in_force"


class Field(msgspec.Struct, frozen=True):
    """One zone of a record; `start` is 1-based, `value` as section "Tables" of docs/reference/exchange.md says."""

    name: str
    start: int
    length: int
    kind: Kind
    required: bool
    value: str
    note: str

    @property
    def offset(self) -> int:
        """Position of the first character, from 0."""
        return self.start - 1

    @property
    def is_written(self) -> bool:
        """Whether a value goes into it: not for a constant, nor for a zone left blank."""
        return self.kind not in ("const", "filler")


class Table(msgspec.Struct, frozen=True):
    """The fields of one record type, in order of position, covering 1 to 128."""

    record_type: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """Return the field of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def is_later(self) -> bool:
        """Whether the invoice cannot carry it yet, so that a reader refuses it by name."""
        return any(LATER in field.note for field in self.fields)


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A profile: what it is, its tables by record type, its code lists (list name to code to label), its rules of text.

    `name` and `version` stand in `000`; `letters` are spelt so, in both cases; `free_text` are the fields that names and labels fill.
    """

    profile: str
    name: str
    version: str
    valid_from: date | None
    valid_to: date | None
    status: str
    source: str
    tables: dict[str, Table]
    lists: dict[str, dict[str, str]]
    notes: dict[str, dict[str, str]]
    letters: dict[str, str]
    free_text: frozenset[tuple[str, str]]

    def codes(self, name: str, field: str) -> frozenset[str]:
        """Return the codes of a list that a field may hold; "" stands for a blank, and a note `x only` keeps a code to the fields of x."""
        notes = self.notes[name]
        return frozenset(code for code in notes if not notes[code].endswith(ONLY) or field.startswith(notes[code].removesuffix(ONLY)))

    def other_profile(self, record_type: str, field: str) -> str:
        """Say what it means that a zone of `000` does not name this profile; "" for any other zone."""
        if record_type != "000" or field not in IDENTITY:
            return ""
        used = f"{self.profile} ({self.name} {self.version})"
        return f"the file is of another profile than the tables in use, {used}: set DESMOS_LAYOUTS to the folder of its pack"

    def check_day(self, day: str) -> None:
        """Raise LayoutNotInForce when a file of that ISO date cannot be of this profile."""
        first, last = self.valid_from or date.min, self.valid_to or date.max
        if not first <= date.fromisoformat(day) <= last:
            raise LayoutNotInForce(
                f"the layouts {self.profile} are in force from {first} to {last}, and the file is of {day}",
                hint="set DESMOS_LAYOUTS to the folder of the pack in force on that day",
            )
