# SPDX-License-Identifier: Apache-2.0
"""Layout packs: the tables of a profile as data, read once, checked, and shared by every codec."""

import csv
import functools
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from desmos_fast.base.errors import InvalidInput

RECORD_WIDTH: Final = 128
Kind = Literal["const", "filler", "num", "amount", "date6", "alpha"]
DEFAULT_PROFILE: Final = "essai-1"
ONLY: Final = " only"
PACKS: Final = Path(__file__).parent / "packs"


class LayoutError(InvalidInput):
    """A layout table that does not describe exactly 128 characters."""

    code = "layout_invalid"


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


class Pack(msgspec.Struct, frozen=True):
    """A profile: its tables by record type and its code lists (list name to code to label)."""

    profile: str
    tables: dict[str, Table]
    lists: dict[str, dict[str, str]]
    notes: dict[str, dict[str, str]]

    def codes(self, name: str, field: str) -> frozenset[str]:
        """Return the codes of a list that a field may hold; "" stands for a blank, and a note `x only` keeps a code to the fields of x."""
        notes = self.notes[name]
        return frozenset(code for code in notes if not notes[code].endswith(ONLY) or field.startswith(notes[code].removesuffix(ONLY)))


def read_table(path: Path) -> Table:
    """Read one table; raise LayoutError for a gap, an overlap or an unknown kind."""
    fields: list[Field] = []
    position = 1
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["kind"] not in get_args(Kind):
                raise LayoutError(f"{path.name}: field {row['field']} has unknown kind {row['kind']!r}")
            field = Field(
                name=row["field"], start=int(row["start"]), length=int(row["length"]), kind=row["kind"],  # type: ignore[arg-type]
                required=row["required"] == "yes", value=row["value"], note=row["source_note"],
            )
            if field.start != position or field.length < 1:
                raise LayoutError(f"{path.name}: field {field.name} starts at {field.start}, expected {position}")
            position += field.length
            fields.append(field)
    if position != RECORD_WIDTH + 1:
        raise LayoutError(f"{path.name}: the table covers {position - 1} characters, not {RECORD_WIDTH}")
    return Table(record_type=path.stem, fields=tuple(fields))


def read_lists(path: Path) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Read `list,code,label,note` rows as labels and notes by list and code."""
    labels: dict[str, dict[str, str]] = {}
    notes: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            labels.setdefault(row["list"], {})[row["code"]] = row["label"]
            notes.setdefault(row["list"], {})[row["code"]] = row["note"]
    return labels, notes


@functools.cache
def load_pack(folder: Path | None = None) -> Pack:
    """Load a profile from its folder of CSV tables (default: the shipped test profile)."""
    folder = folder or PACKS / DEFAULT_PROFILE
    lists_file = folder / "code_lists.csv"
    tables = {path.stem: read_table(path) for path in sorted(folder.glob("*.csv")) if path != lists_file}
    labels, notes = read_lists(lists_file)
    return Pack(profile=folder.name, tables=tables, lists=labels, notes=notes)
