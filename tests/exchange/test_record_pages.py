# SPDX-License-Identifier: Apache-2.0
"""The reference pages of records: what is committed is what the tables give, nothing official is claimed, nobody is in them."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.cli import app
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.pages import Example, pages, type_of
from tests.exchange.packs import ROOT, SHIPPED, new_pack, program, put, rows_of

PAGES = ROOT / "docs/reference/records"


def layouts(*arguments: str | Path) -> dict[str, object]:
    result = CliRunner().invoke(app, ["layouts", "--json", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.stdout)
    return told


def test_the_committed_pages_are_what_make_docs_writes(tmp_path: Path) -> None:
    shown = subprocess.run(["make", "-s", "--eval", "shown: ; @echo $(EXAMPLES)", "shown"], cwd=ROOT, capture_output=True, check=True)
    command = [sys.executable, "-m", "desmos_fast.cli", "layouts", "--pages", str(tmp_path)]
    for path in shlex.split(shown.stdout.decode()):
        command += ["--examples", path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert set(made) == {f"{name}.md" for name in load_pack().tables} | {"index.md"}
    assert {path.name: path.read_text(encoding="utf-8") for path in PAGES.iterdir()} == made


@pytest.mark.parametrize("name", sorted(load_pack().tables))
def test_each_page_tells_every_zone_and_takes_a_record_apart(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    rows = rows_of(SHIPPED / f"{name}.csv")
    assert "**Test profile** `essai-1`" in page
    assert ("**provisional**" in page) == (rows[0]["source_note"] == "provisional")
    assert ("`B2_UNSUPPORTED_RECORD`" in page) == any("kept for later" in row["source_note"] for row in rows)
    told, apart = page.split("## A record taken apart")
    zones = re.findall(r"(?m)^\| ([0-9-]+) \| (\d+) \| `(\w+)` \| (\w+) \|", told)
    ends = [(int(row["start"]), int(row["start"]) + int(row["length"]) - 1) for row in rows]
    places = [str(first) if first == last else f"{first}-{last}" for first, last in ends]
    assert zones == [(place, row["length"], row["field"], row["kind"]) for place, row in zip(places, rows, strict=True)]
    record = apart.split("```")[1].split("\n")[3]
    assert len(record) == 128
    assert re.findall(r"(?m)^\| `(\w+)` \| [0-9-]+ \| `([^`]*)` \|", apart) == [
        (row["field"], record[first - 1 : last]) for row, (first, last) in zip(rows, ends, strict=True) if row["kind"] != "filler"
    ]


def test_the_only_nir_of_the_pages_is_nobodys() -> None:
    for path in PAGES.iterdir():
        text = path.read_text(encoding="utf-8")
        for found in re.findall(r"`([12]\d{12})`", text):
            assert found[5:10] == "99999", path.name
        others = text.replace("2550899999012", "")
        assert mask_nir(others) == others, path.name


def test_another_pack_has_its_own_pages_and_its_own_words(tmp_path: Path) -> None:
    pack = new_pack(tmp_path)
    put(pack / "pack.csv", "status", value="licensed")
    put(pack / "2S.csv", "payee", value="07", source_note="contract 12 | page 3")
    run = program("layouts", "--pages", tmp_path / "pages", "--json", pack=pack)
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout)["folder"] == str(pack)
    page = (tmp_path / "pages" / "2S.md").read_text(encoding="utf-8")
    assert "Pack `autre-2`: licensed." in page and "est profile" not in page
    assert "| 48-49 | 2 | `payee` | const |  | always `07` | contract 12 \\| page 3 |  |" in page
    assert "taken apart" not in page


def test_the_command_tells_the_pack() -> None:
    told = layouts()
    assert (told["id"], told["name"], told["version"], told["status"]) == ("essai-1", "ESSAI", "01", "test profile")
    assert told["later"] == ["3", "3E", "3F", "3H", "3S", "4B", "4H"] and len(told["records"]) == 17  # type: ignore[arg-type]
    shown = CliRunner().invoke(app, ["layouts"]).stdout
    assert re.search(r"(?m)^status +test profile$", shown) and re.search(r"(?m)^valid_to$", shown)


def test_examples_without_pages_are_a_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["layouts", "--examples", "x.b2"]).exit_code == 2


def test_records_are_told_by_their_table_and_the_fullest_is_shown() -> None:
    pack = load_pack()
    lines = [line for path in sorted((ROOT / "tests/golden/records").glob("*.b2")) for line in path.read_text().splitlines()]
    assert [table.record_type for line in lines if (table := type_of(pack, line))] == ["3", "3E", "3F", "3H", "3S", "4B", "4H"]
    assert type_of(pack, "X" * 128) is None
    poor, rich = f"{'R3F+000000000':128}", f"{'R3F+000000012000000007AIDE':128}"
    page = pages(pack, [Example("poor", poor), Example("rich", rich), Example("strange", "X" * 128)])["R3.md"]
    assert rich in page and poor not in page
