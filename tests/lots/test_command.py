# SPDX-License-Identifier: Apache-2.0
import errno
import gzip
import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desmos_fast.cli import app
from tests.lots.claims import FILES

NAMES = {"file1": "750000010-000001.b2", "file2": "2A0002689-001234.b2"}
ROOT = Path(__file__).parents[2]


def build(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["lots", "build", *map(str, arguments)], input=stdin)


def build_golden(name: str, out: Path, *more: str) -> Result:
    return build(FILES / f"{name}.ndjson", "--settings", FILES / f"{name}.settings.json", "--out", out, *more)


def faults_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


def test_a_terminal_is_told_that_work_goes_on(tmp_path: Path) -> None:
    settings, invoices = FILES / "file1.settings.json", FILES / "file1.ndjson"
    command = [sys.executable, "-m", "desmos_fast.cli", "lots", "build", str(invoices), "--settings", str(settings), "--out", str(tmp_path)]
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(command, cwd=ROOT, timeout=60, stdout=subprocess.PIPE, stderr=theirs)
        shown = os.read(ours, 65536)
    finally:
        os.close(theirs)
        os.close(ours)
    assert (result.returncode, result.stdout, b"Lots" in shown) == (0, b"", True)


@pytest.mark.parametrize("name", ["file1", "file2"])
def test_golden_files_are_written_byte_for_byte(tmp_path: Path, name: str) -> None:
    result = build_golden(name, tmp_path / "new" / "folder")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {NAMES[name], "summary.json"}
    assert (tmp_path / "new" / "folder" / NAMES[name]).read_bytes() == (FILES / f"{name}.b2").read_bytes()


def test_the_summary_tells_each_lot(tmp_path: Path) -> None:
    result = build_golden("file1", tmp_path, "--json")
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert json.loads(result.stdout) == summary
    assert summary["file"] == NAMES["file1"]
    assert summary["sha256"] == hashlib.sha256((FILES / "file1.b2").read_bytes()).hexdigest()
    assert [summary[key] for key in ("profile", "biller", "sequence", "date")] == ["essai-1", "750000010", 1, "2026-11-21"]
    assert [summary[key] for key in ("records", "invoices", "fees", "amo", "amc")] == [47, 6, 65000, 17700, 44600]
    assert [summary[key] for key in ("next_sequence", "next_lot")] == [2, 5]
    assert [lot["invoice_numbers"] for lot in summary["lots"]] == [[304], [301, 302, 303], [303], [305]]
    assert [lot["first_records"][0] for lot in summary["lots"]] == [3, 11, 32, 40]
    assert summary["lots"][2] == {
        "number": 3, "flow": 2, "regime": "01", "caisse": "751", "centre": "0000", "amc_number": "0075912345", "security": "S",
        "recipient_organism": "751", "computing_centre": "016", "executor": None, "invoices": 1, "records": 8, "fees": 3000, "amo": 2100,
        "amc": 900, "insured_share": 900, "invoice_numbers": [303], "first_records": [32],
    }  # fmt: skip


def test_invoices_may_come_from_standard_input(tmp_path: Path) -> None:
    result = build("-", "--settings", FILES / "file2.settings.json", "--out", tmp_path, stdin=(FILES / "file2.ndjson").read_bytes())
    assert result.exit_code == 0
    assert (tmp_path / NAMES["file2"]).read_bytes() == (FILES / "file2.b2").read_bytes()


def test_a_quiet_day_makes_no_file_and_is_no_fault(tmp_path: Path) -> None:
    result = build("-", "--settings", FILES / "file2.settings.json", "--out", tmp_path, "--json", stdin=b"")
    assert result.exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json"}
    summary = json.loads(result.stdout)
    assert [summary[key] for key in ("file", "lots", "next_sequence", "next_lot")] == [None, [], 1234, 998]


def test_every_fault_is_told_by_line_and_nothing_is_written(tmp_path: Path) -> None:
    lines = (FILES / "file1.ndjson").read_bytes().splitlines()
    foreign = (FILES / "file2.ndjson").read_bytes().splitlines()[0]
    data = b"\n".join([lines[0], foreign, lines[1], b"{", lines[2]])
    result = build("-", "--settings", FILES / "file1.settings.json", "--out", tmp_path / "out", stdin=data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [(fault["code"], fault["line"]) for fault in faults_of(result)] == [("B2_BAD_VALUE", 2), ("B2_BAD_JSON", 4)]
    assert not (tmp_path / "out").exists()


WIRE = (FILES / "file1.ndjson").read_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(WIRE, mtime=0), "gzip"),
        (WIRE.decode().encode("utf-16"), "UTF-16 text"),
        (b"\xef\xbb\xbf" + WIRE, "text with a byte order mark"),
    ],
)
def test_what_is_no_text_gives_one_fault_that_says_so(tmp_path: Path, data: bytes, said: str) -> None:
    result = build("-", "--settings", FILES / "file1.settings.json", "--out", tmp_path / "out", stdin=data)
    (fault,) = faults_of(result)
    assert (result.exit_code, fault["code"], fault["line"]) == (1, "B2_BAD_JSON", 1)
    assert fault["message"].startswith(f"this looks like {said}, not like one JSON object a line: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"max_bytes_per_file": 131_071}, "B2_BAD_VALUE", "max_bytes_per_file"),
        ({"lots_by": ["colour"]}, "B2_BAD_VALUE", "lots_by[0]"),
        ({"first_lot": 0}, "B2_BAD_VALUE", "first_lot"),
        ({"sender_program": "TOO LONG"}, "B2_OVERFLOW", "sender_program"),
        ({"colour": "red"}, "B2_UNKNOWN_KEY", "colour"),
    ],
)
def test_settings_that_do_not_fit_are_faults(tmp_path: Path, change: dict[str, Any], code: str, field: str) -> None:
    chosen = tmp_path / "settings.json"
    chosen.write_text(json.dumps(json.loads((FILES / "file1.settings.json").read_bytes()) | change))
    result = build(FILES / "file1.ndjson", "--settings", chosen, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert [(fault["code"], fault["field"]) for fault in faults_of(result)] == [(code, field)]
    assert not (tmp_path / "out").exists()


def test_several_files_stand_beside_each_other(tmp_path: Path) -> None:
    chosen = tmp_path / "settings.json"
    chosen.write_text(json.dumps(json.loads((FILES / "file1.settings.json").read_bytes()) | {"max_lots_per_file": 3}))
    result = build(FILES / "file1.ndjson", "--settings", chosen, "--out", tmp_path / "out", "--json")
    names = ["750000010-000001.b2", "750000010-000002.b2"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*names, "summary.json"}
    summary = json.loads(result.stdout)
    assert [file["file"] for file in summary["files"]] == names
    assert [[lot["number"] for lot in file["lots"]] for file in summary["files"]] == [[1, 2, 3], [4]]
    for file in summary["files"]:
        assert file["sha256"] == hashlib.sha256((tmp_path / "out" / file["file"]).read_bytes()).hexdigest()
    # One record 000 and one record 999 more than when all is in one file.
    assert [summary[key] for key in ("records", "invoices", "fees", "amo", "amc")] == [49, 6, 65000, 17700, 44600]
    assert [summary[key] for key in ("next_sequence", "next_lot")] == [3, 5]


def test_lines_in_another_order_give_the_same_file(tmp_path: Path) -> None:
    lines = (FILES / "file1.ndjson").read_bytes().splitlines(keepends=True)
    result = build("-", "--settings", FILES / "file1.settings.json", "--out", tmp_path, stdin=b"".join(reversed(lines)))
    assert result.exit_code == 0
    assert (tmp_path / NAMES["file1"]).read_bytes() == (FILES / "file1.b2").read_bytes()


def test_wrong_usage_is_told_apart(tmp_path: Path) -> None:
    chosen = FILES / "file1.settings.json"
    assert build("-", "--settings", "-", "--out", tmp_path).exit_code == 2
    assert build(tmp_path / "missing", "--settings", chosen, "--out", tmp_path).exit_code == 2
    assert build(FILES / "file1.ndjson", "--settings", tmp_path / "missing", "--out", tmp_path).exit_code == 2
    assert build(FILES / "file1.ndjson", "--out", tmp_path).exit_code == 2
    assert build(FILES / "file1.ndjson", "--settings", chosen, "--out", chosen).exit_code == 2
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("failing", [1, 2])
def test_a_disk_that_fills_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    (tmp_path / NAMES["file1"]).write_bytes(b"former file")
    (tmp_path / "summary.json").write_bytes(b"former summary")
    real, calls = os.fsync, 0

    def full(number: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr(os, "fsync", full)
    result = build_golden("file1", tmp_path)
    assert result.exit_code != 0
    monkeypatch.undo()
    assert {path.name for path in tmp_path.iterdir()} == {NAMES["file1"], "summary.json"}
    assert (tmp_path / NAMES["file1"]).read_bytes() == b"former file"
    assert (tmp_path / "summary.json").read_bytes() == b"former summary"


def test_the_program_ends_with_the_right_status_and_no_traceback(tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_bytes(b"")
    for arguments, status in (
        ([FILES / "file1.ndjson", "--settings", FILES / "file1.settings.json", "--out", tmp_path / "out"], 0),
        ([FILES / "file1.ndjson", "--settings", FILES / "file1.ndjson", "--out", tmp_path / "out"], 1),
        ([FILES / "file1.ndjson", "--settings", FILES / "file1.settings.json", "--out", out / "under"], 2),
    ):
        command = [sys.executable, "-m", "desmos_fast.cli", "lots", "build", *map(str, arguments)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        assert (ended.returncode, b"Traceback" in ended.stderr) == (status, False)
