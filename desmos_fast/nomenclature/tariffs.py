# SPDX-License-Identifier: Apache-2.0
"""Tariff packs: dated prices, rates and lists as data, read once, checked as a whole. See docs/reference/tariffs.md."""

import csv
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from desmos_fast.base import settings
from desmos_fast.base.errors import InvalidInput
from desmos_fast.nomenclature import model, rules
from desmos_fast.nomenclature.rules import PackFault, Placed
from desmos_fast.nomenclature.tables import DAY, LAST_DAY, TABLES, Table, parse_row

PACKS: Final = Path(__file__).parent / "packs"
DEFAULT_PACK: Final = "fr-essai-1"
PACK_FILE: Final = "pack.csv"
PACK_COLUMNS: Final = ("name", "version", "extends", "note")
NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
SHOWN: Final = 100


class TariffsInvalid(InvalidInput):
    """A tariff pack is not sound; `faults` says all that is wrong with it."""

    code = "tariffs_invalid"

    def __init__(self, name: str, faults: Sequence[PackFault]) -> None:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        super().__init__("\n  ".join([f"the tariff pack {name} is not sound ({len(faults)}):", *map(str, faults[:SHOWN]), *more]))
        self.faults = tuple(faults)


@dataclass(frozen=True, eq=False, kw_only=True)
class Tariffs:
    """A pack: its tables, each with its rows in the order of the pack, and in `warnings` the days on which a key rests between two rows."""

    name: str
    version: str
    note: str = ""
    acts: tuple[model.ActRow, ...] = ()
    prices: tuple[model.PriceRow, ...] = ()
    categories: tuple[model.CategoryRow, ...] = ()
    rates: tuple[model.RateRow, ...] = ()
    natures: tuple[model.NatureRow, ...] = ()
    exemptions: tuple[model.ExemptionRow, ...] = ()
    pathways: tuple[model.PathwayRow, ...] = ()
    qualifiers: tuple[model.QualifierRow, ...] = ()
    baskets: tuple[model.BasketRow, ...] = ()
    contracts: tuple[model.ContractRow, ...] = ()
    values: tuple[model.ValueRow, ...] = ()
    regimes: tuple[model.LabelRow, ...] = ()
    rights_documents: tuple[model.LabelRow, ...] = ()
    reject_classes: tuple[model.RejectClassRow, ...] = ()
    reject_codes: tuple[model.RejectCodeRow, ...] = ()
    warnings: tuple[str, ...] = ()

    @functools.cached_property
    def rows(self) -> tuple[model.Row, ...]:
        """All rows in the order of the tables: row number n is `rows[n - 1]`."""
        return tuple(row for table in TABLES for row in getattr(self, table.name))

    @functools.cached_property
    def _numbers(self) -> dict[model.Row, int]:
        return {row: number for number, row in enumerate(self.rows, 1)}

    @functools.cached_property
    def _tables(self) -> tuple[str, ...]:
        return tuple(table.name for table in TABLES for _ in getattr(self, table.name))

    def number(self, row: model.Row) -> int:
        """Return the number of a row of this pack, counted from 1. Raises KeyError for another's."""
        return self._numbers[row]

    def table_of(self, number: int) -> str:
        """Return the name of the table in which a row stands. Raises IndexError where there is no such row."""
        if number < 1:
            raise IndexError(number)
        return self._tables[number - 1]

    def breakpoints(self) -> tuple[date, ...]:
        """Return, in order, each first day on which a row begins or no longer holds."""
        first = {row.since for row in self.rows}
        after = {row.until + DAY for row in self.rows if row.until is not None and row.until < LAST_DAY}
        return tuple(sorted(first | after))


def active_folder() -> Path:
    """Return the folder of the pack to use: that of DESMOS_TARIFFS, else that of the program. Raises BadSetting."""
    return settings.tariffs() or PACKS / DEFAULT_PACK


@functools.cache
def load_tariffs() -> Tariffs:
    """Load the pack of the settings, once. Raises TariffsInvalid, BadSetting."""
    return read_tariffs(active_folder())


def read_tariffs(folder: Path) -> Tariffs:
    """Read a pack and the one that it extends, and check them together. Raises TariffsInvalid with all that is wrong."""
    faults: list[PackFault] = []
    about, rows = _read(folder, faults)
    faults += rules.check(rows, {Path(fault.file).stem for fault in faults})
    if faults:
        raise TariffsInvalid(folder.name, faults)
    tables: dict[str, Any] = {name: tuple(placed.row for placed in placed_rows) for name, placed_rows in rows.items()}
    return Tariffs(name=about["name"], version=about["version"], note=about["note"], warnings=tuple(rules.gaps(rows)), **tables)


def _read(folder: Path, faults: list[PackFault]) -> tuple[dict[str, str], dict[str, list[Placed]]]:
    about = _about(folder, faults)
    base: dict[str, list[Placed]] = {table.name: [] for table in TABLES}
    if about["extends"]:
        _, base = _read(PACKS / about["extends"], faults)
    rows = {}
    for table in TABLES:
        path = folder / table.file
        if table.lent and not path.exists() and not about["extends"]:
            path = PACKS / DEFAULT_PACK / table.file
        # A pack that extends another has only the tables that it changes.
        own = list(_rows(path, table, faults)) if path.exists() or not about["extends"] else []
        rows[table.name] = rules.merge(base[table.name], own, table)
    known = {PACK_FILE, *(table.file for table in TABLES)}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".csv" and path.name not in known:
            faults.append(_fault(path, 0, "no table has this name", f"one of {', '.join(sorted(known))}"))
    return about, rows


def _about(folder: Path, faults: list[PackFault]) -> dict[str, str]:
    """Return the row that says what a pack is. Raises TariffsInvalid where it does not even say whether the pack stands alone."""
    path = folder / PACK_FILE
    wrong: list[PackFault] = []
    found = [texts for _, texts in _lines(path, PACK_COLUMNS, wrong)]
    if len(found) != 1 and not wrong:
        wrong.append(_fault(path, 0, f"it has {len(found)} rows", "write one row that says what the pack is"))
    shipped = sorted(pack.name for pack in PACKS.iterdir() if pack.is_dir() and pack != folder)
    if not wrong and found[0]["extends"] not in ("", *shipped):
        wrong.append(_fault(path, 2, f"it extends {found[0]['extends'][:40]!r}", f"one of {', '.join(shipped)}, or nothing"))
    if wrong:
        raise TariffsInvalid(folder.name, wrong)
    about = found[0]
    if not NAME.fullmatch(about["name"]) or len(about["name"]) > 32:
        faults.append(_fault(path, 2, f"the name is {about['name'][:40]!r}", "small letters, digits and single dashes, 32 at most"))
    for column in ("version", "note"):
        if not (about[column] and about[column].isprintable()):
            faults.append(_fault(path, 2, f"{column} is {about[column][:40]!r}", "say which version of the pack this is, and what it is"))
    return about


def _rows(path: Path, table: Table, faults: list[PackFault]) -> Iterator[Placed]:
    for line, texts in _lines(path, table.columns, faults):
        row, wrong = parse_row(table, texts)
        key = " ".join(texts[column].strip() for column in table.key).strip()
        for column, text, takes in wrong:
            faults.append(PackFault(file=_named(path), line=line, key=key, message=f"{column} is {text[:40]!r}", hint=f"write {takes}"))
        if row is not None:
            yield Placed(row, _named(path), line)


def _lines(path: Path, columns: Sequence[str], faults: list[PackFault]) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the lines of a CSV file that has these columns, in any order."""
    try:
        # With or without the mark that spreadsheets put before UTF-8.
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text, strict=True)
            given = list(lines.fieldnames or ())
            if sorted(given) != sorted(columns):
                faults += _columns(path, given, columns)
                return
            for line in lines:
                if None in line or None in line.values():
                    faults.append(_fault(path, lines.line_num, f"it has not {len(columns)} columns", "quote a value that holds a comma"))
                else:
                    yield lines.line_num, {column: line[column].strip() for column in columns}
    except (UnicodeDecodeError, csv.Error):
        faults.append(_fault(path, 0, "this is no CSV in UTF-8", "save the file as UTF-8, with commas"))
    except OSError as error:
        faults.append(_fault(path, 0, str(error.strerror), f"a pack has this file: look at {PACKS / DEFAULT_PACK}, or extend that pack"))


def _columns(path: Path, given: Sequence[str], columns: Sequence[str]) -> Iterator[PackFault]:
    first_line = f"the first line is {','.join(columns)}"
    for column in columns:
        if column not in given:
            yield _fault(path, 1, f"the column {column} is missing", first_line)
    for place, column in enumerate(given):
        if column not in columns or column in given[:place]:
            yield _fault(path, 1, f"the column {column[:40]!r} {'stands twice' if column in columns else 'is unknown'}", first_line)


def _fault(path: Path, line: int, message: str, hint: str) -> PackFault:
    return PackFault(file=_named(path), line=line, key="", message=message, hint=hint)


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
