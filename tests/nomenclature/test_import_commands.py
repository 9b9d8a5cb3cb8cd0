# SPDX-License-Identifier: Apache-2.0
"""The commands of national tables and tariff packs as an operator runs them: what they print, and how they exit."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.db.databases import Place
from tests.db.places import ROOT, ask
from tests.nomenclature.packs import small, with_line

SAMPLE: Final = Path(__file__).parent / "national"
NOBODY: Final = "postgresql://desmos_app@127.0.0.1:1/desmos"


def environment(place: Place, tmp_path: Path, **changes: str) -> dict[str, str]:
    settings = {"DESMOS_DSN": place.app_dsn, "DESMOS_OWNER_DSN": place.owner_dsn, "DESMOS_DATA_DIR": str(tmp_path / "data")}
    return {**os.environ, **settings, **changes}


def run(place: Place, tmp_path: Path, *arguments: object, **changes: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "desmos_fast.cli", *map(str, arguments)]
    env = environment(place, tmp_path, **changes)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, cwd=ROOT)


def faults(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the sample: a test may damage it."""
    return shutil.copytree(SAMPLE, tmp_path / "national")


def test_a_folder_is_imported_then_shown(place: Place, tmp_path: Path, folder: Path) -> None:
    done = run(place, tmp_path, "import", "nomenclature", folder, "--on", "2026-01-01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "IR_ASU        3 codes from 2026-01-01 on: 3 added, 0 changed, 0 ended  (IR_ASU_V.csv)",
        "IR_CCAM       3 codes from 2026-01-01 on: 3 added, 0 changed, 0 ended  (IR_CCAM_V99.csv)",
        "IR_NAT        4 codes from 2026-01-01 on: 4 added, 0 changed, 0 ended  (IR_NAT_V.csv)",
        "IR_ORG        2 codes from 2026-01-01 on: 2 added, 0 changed, 0 ended  (IR_ORG_V.csv)",
        "IR_RGM        3 codes from 2026-01-01 on: 3 added, 0 changed, 0 ended  (IR_RGM_V.csv)",
    ]
    again = run(place, tmp_path, "import", "nomenclature", folder, "--on", "2026-02-01")
    assert again.returncode == 0
    assert "IR_NAT        4 codes, unchanged since 2026-01-01  (IR_NAT_V.csv)" in again.stdout.splitlines()
    assert run(place, tmp_path, "nomenclature", "show").stdout.splitlines()[2] == (
        "IR_NAT        4 codes from 2026-01-01 on  (IR_NAT_V.csv, import 1)"
    )
    assert run(place, tmp_path, "nomenclature", "show", "IR_CCAM").stdout.splitlines() == [
        "ZZQZ001      Examen inventé d'un œil, sans enregistrement",
        "ZZQZ002      Avulsion inventée de 2 dents",
        'ZZQZ003      Résection "en bloc" inventée, en deux lignes',
    ]
    assert run(place, tmp_path, "nomenclature", "show", "IR_ASU", "11").stdout.splitlines() == [
        '11  "NATURE INVENTEE > 6 MOIS"', "  from 2026-01-01 on, import 1", "  ASU_NAT_CB2      C6", "  ASU_GES_TYP      M",
        "  TEC_COL          0",
    ]  # fmt: skip


def test_the_report_of_a_newer_file_names_what_changed(place: Place, tmp_path: Path, folder: Path) -> None:
    file = folder / "IR_RGM_V.csv"
    assert run(place, tmp_path, "import", "nomenclature", file, "--on", "2026-01-01").returncode == 0
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("RAIL", "CHEMIN DE FER").replace("2;1;", "2;2;"), encoding="utf-8")
    shown = run(place, tmp_path, "import", "nomenclature", file, "--on", "2026-02-01", "--json")
    assert shown.returncode == 0
    [report] = json.loads(shown.stdout)["tables"]
    assert len(report.pop("sha256")) == 64
    assert report == {
        "table": "IR_RGM", "file": "IR_RGM_V.csv", "codes": 3, "since": "2026-02-01", "outcome": "imported", "added": 1, "changed": 1,
        "ended": 1, "first": {"added": ["2/2"], "changed": ["4/676"], "ended": ["2/1"]},
    }  # fmt: skip
    file.write_text(text, encoding="utf-8")
    told = run(place, tmp_path, "import", "nomenclature", file, "--on", "2026-03-01").stdout.splitlines()
    assert told == [
        "IR_RGM        3 codes from 2026-03-01 on: 1 added, 1 changed, 1 ended  (IR_RGM_V.csv)",
        "         added: 2/1", "         changed: 4/676", "         ended: 2/2",
    ]  # fmt: skip
    held = run(place, tmp_path, "nomenclature", "show", "IR_RGM", "4/676", "--on", "2026-02-28", "--json")
    assert json.loads(held.stdout) == {
        "table": "IR_RGM", "on": "2026-02-28",
        "rows": [{
            "code": "4/676", "since": "2026-02-01", "until": "2026-02-28", "label": "REGIME INVENTE DU CHEMIN DE FER",
            "data": {"TOP_CPI": "0", "TEC_COL": "0"}, "number": 2,
        }],
    }  # fmt: skip


def test_a_faulty_file_is_refused_and_the_others_are_imported(place: Place, tmp_path: Path, folder: Path) -> None:
    with (folder / "IR_NAT_V.csv").open("a", encoding="utf-8") as file:
        file.write("9004;trop;peu\n")
    (folder / "IR_NEU_V.csv").write_text("A;B\n", encoding="utf-8")
    done = run(place, tmp_path, "import", "nomenclature", folder, "--json")
    assert done.returncode == 1
    assert [(fault["code"], fault["file"], fault.get("line"), fault.get("value")) for fault in faults(done)] == [
        ("nomenclature_columns", "IR_NAT_V.csv", 6, 3), ("nomenclature_unknown_file", "IR_NEU_V.csv", None, None),
    ]  # fmt: skip
    summary = json.loads(done.stdout)
    assert [report["table"] for report in summary["tables"]] == ["IR_ASU", "IR_CCAM", "IR_ORG", "IR_RGM"]
    assert summary["refused"] == {"IR_NAT_V.csv": 1, "IR_NEU_V.csv": 1}
    absent = run(place, tmp_path, "nomenclature", "show", "IR_NAT")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "nothing of IR_NAT holds" in absent.stderr
    assert "IR_NAT_V.csv: refused, 1 fault\n" in run(place, tmp_path, "import", "nomenclature", folder).stdout


@pytest.mark.parametrize("late", [False, True], ids=["when it is read", "when it is imported"])
def test_strict_imports_all_or_none(place: Place, tmp_path: Path, folder: Path, late: bool) -> None:
    if late:
        # The last of the files was imported from a later day on, which is seen when the others are in the database.
        assert run(place, tmp_path, "import", "nomenclature", folder / "IR_RGM_V.csv", "--on", "2026-06-01").returncode == 0
        with (folder / "IR_RGM_V.csv").open("a", encoding="utf-8") as file:
            file.write("4;677;AUTRE;;0;0\n")
    else:
        (folder / "IR_RGM_V.csv").write_text("", encoding="utf-8")
    done = run(place, tmp_path, "import", "nomenclature", folder, "--strict", "--on", "2026-01-01", "--json")
    assert (done.returncode, json.loads(done.stdout)["tables"]) == (1, [])
    assert [fault["code"] for fault in faults(done)] == ["nomenclature_too_early" if late else "nomenclature_header"]
    assert ask(place.admin_dsn, "SELECT count(*) FROM nomenclature_import WHERE nomenclature <> 'IR_RGM'") == 0
    assert ask(place.admin_dsn, "SELECT count(*) FROM nomenclature_code WHERE nomenclature <> 'IR_RGM'") == 0


def test_wrong_usage_and_a_database_that_is_away(place: Place, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert run(place, tmp_path, "import", "nomenclature", tmp_path / "absent.csv").returncode == 2
    assert run(place, tmp_path, "import", "nomenclature", tmp_path / "nothing").returncode == 2
    assert run(place, tmp_path, "import", "nomenclature", folder, "--on", "01/02/2026").returncode == 2
    away = run(place, tmp_path, "import", "nomenclature", folder, DESMOS_DSN=NOBODY, DESMOS_OWNER_DSN=NOBODY)
    assert (away.returncode, away.stdout) == (3, "")
    assert "Traceback" not in away.stderr


def test_a_bar_is_shown_on_a_terminal_alone(place: Place, tmp_path: Path, folder: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "desmos_fast.cli", "import", "nomenclature", str(folder)]
    with subprocess.Popen(command, env=environment(place, tmp_path), stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += (part := os.read(ours, 65_536))
            except OSError:
                break
            if not part:
                break
        assert process.stdout is not None
        told = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert b"Nomenclature" in shown
    assert b"\x1b" not in told and told.count(b"\n") == 5


def test_a_tariff_pack_is_imported_once(place: Place, tmp_path: Path) -> None:
    pack = small(tmp_path, prices="G,,3100,2027-01-01,,L,a price to come")
    first, second = (run(place, tmp_path, "import", "tariffs", pack, "--json") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    one, two = json.loads(first.stdout), json.loads(second.stdout)
    assert (one["name"], one["version"], one["number"], one["outcome"]) == ("centre-1", "7", 1, "imported")
    assert two == one | {"outcome": "unchanged"}
    assert ask(place.admin_dsn, "SELECT count(*) FROM tariff_pack") == 1
    text = run(place, tmp_path, "import", "tariffs", pack)
    assert text.stdout == "centre-1 7, pack 1: unchanged\n"


def test_an_unsound_tariff_pack_is_told_line_by_line_and_not_kept(place: Place, tmp_path: Path) -> None:
    pack = with_line(tmp_path, "rates.csv", "doctor,10,no,170,2030-01-01,,H,more than everything")
    done = run(place, tmp_path, "import", "tariffs", pack)
    assert (done.returncode, done.stdout) == (1, "")
    told = faults(done)
    assert told and {fault["code"] for fault in told} == {"tariffs_invalid"}
    line = len((pack / "rates.csv").read_text(encoding="utf-8").splitlines())
    assert (told[0]["file"], told[0]["line"]) == ("copie-1/rates.csv", line)
    assert re.search("170", told[0]["message"])
    assert ask(place.admin_dsn, "SELECT count(*) FROM tariff_pack") == 0


def test_a_service_that_cannot_read_its_tariffs_says_so_when_it_starts(place: Place, tmp_path: Path) -> None:
    ask(
        place.owner_dsn,
        "INSERT INTO tariff_pack (number, name, version, sha256, files) VALUES (1, 'centre-1', '7', decode(repeat('00', 32), 'hex'), '{}')",
        "SELECT 1",
    )
    done = run(place, tmp_path, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the tariff pack centre-1 " in done.stderr
