# SPDX-License-Identifier: Apache-2.0
"""Files of the national tables: known by name and header, read whole, refused whole. See docs/reference/nomenclature.md."""

import csv
import functools
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from _csv import Reader

DECLARED: Final = Path(__file__).parent / "data" / "national.csv"
FILE_NAME: Final = re.compile(r"(IR_[A-Z]+)_V([0-9]*)\.csv", re.ASCII)
# Of a file that is of another kind every line is faulty.
MOST_FAULTS: Final = 100
CODE_WIDTH: Final = 64
SHOWN_WIDTH: Final = 80


class Column(NamedTuple):
    """A column and what it is: part of the `key`, the `label`, or `data`; what it means is blank where no public text says so."""

    name: str
    role: str
    means: str


class National(NamedTuple):
    """A national table as it is declared: its name, what it holds, its columns in the order of the file."""

    name: str
    holds: str
    columns: tuple[Column, ...]

    def places(self, role: str) -> list[int]:
        """Return the places of the columns of a role."""
        return [place for place, column in enumerate(self.columns) if column.role == role]


class TableFault(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is wrong in a file; `line` is the one on which the row begins, counted from 1."""

    code: str
    file: str
    line: int | None = None
    field: str | None = None
    value: str | int | None = None
    message: str = ""


class CodeRow(NamedTuple):
    """A code, its label, and the other columns that are not blank, as the text of a JSON object."""

    code: str
    label: str
    data: str


class TableFile(NamedTuple):
    """A sound file of a table."""

    table: str
    file: str
    size: int
    sha256: bytes
    rows: list[CodeRow]


class Refused(Exception):
    """A file is not taken; its faults, the first ones when there are many."""

    def __init__(self, faults: Sequence[TableFault]) -> None:
        super().__init__(faults[0].code)
        self.faults = tuple(faults)


@functools.cache
def national_tables() -> dict[str, National]:
    """Return the tables that are known, by name."""
    found: dict[str, National] = {}
    with DECLARED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            name = row["table"]
            if row["role"] == "table":
                found[name] = National(name, row["means"], ())
            else:
                column = Column(row["column"], row["role"], row["means"])
                found[name] = found[name]._replace(columns=(*found[name].columns, column))
    return found


def read_file(file: str, content: bytes) -> TableFile:
    """Read a file by its name and its content. Raises Refused."""
    table = _table(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, value = content.count(b"\n", 0, error.start) + 1, repr(content[error.start : error.end])
        raise _refused("nomenclature_encoding", file, line, value=value, message="this is not UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _refused("nomenclature_encoding", file, line, value="NUL", message="a text holds no NUL character")
    faults: list[TableFault] = []
    rows = list(_rows(table, file, text, faults))
    if not rows and not faults:
        raise _refused("nomenclature_empty", file, message="the file holds no code: it would end all of the table")
    if faults:
        raise Refused(faults)
    return TableFile(table.name, file, len(content), hashlib.sha256(content).digest(), rows)


def one_a_table(files: Iterable[TableFile]) -> tuple[list[TableFile], list[TableFault]]:
    """Keep the files whose table no other file is of, and refuse the others: which one is right, nobody knows."""
    by_table: dict[str, list[TableFile]] = {}
    for read in files:
        by_table.setdefault(read.table, []).append(read)
    message = "two files of one table: give one of them"
    twice = [
        TableFault(code="nomenclature_table_twice", file=read.file, value=read.table, message=message)
        for same in by_table.values()
        if len(same) > 1
        for read in same
    ]
    return [same[0] for same in by_table.values() if len(same) == 1], twice


def _table(file: str) -> National:
    found = FILE_NAME.fullmatch(file)
    table = national_tables().get(found[1]) if found else None
    if table is None:
        known = " ".join(national_tables())
        raise _refused("nomenclature_unknown_file", file, message=f"a file is named after its table, as IR_NAT_V.csv: {known}")
    return table


def _rows(table: National, file: str, text: str, faults: list[TableFault]) -> Iterator[CodeRow]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    keys, labels = table.places("key"), table.places("label")
    others = [(place, table.columns[place].name) for place in table.places("data")]
    encode = msgspec.json.Encoder().encode
    seen: dict[str, int] = {}
    numbered = _numbered(lines, file, faults)
    _, header = next(numbered, (1, []))
    if not faults:
        _check_header(table, file, header)
    for line, row in numbered:
        parts = [row[place].strip() for place in keys] if len(row) == len(table.columns) else []
        code = "/".join(parts)
        first = seen.setdefault(code, line)
        if first == line and parts and all(parts) and len(code) <= CODE_WIDTH:
            label = row[labels[0]].strip() if labels else ""
            yield CodeRow(code, label, encode({name: row[place] for place, name in others if row[place]}).decode())
            continue
        faults.append(_row_fault(table, file, line, row, first))
        if len(faults) == MOST_FAULTS:
            return


def _numbered(lines: "Reader", file: str, faults: list[TableFault]) -> Iterator[tuple[int, list[str]]]:
    """Give each row and the line on which it begins: a quoted text may go on over several. A blank line is no row."""
    while True:
        begins = lines.line_num + 1
        try:
            row = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"from here on this is no CSV: {error}"
            faults.append(TableFault(code="nomenclature_quotes", file=file, line=begins, message=message))
            return
        if row:
            yield begins, row


def _check_header(table: National, file: str, header: Sequence[str]) -> None:
    names = [column.name for column in table.columns]
    if list(header) == names:
        return
    pairs = enumerate(zip(header, names, strict=False))
    place = next((place for place, (given, name) in pairs if given != name), min(len(header), len(names)))
    expected = names[place] if place < len(names) else None
    value = header[place][:SHOWN_WIDTH] if place < len(header) else ""
    message = f"the header of {table.name} is {';'.join(names)}"
    raise _refused("nomenclature_header", file, 1, field=expected, value=value, message=message)


def _row_fault(table: National, file: str, line: int, row: Sequence[str], first: int) -> TableFault:
    """Say why a row is not taken; `first` is the line of the first row that has its code."""
    if len(row) != len(table.columns):
        message = f"a row has {len(table.columns)} columns"
        return TableFault(code="nomenclature_columns", file=file, line=line, value=len(row), message=message)
    keys = table.places("key")
    blank = next((table.columns[place].name for place in keys if not row[place].strip()), None)
    if blank is not None:
        return TableFault(code="nomenclature_code_missing", file=file, line=line, field=blank, value="", message="the code is blank")
    field, value = "/".join(table.columns[place].name for place in keys), "/".join(row[place].strip() for place in keys)
    code, message = "nomenclature_code_twice", f"line {first} has this code too"
    if len(value) > CODE_WIDTH:
        code, message = "nomenclature_code_too_long", f"a code has {CODE_WIDTH} characters at most"
    return TableFault(code=code, file=file, line=line, field=field, value=value[:SHOWN_WIDTH], message=message)


def _refused(code: str, file: str, line: int | None = None, *, field: str | None = None, value: str | None = None, message: str) -> Refused:
    return Refused([TableFault(code=code, file=file, line=line, field=field, value=value, message=message)])
