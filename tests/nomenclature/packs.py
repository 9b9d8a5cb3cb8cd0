# SPDX-License-Identifier: Apache-2.0
"""Tariff packs for tests: copies of the shipped one with some lines changed, and small ones that extend it."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from desmos_fast.nomenclature.tables import BY_NAME
from desmos_fast.nomenclature.tariffs import DEFAULT_PACK, PACKS, Tariffs

SHIPPED = PACKS / DEFAULT_PACK


def changed(folder: Path, file: str, change: Callable[[str], str]) -> Path:
    """Copy the shipped pack and change the text of one file, which must be another text then."""
    pack = folder / "copie-1"
    if not pack.exists():
        shutil.copytree(SHIPPED, pack)
    before = (pack / file).read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    (pack / file).write_text(after, encoding="utf-8")
    return pack


def with_line(folder: Path, file: str, line: str) -> Path:
    return changed(folder, file, lambda text: f"{text}{line}\n")


def small(folder: Path, extends: str = DEFAULT_PACK, **tables: str) -> Path:
    """Write a pack that extends another, with the lines of some tables."""
    pack = folder / "centre-1"
    pack.mkdir()
    (pack / "pack.csv").write_text(f"name,version,extends,note\ncentre-1,7,{extends},prices of a test\n", encoding="utf-8")
    for name, lines in tables.items():
        (pack / f"{name}.csv").write_text(f"{','.join(BY_NAME[name].columns)}\n{lines}\n", encoding="utf-8")
    return pack


def held(pack: Tariffs, table: str, day: date, **columns: Any) -> Any:
    """Return the one row of a table in force on a day that has these values."""
    [row] = [
        row for row in getattr(pack, table)
        if row.in_force(day) and all(getattr(row, column) == value for column, value in columns.items())
    ]  # fmt: skip
    return row
