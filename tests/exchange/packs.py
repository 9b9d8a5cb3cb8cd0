# SPDX-License-Identifier: Apache-2.0
"""Other layout packs for tests: copies of the shipped one with a change, and records laid out again after them."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "desmos_fast/exchange/packs/essai-1"
Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def edit(path: Path, change: Callable[[Rows], object]) -> None:
    """Change the rows of a CSV file in place."""
    rows = rows_of(path)
    columns = list(rows[0])
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def put(path: Path, key: str, **values: str) -> None:
    """Change columns of the row whose first column is `key`."""

    def change(rows: Rows) -> None:
        [row] = [row for row in rows if next(iter(row.values())) == key]
        row.update(values)

    edit(path, change)


def new_pack(folder: Path, profile: str = "autre-2", name: str = "AUTRE", version: str = "02") -> Path:
    """Copy the shipped pack under another id, name and version."""
    pack = folder / profile
    shutil.copytree(SHIPPED, pack)
    for key, value in (("id", profile), ("name", name), ("version", version)):
        put(pack / "pack.csv", key, value=value)
    put(pack / "000.csv", "norm_name", value=name)
    put(pack / "000.csv", "profile_version", value=version)
    return pack


def lay_out(pack: Path, record_type: str, *order: str, **widths: int) -> None:
    """Give fields other widths (0: drop it), or put those of `order` in that order where the first of them stands; starts follow."""

    def change(rows: Rows) -> None:
        if order:
            moved = {row["field"]: row for row in rows if row["field"] in order}
            at = min(index for index, row in enumerate(rows) if row["field"] in moved)
            rest = [row for row in rows if row["field"] not in moved]
            rows[:] = [*rest[:at], *(moved[name] for name in order), *rest[at:]]
        start = 1
        for row in rows:
            row["length"] = str(widths.get(row["field"], int(row["length"])))
            row["start"] = str(start)
            start += int(row["length"])
        rows[:] = [row for row in rows if row["length"] != "0"]

    edit(pack / f"{record_type}.csv", change)


def type_of(record: str) -> str:
    """Tell the type of a record, as the format document says."""
    letter = {"2": record[38], "4": record[35]}.get(record[0], "")
    if letter.isalpha():
        return record[0] + letter
    names = ("000", "999", "A1", "P1", "P9", "R1", "R2", "R3", "1", "2", "4", "5", "6")
    return next(name for name in names if record.startswith(name))


def again(record: str, pack: Path) -> str:
    """Lay a record of the shipped pack out as another pack says, its constants included."""
    name = type_of(record)
    zones, values = {}, {}
    for row in rows_of(SHIPPED / f"{name}.csv"):
        zones[row["field"], row["value"]] = values[row["value"]] = record[int(row["start"]) - 1 :][: int(row["length"])]
    out = []
    for row in rows_of(pack / f"{name}.csv"):
        width, kind = int(row["length"]), row["kind"]
        text = row["value"] if kind == "const" else ""
        if kind not in ("const", "filler"):
            # A zone that held something else there takes what its source gave elsewhere in the record.
            text = zones.get((row["field"], row["value"]), values.get(row["value"], ""))
        out.append(text.lstrip("0").rjust(width, "0") if kind in ("num", "amount") else text.rstrip(" ").ljust(width))
    assert sum(map(len, out)) == 128
    return "".join(out)


def all_again(data: bytes, pack: Path) -> bytes:
    """Lay every record of a run out as another pack says."""
    return "".join(again(line, pack) + "\n" for line in data.decode("ascii").splitlines()).encode("ascii")


def program(*arguments: str | Path, pack: Path | None = None, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `desmos-fast` in a process of its own, with another pack if one is given."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"DESMOS_LAYOUTS": str(pack)} if pack else {})
    command = [sys.executable, "-m", "desmos_fast.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, env=env, capture_output=True, timeout=100)
