# SPDX-License-Identifier: Apache-2.0
"""`desmos-fast tariffs`: the pack in use, its rows of a day, and whether a folder holds a sound one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.nomenclature.tables import TABLES
from desmos_fast.nomenclature.tariffs import DEFAULT_PACK, read_tariffs
from tests.nomenclature.packs import SHIPPED, small, with_line


def tariffs(*arguments: str | Path, pack: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "DESMOS_TARIFFS"}
    if pack is not None:
        env["DESMOS_TARIFFS"] = str(pack)
    command = [sys.executable, "-m", "desmos_fast.cli", "tariffs", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def told(*arguments: str | Path, pack: Path | None = None) -> Any:
    run = tariffs(*arguments, "--json", pack=pack)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_it_tells_the_pack_and_every_row_of_today_by_its_number() -> None:
    shown, pack = told(), read_tariffs(SHIPPED)
    assert (shown["name"], shown["folder"], shown["rows"], shown["warnings"]) == (DEFAULT_PACK, str(SHIPPED), len(pack.rows), [])
    assert list(shown["tables"]) == [table.name for table in TABLES] and all(shown["tables"].values())
    for name, rows in shown["tables"].items():
        for row in rows:
            kept = pack.rows[row["row"] - 1]
            assert (pack.table_of(row["row"]), str(kept.since), kept.source) == (name, row["since"], row["source"])


@pytest.mark.parametrize(("day", "price"), [("2024-12-21", 2650), ("2024-12-22", 3000)])
def test_it_shows_the_rows_of_a_day(day: str, price: int) -> None:
    shown = told("--on", day, "--table", "prices")
    assert shown["on"] == day and list(shown["tables"]) == ["prices"]
    assert [row["unit_price"] for row in shown["tables"]["prices"] if row["code"] == "G"] == [price]


def test_it_shows_columns_to_people() -> None:
    lines = tariffs("--on", "2026-03-10", "--table", "contracts").stdout.splitlines()
    assert "contracts on 2026-03-10: 5 in force" in lines
    assert lines[-6].split() == [
        "row", "number", "contract_type", "kind", "responsible", "tm_percent", "forfait", "basket", "excess_percent", "excess_ceiling",
        "since", "until", "confidence", "source",
    ]  # fmt: skip
    assert lines[-1].split()[1:8] == ["0075500017", "*", "ame", "no", "100", "yes", "no"]


def test_before_the_pack_nothing_is_in_force() -> None:
    assert tariffs("--on", "2000-01-01", "--table", "acts").stdout.endswith("acts on 2000-01-01: 0 in force\n")


def test_the_setting_chooses_the_pack_and_its_gaps_are_told(tmp_path: Path) -> None:
    pack = small(tmp_path, exemptions="Z,full,essai,2020-01-01,2020-12-31,L,test\nZ,full,essai,2021-02-01,,L,test")
    gap = "exemptions.csv, Z: no row from 2021-01-01 to 2021-01-31"
    assert told(pack=pack)["warnings"] == [gap] and f"warning   {gap}" in tariffs(pack=pack).stdout.splitlines()


def test_a_folder_is_checked_without_being_used(tmp_path: Path) -> None:
    pack = small(tmp_path, prices="G,,3300,2027-01-01,,M,a rise")
    shown = told("--check", pack)
    assert (shown["name"], shown["folder"], "tables" in shown) == ("centre-1", str(pack), False)
    assert "in force" not in tariffs("--check", pack).stdout


def test_a_folder_that_is_not_sound_is_refused_with_all_its_faults(tmp_path: Path) -> None:
    pack = with_line(tmp_path, "prices.csv", "G,,3100,2026-01-01,,H,x\nABC,,x,2026-01-01,,H,x")
    for run in (tariffs("--check", pack), tariffs(pack=pack)):
        assert (run.returncode, run.stdout) == (1, "")
        assert "line 4 is in force too; end the earlier one" in run.stderr and "ABC: unit_price is 'x'" in run.stderr


@pytest.mark.parametrize("arguments", [("--table", "price"), ("--check", "x", "--table", "prices"), ("--check", "x", "--on", "2026-01-01")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert tariffs(*arguments).returncode == 2
