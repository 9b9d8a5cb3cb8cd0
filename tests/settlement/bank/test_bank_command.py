# SPDX-License-Identifier: Apache-2.0
import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from desmos_fast.cli import app
from desmos_fast.settlement.bank.mapping import MappingInvalid
from tests.generators.camt import Message
from tests.settlement.statements import detail, joined, movement, statement

RUNNER = CliRunner()
MAPPING = """account = "FR7630006000011234567890189"
[columns]
booking_date = "Date"
label = "Libellé"
amount = "Montant"
"""
CSV = "Date;Libellé;Montant\n02/10/2026;VIR CPAM 262750001234;1 669,56\n03/10/2026;FRAIS;-22,79\n"


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


@pytest.mark.parametrize("given", ["path", "-"])
@pytest.mark.parametrize("name", ["cfonb120", "camt", "csv"])
def test_every_format_is_told_from_its_first_bytes_or_its_mapping(name: str, given: str, tmp_path: Path) -> None:
    source, mapping = tmp_path / "statement", tmp_path / "bank.toml"
    mapping.write_text(MAPPING)
    data = {"cfonb120": joined(*statement(movement(166956))), "camt": Message().bytes(), "csv": CSV.encode()}[name]
    source.write_bytes(data)
    options = ["--mapping", str(mapping)] if name == "csv" else []
    run = RUNNER.invoke(app, ["bank", "parse", given if given == "-" else str(source), *options], input=data)
    assert run.exit_code == 0, run.output
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["amount"] for line in lines] == ([166956, -2279] if name == "csv" else [166956])


def test_a_format_that_is_named_is_taken_at_its_word(tmp_path: Path) -> None:
    run = RUNNER.invoke(app, ["bank", "parse", "-", "--format", "camt"], input=joined(*statement()))
    assert (run.exit_code, json.loads(run.stderr)["code"]) == (1, "BANK_XML")


def test_a_fault_at_the_end_writes_nothing_to_a_pipe_either() -> None:
    records = statement(*[movement(1)] * 5000)
    run = RUNNER.invoke(app, ["bank", "parse", "-"], input=joined(*records[:-1]))
    assert (run.exit_code, run.stdout) == (1, "")


def test_warnings_beyond_those_kept_are_counted() -> None:
    run = RUNNER.invoke(app, ["bank", "parse", "-", "--json"], input=joined(*statement(*[movement(1, operation="Z9")] * 1100)))
    assert "100 more warnings are not shown" in run.stderr and '"warnings":1100' in run.stderr


def test_a_mapping_is_checked_against_a_file(tmp_path: Path) -> None:
    source, mapping = tmp_path / "bank.csv", tmp_path / "bank.toml"
    source.write_text(CSV + "04/10/2026;VIR 1 85 07 99999 001 53 185079999900153;1,00\n")
    mapping.write_text(MAPPING)
    run = RUNNER.invoke(app, ["bank", "mapping", "check", str(source), "--mapping", str(mapping)])
    assert run.exit_code == 0
    assert run.stdout.splitlines()[:2] == [
        "row 2: 2026-10-02 1669.56 EUR FR7630006000011234567890189  VIR CPAM 262750001234",
        "    references: 262750001234",
    ]
    assert run.stdout.splitlines()[-2:] == ["credits 1670.56 EUR, debits -22.79 EUR", "3 lines"]
    assert "185079999900153" not in run.output
    source.write_text(CSV + "demain;X;1\n")
    run = RUNNER.invoke(app, ["bank", "mapping", "check", str(source), "--mapping", str(mapping)])
    assert (run.exit_code, json.loads(run.stderr)["code"], run.stdout.splitlines()[-1]) == (1, "BANK_BAD_DATE", "0 lines")


def test_a_mapping_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    mapping = tmp_path / "bank.toml"
    mapping.write_text("columns = 1")
    run = RUNNER.invoke(app, ["bank", "parse", "-", "--mapping", str(mapping)], input=CSV)
    assert run.exit_code == 1 and isinstance(run.exception, MappingInvalid)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(b"0130002", mtime=0), "gzip"), (b"PK\x03\x04" + bytes(200), "ZIP"), (b"\xd0\xcf\x11\xe0" + bytes(200), "workbook"),
        (b"%PDF-1.7\n;;;\n", "PDF"),
    ],
)  # fmt: skip
def test_what_is_sent_in_the_place_of_a_statement_is_named(data: bytes, what: str) -> None:
    run = RUNNER.invoke(app, ["bank", "parse", "-"], input=data)
    fault = json.loads(run.stderr)
    assert (run.exit_code, fault["code"]) == (1, "BANK_UNKNOWN_RECORD") and what in fault["message"]
