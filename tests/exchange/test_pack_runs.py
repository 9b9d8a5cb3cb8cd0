# SPDX-License-Identifier: Apache-2.0
"""Another layout pack through its setting, in processes of their own: every byte that changes is one that its tables change."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.packs import ROOT, all_again, edit, lay_out, new_pack, program, put

GOLDEN = ROOT / "tests/golden"
FILES = GOLDEN / "files"
CASES = ("02_dental_ccam", "11_accents", "12_maximum_widths", "18_ccam_detail", "19_prescriber_kinds")


def moved(pack: Path) -> None:
    """Put the amounts of an act, and what an R1 says, in another order."""
    lay_out(pack, "4", "amc", "fees", "base", "rate", "amo")
    lay_out(pack, "1", "lot_date", "flow", "security_mode")
    lay_out(pack, "R1", "part", "claimed", "care_date", "outcome")


def widened(pack: Path) -> None:
    """Widen whatever may have any width, as far as the blanks of its table allow."""
    lay_out(pack, "2S", referring_last_name=27, referring_first_name=17, filler_122=3)
    lay_out(pack, "4", fees=8, filler_11=0)
    more = {"ccam_code": 14, "extension": 2, "activity": 2, "phase": 2, "association": 2, "conditional": 2, "supplement": 2}
    lay_out(pack, "4M", **more, filler_108=14)
    lay_out(pack, "5", line_count=4, total_fees=9, total_amo=9, total_insured_share=9, total_amc=9, filler_98=12)
    lay_out(pack, "6", invoice_count=4, record_count=9, filler_73=54)
    programs = {"sender_type": 3, "sender_program": 7, "recipient_type": 3, "recipient_program": 7}
    lay_out(pack, "000", **programs, file_sequence=7, filler_73=51)
    lay_out(pack, "999", **programs, record_count=9, lot_count=4, invoice_count=7, filler_101=21)
    lay_out(pack, "A1", file_sequence=7, error_code=5, record_at_fault=9, label=61, filler_100=25)
    lay_out(pack, "P1", payment_reference=21, total=11, record_count=7, filler_65=61)
    lay_out(pack, "P9", total=11, record_count=7, filler_20=107)
    lay_out(pack, "R1", claimed=10, paid=10, reject_code=8, filler_73=53)
    lay_out(pack, "R2", act_line=4, code=8, faulty_value=21, replacement_value=21, label=41, filler_102=22)
    lay_out(pack, "R3", amount=10, label=41, filler_63=64)


def other_constants(pack: Path) -> None:
    put(pack / "2S.csv", "payee", value="01")
    put(pack / "4S.csv", "activity_domain", kind="const", value="7")
    put(pack / "A1.csv", "filler_100", kind="const", value="FIN")


CHANGES = (moved, widened, other_constants)


@pytest.fixture(params=CHANGES, ids=lambda change: change.__name__)
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a pack with another id, name and version, and a change in its tables."""
    made = new_pack(tmp_path)
    request.param(made)
    return made


def objects(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def first_fault(run: "subprocess.CompletedProcess[bytes]") -> dict[str, Any]:
    assert run.returncode == 1
    fault: dict[str, Any] = json.loads(run.stderr.splitlines()[0])
    return fault


def test_claims_are_written_and_read_as_the_pack_says(pack: Path) -> None:
    given = b"".join((GOLDEN / f"{case}.ndjson").read_bytes() for case in CASES)
    told = b"".join((GOLDEN / f"{case}.decoded.ndjson").read_bytes() for case in CASES)
    wanted = all_again(b"".join((GOLDEN / f"{case}.b2").read_bytes() for case in CASES), pack)
    encoded = program("fse", "encode", "-", pack=pack, stdin=given)
    assert (encoded.returncode, encoded.stderr) == (0, b"")
    assert encoded.stdout == wanted != b"".join((GOLDEN / f"{case}.b2").read_bytes() for case in CASES)
    decoded = program("fse", "decode", "-", pack=pack, stdin=encoded.stdout)
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    assert objects(decoded.stdout) == objects(told)


def test_files_are_built_with_name_and_version_of_the_pack(pack: Path, tmp_path: Path) -> None:
    settings = FILES / "file1.settings.json"
    built = program("lots", "build", FILES / "file1.ndjson", "--settings", settings, "--out", tmp_path / "out", "--json", pack=pack)
    assert (built.returncode, built.stderr) == (0, b"")
    summary = json.loads(built.stdout)
    assert summary["profile"] == "autre-2"
    content = (tmp_path / "out" / summary["file"]).read_bytes()
    assert content == all_again((FILES / "file1.b2").read_bytes(), pack)
    assert b"AUTRE 02" in content[:129] and b"ESSAI" not in content
    read = program("fse", "decode", tmp_path / "out" / summary["file"], pack=pack)
    assert (read.returncode, read.stderr) == (0, b"")
    assert objects(read.stdout) == objects((FILES / "file1.decoded.ndjson").read_bytes())


@pytest.mark.parametrize("answer", ["arl2_negative", "rsp2_mixed"])
def test_answers_are_read_as_the_pack_says(pack: Path, answer: str) -> None:
    again = all_again((FILES / f"{answer}.b2").read_bytes(), pack)
    read = program("returns", "parse", "-", pack=pack, stdin=again)
    assert (read.returncode, read.stderr) == (0, b"")
    assert objects(read.stdout) == objects((FILES / f"{answer}.ndjson").read_bytes())


def test_simulated_answers_bear_the_name_of_the_pack_and_are_read(pack: Path, tmp_path: Path) -> None:
    made = program("synth", "day", "--seed", "7", "--invoices", "12", "--out", tmp_path / "day", pack=pack)
    assert (made.returncode, made.stderr) == (0, b"")
    answers = [path for path in (tmp_path / "day").iterdir() if path.name.startswith(("arl-", "rsp-"))]
    assert len(answers) >= 2
    for path in answers:
        assert b"AUTRE 02" in path.read_bytes()[:129]
    read = program("returns", "parse", min(answers), pack=pack)
    assert (read.returncode, read.stderr) == (0, b"") and read.stdout


def test_a_file_of_another_pack_is_told(tmp_path: Path) -> None:
    other = new_pack(tmp_path)
    ours = (FILES / "file1.b2").read_bytes()
    for given, used, name in ((ours, other, "ESSAI"), (all_again(ours, other), None, "AUTRE")):
        fault = first_fault(program("fse", "check", "-", pack=used, stdin=given))
        assert {key: fault[key] for key in ("code", "record", "record_type", "field", "value")} == {
            "code": "B2_UNEXPECTED_VALUE", "record": 1, "record_type": "000", "field": "norm_name", "value": name,
        }  # fmt: skip
        mine = "autre-2 (AUTRE 02)" if used else "essai-1 (ESSAI 01)"
        assert mine in fault["message"] and "DESMOS_LAYOUTS" in fault["message"]


@pytest.mark.parametrize("field", [
    "act_code", "act_complement", "quantity", "coefficient", "units", "unit_price", "base", "rate", "amo", "fees", "amc",
])  # fmt: skip
def test_each_zone_of_an_act_may_be_wider(tmp_path: Path, field: str) -> None:
    pack = new_pack(tmp_path)
    width = {"act_code": 5, "act_complement": 2, "quantity": 3, "coefficient": 7, "units": 3, "rate": 4, "amc": 7}.get(field, 8)
    lay_out(pack, "4", filler_11=0, **{field: width})
    case = GOLDEN / "12_maximum_widths.ndjson"
    encoded = program("fse", "encode", case, pack=pack)
    assert (encoded.returncode, encoded.stderr) == (0, b"")
    assert encoded.stdout == all_again(case.with_suffix(".b2").read_bytes(), pack)
    assert program("fse", "check", "-", pack=pack, stdin=encoded.stdout).returncode == 0


def test_a_wider_zone_holds_more_and_a_narrower_one_refuses_more(tmp_path: Path) -> None:
    invoice = objects((GOLDEN / "01_ngap_visit.ndjson").read_bytes())[0]
    invoice["acts"][0]["fees"] = 12_345_678
    given = json.dumps(invoice).encode()
    wide, narrow = new_pack(tmp_path / "wide"), new_pack(tmp_path / "narrow")
    lay_out(wide, "4", filler_11=0, fees=8)
    lay_out(narrow, "4", filler_11=2, fees=6)
    for pack, width in ((None, 7), (narrow, 6)):
        fault = first_fault(program("fse", "encode", "-", pack=pack, stdin=given))
        assert (fault["code"], fault["field"], fault["width"]) == ("B2_OVERFLOW", "acts[0].fees", width)
    decoded = program("fse", "decode", "-", pack=wide, stdin=program("fse", "encode", "-", pack=wide, stdin=given).stdout)
    assert objects(decoded.stdout)[0]["acts"][0]["fees"] == 12_345_678


def test_a_pack_may_spell_more_letters(tmp_path: Path) -> None:
    pack = new_pack(tmp_path)
    edit(pack / "letters.csv", lambda rows: rows.append({"letter": "Ŧ", "spelling": "TH", "source_note": "ours"}))
    invoice = objects((GOLDEN / "11_accents.ndjson").read_bytes())[0]
    invoice["referring_doctor"]["last_name"] = "Ŧoŧ"
    given = json.dumps(invoice).encode()
    assert first_fault(program("fse", "encode", "-", stdin=given))["code"] == "B2_BAD_CHAR"
    encoded = program("fse", "encode", "-", pack=pack, stdin=given)
    assert encoded.stdout.splitlines()[1][71:96] == b"THOTH".ljust(25)


def test_a_file_of_a_day_outside_the_pack_is_not_built(tmp_path: Path) -> None:
    pack = new_pack(tmp_path)
    put(pack / "pack.csv", "valid_to", value="2026-11-20")
    settings = FILES / "file1.settings.json"
    built = program("lots", "build", FILES / "file1.ndjson", "--settings", settings, "--out", tmp_path / "out", pack=pack)
    assert built.returncode == 1
    assert b"autre-2 are in force" in built.stderr and b"DESMOS_LAYOUTS" in built.stderr
    assert not (tmp_path / "out").exists()


COMMANDS: tuple[tuple[str | Path, ...], ...] = (
    ("fse", "encode", GOLDEN / "01_ngap_visit.ndjson"),
    ("fse", "check", GOLDEN / "01_ngap_visit.b2"),
    ("fse", "decode", GOLDEN / "01_ngap_visit.b2"),
    ("lots", "build", FILES / "file1.ndjson", "--settings", FILES / "file1.settings.json", "--out", "never"),
    ("returns", "parse", FILES / "arl1_positive.b2"),
    ("layouts",),
    ("serve",),
    ("worker", "--wait", "0"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(map(str, words[:2])))
def test_every_command_refuses_an_unsound_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str | Path, ...]) -> None:
    pack = new_pack(tmp_path)
    put(pack / "4.csv", "rate", start="104")
    monkeypatch.chdir(tmp_path)
    run = program(*command, pack=pack)
    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr.decode().splitlines() == [
        "desmos-fast: 4.csv: field rate: it starts at 104 and overlaps the field before it",
        "  let it start at 105, or mend the field before it",
    ]


@pytest.mark.timeout(300)
def test_the_twins_agree_under_another_pack(tmp_path: Path) -> None:
    pack = new_pack(tmp_path)
    moved(pack)
    other_constants(pack)
    suites = [ROOT / "tests/billing/test_encode_twin.py", ROOT / "tests/exchange/test_parity.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "agree or twin", *map(str, suites)]
    env = {**os.environ, "DESMOS_TEST_LAYOUTS": str(pack)}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout[-3000:]
