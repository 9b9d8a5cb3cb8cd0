# SPDX-License-Identifier: Apache-2.0
"""`fse check` and `fse decode` as a user runs them."""

import contextlib
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
from tests.exchange.files import ANSWERS, BAD, FILES, GOLDEN, RUNS, expected, name, run

ROOT = Path(__file__).parents[2]


def fse(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["fse", *map(str, arguments)], input=stdin)


def faults_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


@pytest.mark.parametrize("path", [*RUNS, *FILES], ids=name)
def test_sound_claims_have_nothing_to_say(path: Path) -> None:
    result = fse("check", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("command", ["check", "decode"])
@pytest.mark.parametrize("path", BAD, ids=name)
def test_bad_claims_give_their_fault_first_and_nothing_else(command: str, path: Path) -> None:
    result = fse(command, path)
    first = faults_of(result)[0]
    assert (result.exit_code, result.stdout) == (1, "")
    assert {key: first.get(key) for key in expected(path)} == expected(path)
    assert set(first) <= {"code", "message", "record", "offset", "record_type", "field", "value"}


@pytest.mark.parametrize("path", [*RUNS, *FILES], ids=name)
def test_decode_writes_the_golden_invoices(tmp_path: Path, path: Path) -> None:
    result = fse("decode", path, "-o", tmp_path / "out.ndjson")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    wanted = path.with_suffix(".decoded.ndjson").read_bytes().splitlines()
    assert [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()] == [json.loads(line) for line in wanted]
    assert [item.name for item in tmp_path.iterdir()] == ["out.ndjson"]


def test_decode_reads_and_writes_pipes_and_sums_up_on_standard_error() -> None:
    result = fse("decode", "-", "--json", stdin=run(4).replace(b"\n", b"\r\n"))
    assert result.exit_code == 0
    assert [json.loads(line)["number"] for line in result.stdout.splitlines()] == [4, 5]
    assert json.loads(result.stderr) == {"kind": "bare", "records": 12, "lots": 0, "claims": 2, "invoices": 2, "faults": 0}


def test_check_sums_up_on_standard_output() -> None:
    result = fse("check", GOLDEN / "bad" / "b23_free_but_paid.b2", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"kind": "bare", "records": 16, "lots": 0, "claims": 2, "invoices": 2, "faults": 2}
    assert len(faults_of(result)) == 2


def test_a_faulty_input_leaves_the_former_output(tmp_path: Path) -> None:
    (tmp_path / "out.ndjson").write_bytes(b"former\n")
    assert fse("decode", BAD[0], "-o", tmp_path / "out.ndjson").exit_code == 1
    assert (tmp_path / "out.ndjson").read_bytes() == b"former\n"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("command", ["check", "decode"])
@pytest.mark.parametrize("path", ANSWERS, ids=name)
def test_a_sound_answer_is_of_another_kind(command: str, path: Path) -> None:
    result = fse(command, path)
    assert (result.exit_code, result.stdout, [fault["code"] for fault in faults_of(result)]) == (1, "", ["B2_WRONG_KIND"])


@pytest.mark.parametrize("command", ["check", "decode"])
def test_an_empty_input_is_no_invoice(command: str) -> None:
    result = fse(command, "-", stdin=b"")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("command", ["check", "decode"])
def test_an_input_that_is_not_there_is_wrong_usage(command: str, tmp_path: Path) -> None:
    assert fse(command, tmp_path / "none.b2").exit_code == 2
    assert fse(command, tmp_path).exit_code == 2


def test_the_program_prints_no_nir_and_no_traceback() -> None:
    spoilt = run(1)[:24] + b"99" + run(1)[26:]
    ran = subprocess.run(
        [sys.executable, "-m", "desmos_fast.cli", "fse", "check", "-"], input=spoilt, capture_output=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 1
    assert json.loads(ran.stderr.splitlines()[0])["code"] == "B2_NIR_KEY"
    assert b"2550814168025" not in ran.stderr + ran.stdout
    assert b"Traceback" not in ran.stderr


def on_a_terminal(*arguments: str) -> tuple[int, bytes]:
    """Run with a terminal as standard error, and return what it showed."""
    ours, theirs = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "desmos_fast.cli", *arguments], stderr=theirs, stdout=subprocess.DEVNULL, cwd=ROOT, check=False
    )
    os.close(theirs)
    shown = b""
    # Linux ends a terminal whose other side is closed with an error, not with an empty read.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    return ran.returncode, shown


def test_a_bar_is_shown_on_a_terminal_alone() -> None:
    status, shown = on_a_terminal("fse", "decode", str(FILES[0]))
    assert status == 0
    assert b"decode" in shown
    assert fse("decode", FILES[0]).stderr == ""
