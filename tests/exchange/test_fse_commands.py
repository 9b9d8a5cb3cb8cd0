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

from desmos_fast.base.errors import OutsideFailed
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


@pytest.mark.parametrize("command", ["check", "decode"])
def test_how_many_faults_are_shown_is_a_setting(command: str) -> None:
    spoilt = run(1).replace(b"2550814168025", b"2550814168026")
    result = fse(command, "-", "--max-faults", "3", "--json", stdin=spoilt * 50 + run(1) * 50)
    assert result.exit_code == 1
    *faults, more = faults_of(result) if command == "check" else faults_of(result)[:-1]
    summed = json.loads(result.stdout if command == "check" else result.stderr.splitlines()[-1])
    assert len(faults) == more["shown"] == 6
    assert more["found"] == summed["faults"] == 99
    assert "--max-faults" in more["hint"]
    assert [fault["code"] for fault in faults] == ["B2_NIR_KEY"] * 3 + ["B2_DUPLICATE_NUMBER"] * 3
    for wrong in ("0", "1000001"):
        assert fse(command, "-", "--max-faults", wrong, stdin=b"").exit_code == 2


def test_a_file_that_changes_between_check_and_decode_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from desmos_fast.billing.reading import codec

    claims, again = tmp_path / "claims.b2", codec.blocks_again
    claims.write_bytes(run(1))

    def blocks_again(*arguments: Any, **options: Any) -> Any:
        claims.write_bytes(run(1) * 2)
        return again(*arguments, **options)

    monkeypatch.setattr(codec, "blocks_again", blocks_again)
    result = fse("decode", claims, "-o", tmp_path / "out.ndjson")
    assert isinstance(result.exception, OutsideFailed)
    assert "changed" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["claims.b2"]


def test_an_input_that_fails_while_it_is_read_is_no_fault_of_the_output(tmp_path: Path) -> None:
    """/proc/self/mem may be opened, and its first page cannot be read."""
    for arguments in (("check", "/proc/self/mem"), ("decode", "/proc/self/mem", "-o", tmp_path / "out.ndjson")):
        result = fse(*arguments)
        assert isinstance(result.exception, OutsideFailed)
        assert "cannot read the input" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
