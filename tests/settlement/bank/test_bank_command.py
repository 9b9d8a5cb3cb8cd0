# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

from typer.testing import CliRunner

from desmos_fast.cli import app
from tests.settlement.statements import detail, joined, movement, statement

RUNNER = CliRunner()


def test_a_statement_goes_to_a_file_with_its_warnings_on_standard_error(tmp_path: Path) -> None:
    source, target = tmp_path / "bank.cfonb", tmp_path / "bank.ndjson"
    source.write_bytes(joined(*statement(movement(166956), detail("AAA", "text"))))
    result = RUNNER.invoke(app, ["bank", "parse", str(source), "-o", str(target), "--json"])
    assert result.exit_code == 0
    assert [json.loads(line)["amount"] for line in target.read_text().splitlines()] == [166956]
    assert json.loads(result.stderr)["level"] == "warning"
    assert json.loads(result.stdout)["lines"] == 1


def test_a_faulty_statement_writes_nothing_and_exits_1(tmp_path: Path) -> None:
    target = tmp_path / "bank.ndjson"
    target.write_text("before")
    data = joined(*statement(movement(1))[:-1])
    result = RUNNER.invoke(app, ["bank", "parse", "-", "-o", str(target)], input=data)
    assert result.exit_code == 1
    assert json.loads(result.stderr)["code"] == "BANK_NO_CLOSING"
    assert target.read_text() == "before"


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["bank", "parse", str(tmp_path / "none")]).exit_code == 2
