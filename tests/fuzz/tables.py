# SPDX-License-Identifier: Apache-2.0
"""Columns as text, for a fuzzer to change: a line for each, its path, a letter for how it lies in memory, and its entries between tabs."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from tests.fuzz.mutations import cut
from tests.generators.columns import PATHS, columns
from tests.oracle.fse_json import INTEGERS, NEEDED

NUMBER: Final = re.compile(rb"-?[0-9]{1,20}")
WIDEST: Final = 4096
# Texts: plain, filled with spaces, as rows of bytes, every other entry, one after the other in a record that is not aligned.
TEXTS: Final = "sw2tp"
INTEGER_FORMS: Final = "bhiqBHIQ"
# Every other entry of numbers, and numbers that are not aligned.
ODD_INTEGERS: Final[Mapping[str, str]] = {"e": "q", "u": "q", "v": "H"}
LIMITS: Final = {
    form: range(np.iinfo(kind).min, np.iinfo(kind).max + 1)
    for form, kind in {**ODD_INTEGERS, **dict(zip(INTEGER_FORMS, INTEGER_FORMS, strict=True))}.items()
}
FLAGS: Final = "?"
# What no key takes.
STRANGE: Final = "dU>"
FORMS: Final = TEXTS + INTEGER_FORMS + "".join(ODD_INTEGERS) + FLAGS + STRANGE
ODD_CELLS: Final = (
    b"", b"0", b"1", b"-1", b"9", b"100", b"127", b"128", b"255", b"32768", b"99999999", b"1000000000", b"-9223372036854775808",
    b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
    b" ", b"A ", b" A", b"A\0B", b"\0", b"\0A", b"\xff", b"\xc3\xa9",
    b"\xed\xa0\x80", b"M", b"2A0002689", b"2026-02-29", b"2024-02-29", b"2070-01-01", b"11", b"1121", b"112", b"255081416802538",
    b"A" * 15, b"A" * 16, b"A" * 17, b"A" * 33,
)  # fmt: skip


class Column(NamedTuple):
    """A column: how it lies in memory, and what its entries are there."""

    form: str
    entries: list[Any]

    @property
    def kind(self) -> str:
        """Say what it holds: texts, integers, flags, or something else."""
        if self.form in TEXTS:
            return "text"
        return "flag" if self.form in FLAGS else "other" if self.form in STRANGE else "integer"


def read(data: bytes) -> dict[str, Column]:
    """Read a table; of two columns with one path the last one counts."""
    found: dict[str, Column] = {}
    for line in data.split(b"\n"):
        name, *cells = line.split(b"\t")
        path, _, form = name.decode("latin-1").rpartition(":")
        form = form if len(form) == 1 and form in FORMS else "s"
        found[path] = Column(form, [_entry(form, cell) for cell in cells])
    return found


def _entry(form: str, cell: bytes) -> Any:
    if form in FLAGS:
        return cell == b"1"
    if form in TEXTS or form in STRANGE:
        return cell
    number = int(cell) if NUMBER.fullmatch(cell) else 0
    return number if number in LIMITS[form] else 0


def array(column: Column) -> Any:
    """Return what shows the memory of a column."""
    form, entries = column
    if form in FLAGS or form in INTEGER_FORMS:
        return np.array(entries, form)
    if form == "e":
        return np.repeat(np.array(entries, "q"), 2)[::2]
    if form in ODD_INTEGERS:
        return _unaligned(np.array(entries, ODD_INTEGERS[form]))
    if form in STRANGE:
        return np.zeros(len(entries), {"d": "f8", "U": "U4", ">": ">i4"}[form])
    width = max(map(len, entries), default=0) or 1
    if form == "w":
        return np.array([entry.ljust(width + 3) for entry in entries], f"S{width + 3}")
    texts = np.array(entries, f"S{width}")
    if form == "2":
        return texts.view("u1").reshape(len(entries), width)
    return np.repeat(texts, 2)[::2] if form == "t" else _unaligned(texts) if form == "p" else texts


def _unaligned(entries: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    packed = np.zeros(len(entries), np.dtype([("before", "u1"), ("entry", entries.dtype)]))
    packed["entry"] = entries
    return packed["entry"]


def is_refused(table: Mapping[str, Column]) -> bool:
    """Say whether these are no columns of invoices at all, whatever their rows hold."""
    acts = table.get("acts")
    if acts is None or acts.form not in "qeu" or not acts.entries or acts.entries[0] != 0 or acts.entries != sorted(acts.entries):
        return True
    wanted = {False: len(acts.entries) - 1, True: acts.entries[-1]}
    for path, column in table.items():
        if path == "acts":
            continue
        if path not in PATHS or len(column.entries) != wanted[path.startswith("act.")]:
            return True
        name, key = PATHS[path]
        kind = "flag" if key == "separate_claim" else "integer" if key in INTEGERS.get(name, ()) else "text"
        wide = column.kind == "text" and max(map(len, column.entries), default=0) + 3 * (column.form == "w") > WIDEST
        if column.kind != kind or wide:
            return True
    return False


def written(invoices: list[dict[str, Any]]) -> bytes:
    """Write invoices as a table, without the columns that say nothing."""
    needed = {path for path, (name, key) in PATHS.items() if key in NEEDED.get(name, ())} | {"acts"}
    held = columns(invoices)
    for path, values in held.items():
        owner = path.rpartition(".")[0]
        if owner and not path.startswith("act."):
            # Defaults of an object that is not there would be taken for it.
            values[:] = [value if invoice.get(owner) or not isinstance(value, bytes) else b""
                         for invoice, value in zip(invoices, values, strict=True)]  # fmt: skip
    held = {path: values for path, values in held.items() if path in needed or any(values)}
    return _joined({path: (_form(path), [_cell(value) for value in values]) for path, values in held.items()})


def _form(path: str) -> str:
    name, key = PATHS.get(path, ("", "number"))
    return "?" if key == "separate_claim" else "q" if key in INTEGERS.get(name, ()) else "s"


def _cell(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b"%d" % value


Table = dict[str, tuple[str, list[bytes]]]
Change = Callable[[random.Random, Table, Table], None]


def _joined(table: Table) -> bytes:
    return b"\n".join(b"\t".join([f"{path}:{form}".encode("latin-1"), *cells]) for path, (form, cells) in table.items())


def _split(data: bytes) -> Table:
    found: Table = {}
    for line in data.split(b"\n"):
        name, *cells = line.split(b"\t")
        path, _, form = name.decode("latin-1").rpartition(":")
        found[path] = (form, cells)
    return found


def change_table(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change a few entries, forms or columns, and now and then the bytes of the whole."""
    table, other = _split(data), _split(chance.choice(others or [data]))
    for _ in range(chance.randint(1, 3)):
        if table:
            chance.choice(CHANGES)(chance, table, other)
    return cut(chance, _joined(table))


def _entry_changed(chance: random.Random, table: Table, other: Table) -> None:
    path = chance.choice(list(table))
    cells = table[path][1]
    if cells:
        given = other[path][1] if path in other and chance.randrange(2) else chance.choice(list(other.values()))[1]
        cells[chance.randrange(len(cells))] = chance.choice(given if given and chance.randrange(2) else ODD_CELLS)


def _form_changed(chance: random.Random, table: Table, _: Table) -> None:
    """Mostly to another of the same kind, for the rows to be looked at too."""
    path = chance.choice(list(table))
    form, cells = table[path]
    alike = next((kind for kind in (TEXTS, INTEGER_FORMS + "".join(ODD_INTEGERS)) if form in kind), FORMS)
    table[path] = chance.choice(alike if chance.randrange(8) else FORMS), cells


def _column_changed(chance: random.Random, table: Table, other: Table) -> None:
    """Leave one out, or bring one in, of the right length mostly."""
    if chance.randrange(2):
        del table[chance.choice(list(table))]
        return
    path = chance.choice(list(other) if chance.randrange(2) else sorted(PATHS))
    form, cells = other.get(path) or (_form(path), [chance.choice(ODD_CELLS)])
    wanted = next((len(held) for name, (_, held) in table.items() if name.startswith("act.") == path.startswith("act.")), 1)
    table[path] = form, [chance.choice(cells or [b""]) for _ in range(wanted if chance.randrange(8) else len(cells))]


def _order_changed(chance: random.Random, table: Table, _: Table) -> None:
    path = chance.choice(list(table))
    table[path] = table.pop(path)


def _row_repeated(chance: random.Random, table: Table, _: Table) -> None:
    """Write an invoice again, with its acts and perhaps another number."""
    places = [int(cell) for cell in table.get("acts", ("", []))[1] if NUMBER.fullmatch(cell)]
    if len(places) < 2:
        return
    row = chance.randrange(len(places) - 1)
    for path, (_letter, cells) in table.items():
        if path == "acts":
            cells.append(b"%d" % (places[-1] + places[row + 1] - places[row]))
        elif path.startswith("act."):
            cells += cells[max(places[row], 0) : max(places[row + 1], 0)]
        elif row < len(cells):
            cells.append(b"%d" % chance.randrange(1000) if path == "number" else cells[row])


CHANGES: Final[tuple[Change, ...]] = (
    _entry_changed, _entry_changed, _entry_changed, _form_changed, _column_changed, _order_changed, _row_repeated,
)  # fmt: skip
