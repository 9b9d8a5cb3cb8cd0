# SPDX-License-Identifier: Apache-2.0
"""Layout packs: the tables of a profile as data, read once, checked, and shared by every codec."""

import csv
import functools
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NoReturn, get_args

from desmos_fast.base import settings
from desmos_fast.exchange import rules
from desmos_fast.exchange.model import RECORD_WIDTH, Field, Kind, LayoutError, Pack, Table

PACKS: Final = Path(__file__).parent / "packs"
DEFAULT_PROFILE: Final = "essai-1"
TABLE_COLUMNS: Final = ("field", "start", "length", "kind", "required", "value", "source_note")
# Files in lower case describe the pack; each of the others is the table of the record type it is named after.
DESCRIPTIONS: Final = {
    "pack": ("key", "value", "note"),
    "code_lists": ("list", "code", "label", "note"),
    "letters": ("letter", "spelling", "source_note"),
    "free_text": ("record_type", "field", "source_note"),
}
KEYS: Final = ("id", "name", "version", "valid_from", "valid_to", "status", "source")
ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
COPY: Final = f"copy the folder {PACKS / DEFAULT_PROFILE} and change the copy"

Row = dict[str, str]


def _refuse(where: str, what: str, todo: str) -> NoReturn:
    raise LayoutError(f"{where}: {what}", hint=todo)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Give the rows of a CSV file that has exactly these columns."""
    named = f"{path.parent.name}/{path.name}"
    try:
        # With or without the mark that spreadsheets put before UTF-8.
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            if tuple(rows.fieldnames or ()) != tuple(columns):
                _refuse(named, "the columns are not those of such a file", f"the first line is {','.join(columns)}")
            for row in rows:
                if None in row or None in row.values():
                    _refuse(named, f"line {rows.line_num} has not {len(columns)} columns", "quote a value that holds a comma")
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise LayoutError(f"{named}: this is no CSV in UTF-8", hint="save the file as UTF-8, with commas") from error
    except OSError as error:
        raise LayoutError(f"{named}: {error.strerror}", hint=f"a pack needs this file: {COPY}") from error


def read_table(path: Path) -> Table:
    """Read one table; raise LayoutError for a gap, an overlap or an unknown kind."""
    fields: list[Field] = []
    position = 1
    for row in _rows(path, TABLE_COLUMNS):
        field = _field(path.name, row)
        where = f"{path.name}: field {field.name}"
        if any(other.name == field.name for other in fields):
            _refuse(where, "the name stands twice", "give each field of a table its own name")
        if field.start != position:
            what = "leaves a gap" if field.start > position else "overlaps the field before it"
            _refuse(where, f"it starts at {field.start} and {what}", f"let it start at {position}, or mend the field before it")
        position += field.length
        fields.append(field)
    if position != RECORD_WIDTH + 1:
        _refuse(path.name, f"the table covers {position - 1} characters", f"let its last field end at {RECORD_WIDTH}")
    return Table(record_type=path.stem, fields=tuple(fields))


def _field(file: str, row: Row) -> Field:
    where = f"{file}: field {row['field']}"
    if row["kind"] not in get_args(Kind):
        _refuse(where, f"it has the unknown kind {row['kind']!r}", f"one of {', '.join(get_args(Kind))}")
    if row["required"] not in ("yes", "no"):
        _refuse(where, f"required is {row['required']!r}", "yes or no")
    for column in ("start", "length"):
        if not re.fullmatch(r"[1-9][0-9]{0,2}", row[column], re.ASCII):
            _refuse(where, f"its {column} is {row[column]!r}", f"a whole number from 1 to {RECORD_WIDTH}")
    if not row["source_note"]:
        _refuse(where, "it has no source_note", "say where the zone comes from: sourced, provisional, or the document")
    return Field(
        name=row["field"], start=int(row["start"]), length=int(row["length"]), kind=row["kind"],  # type: ignore[arg-type]
        required=row["required"] == "yes", value=row["value"], note=row["source_note"],
    )  # fmt: skip


def _about(rows: Iterator[Row]) -> dict[str, str]:
    about = {row["key"]: row["value"] for row in rows}
    missing, unknown = [key for key in KEYS if key not in about], sorted(set(about) - set(KEYS))
    if missing or unknown:
        _refuse("pack.csv", f"its keys are not those of a pack: {', '.join(missing + unknown)}", f"one row for each of {', '.join(KEYS)}")
    for key in ("status", "source"):
        if not about[key].strip():
            _refuse("pack.csv", f"{key} is blank", "say what the layouts are worth and where they come from")
    if not ID.fullmatch(about["id"]) or len(about["id"]) > 32:
        _refuse("pack.csv", f"the id is {about['id'][:40]!r}", "small letters, digits and single dashes, 32 at most: essai-1")
    return about


def _day(key: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        _refuse("pack.csv", f"{key} is {text[:40]!r}", "a day as 2026-01-31, or nothing")


def _letters(rows: Iterator[Row]) -> dict[str, str]:
    letters: dict[str, str] = {}
    for row in rows:
        letter, spelling = row["letter"], row["spelling"]
        if len(letter) != 1 or not letter.isalpha() or letter.isascii() or letter in letters or not re.fullmatch("[A-Z]{1,4}", spelling):
            _refuse("letters.csv", f"{letter[:4]!r} cannot be spelt {spelling[:8]!r}", "one letter outside A-Z, once, and 1 to 4 of A-Z")
        letters[letter] = spelling
    return letters


def read_pack(folder: Path) -> Pack:
    """Read a pack and check each of its files alone; raise LayoutError, which names file, field and what to do."""
    if not folder.is_dir():
        _refuse(str(folder), "there is no such folder", f"set DESMOS_LAYOUTS to the folder of a layout pack: {COPY}")
    rows = {name: _rows(folder / f"{name}.csv", columns) for name, columns in DESCRIPTIONS.items()}
    about = _about(rows["pack"])
    first, last = _day("valid_from", about["valid_from"]), _day("valid_to", about["valid_to"])
    if first and last and first > last:
        _refuse("pack.csv", f"valid_to {last} comes before valid_from {first}", "swap them, or leave one blank")
    labels: dict[str, dict[str, str]] = {}
    notes: dict[str, dict[str, str]] = {}
    for row in rows["code_lists"]:
        labels.setdefault(row["list"], {})[row["code"]] = row["label"]
        notes.setdefault(row["list"], {})[row["code"]] = row["note"]
    return Pack(
        profile=about["id"], name=about["name"], version=about["version"], valid_from=first, valid_to=last,
        status=about["status"], source=about["source"],
        tables={path.stem: read_table(path) for path in sorted(folder.glob("*.csv")) if not path.stem.islower()},
        lists=labels, notes=notes, letters=_letters(rows["letters"]),
        free_text=frozenset((row["record_type"], row["field"]) for row in rows["free_text"]),
    )  # fmt: skip


@functools.cache
def shipped_pack() -> Pack:
    """Return the test profile that comes with the program: the codecs know its names and shapes."""
    return read_pack(PACKS / DEFAULT_PROFILE)


def active_folder() -> Path:
    """Return the folder of the pack to use: that of DESMOS_LAYOUTS, else that of the program. Raises BadSetting."""
    return settings.layouts() or PACKS / DEFAULT_PROFILE


@functools.cache
def load_pack(folder: Path | None = None) -> Pack:
    """Load a profile from its folder: by default that of DESMOS_LAYOUTS, else the test profile that comes with the program.

    Raises LayoutError, BadSetting.
    """
    folder = folder or active_folder()
    if folder == PACKS / DEFAULT_PROFILE:
        return shipped_pack()
    pack = read_pack(folder)
    rules.check_pack(pack, shipped_pack())
    return pack
