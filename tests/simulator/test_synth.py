# SPDX-License-Identifier: Apache-2.0
"""`synth day` as a program: what it writes, twice, elsewhere, again, and when it cannot."""

import subprocess
import sys
from pathlib import Path

import msgspec

from desmos_fast.lots.codec import build
from desmos_fast.lots.model import LotSettings
from desmos_fast.returns.codec import objects, parse
from desmos_fast.settlement.bank import read_statement
from desmos_fast.simulator.concentrator import answer
from desmos_fast.simulator.day import DEFAULT_DAY, Day
from desmos_fast.simulator.model import Truth
from desmos_fast.simulator.world import World

ROOT = Path(__file__).parents[2]
WHOLE = ["arl-1.b2", "bank.cfonb", "invoices.ndjson", "payers.ndjson", "rsp-1.b2", "rsp-2.b2", "settings.json", "truth.ndjson"]


def synth(out: Path, *options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "desmos_fast.cli", "synth", "day", "--out", str(out), *options]
    env = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": hash_seed, "COLUMNS": "400"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, env=env)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    for name, hash_seed in (("a", "1"), ("b", "2")):
        ran = synth(tmp_path / name, "--seed", "7", "--invoices", "300", hash_seed=hash_seed)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert written(tmp_path / "a") == written(tmp_path / "b")
    assert sorted(written(tmp_path / "a")) == WHOLE
    assert synth(tmp_path / "c", "--seed", "8", "--invoices", "300").returncode == 0
    same = {name for name, data in written(tmp_path / "a").items() if data == (tmp_path / "c" / name).read_bytes()}
    assert same == {"payers.ndjson", "settings.json"}


def test_the_files_belong_together_and_read_back(tmp_path: Path) -> None:
    assert synth(tmp_path, "--seed", "7", "--invoices", "300").returncode == 0
    files = written(tmp_path)
    world = World(7)
    invoices = list(Day(world).invoices(300))
    claims = build(invoices, msgspec.json.decode(files["settings.json"], type=LotSettings))
    answers = answer(claims.content, 7, DEFAULT_DAY)
    assert files["arl-1.b2"] == answers.arl[0]
    truth = [msgspec.json.decode(line, type=Truth) for line in files["truth.ndjson"].splitlines()]
    assert tuple(truth) == answers.truth
    assert len({row.invoice for row in truth}) == 300
    assert len(objects(parse(files["arl-1.b2"]))) == len(claims.lots)
    assert sum(len(objects(parse(files[name]))) for name in ("rsp-1.b2", "rsp-2.b2")) == len(answers.orders)
    assert sum(line.amount for line in read_statement(files["bank.cfonb"]).lines) == sum(credit.amount for credit in answers.credits)


def test_the_summary_is_one_object_that_tells_what_the_files_hold(tmp_path: Path) -> None:
    ran = synth(tmp_path, "--seed", "7", "--invoices", "300", "--first-number", "4001", "--date", "2026-11-23", "--json")
    summary = msgspec.json.decode(ran.stdout)
    truth = [msgspec.json.decode(line) for line in (tmp_path / "truth.ndjson").read_bytes().splitlines()]
    assert sorted(summary["files"]) == WHOLE
    assert (summary["seed"], summary["date"], summary["shares"]) == (7, "2026-11-23", len(truth))
    assert {row["invoice"] for row in truth} == set(range(4001, 4301))
    assert summary["announced"] == sum(row["paid"] for row in truth)
    credited = sum(line.amount for line in read_statement((tmp_path / "bank.cfonb").read_bytes()).lines)
    assert summary["credited"] == credited > 0
    assert sum(summary["outcomes"].values()) == len(truth)


def test_a_smaller_day_leaves_nothing_of_a_larger_one(tmp_path: Path) -> None:
    assert synth(tmp_path / "reused", "--seed", "7", "--invoices", "300").returncode == 0
    for name in ("reused", "fresh"):
        assert synth(tmp_path / name, "--seed", "7", "--invoices", "1").returncode == 0
    assert written(tmp_path / "reused") == written(tmp_path / "fresh")
    assert "rsp-2.b2" not in written(tmp_path / "fresh")


def test_a_given_centre_bills(tmp_path: Path) -> None:
    assert synth(tmp_path, "--seed", "7", "--invoices", "2", "--biller", "750000010").returncode == 0
    lines = (tmp_path / "invoices.ndjson").read_bytes().splitlines()
    assert {msgspec.json.decode(line)["biller"] for line in lines} == {"750000010"}


def test_what_cannot_be_made_is_said_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"kept")
    cases = [
        (tmp_path / "out", ["--seed", "7", "--invoices", "2", "--biller", "750000018"], 1, b"FINESS"),
        (tmp_path / "out", ["--seed", "7", "--invoices", "2", "--date", "2020-01-01"], 1, b"tariff"),
        (tmp_path / "out", ["--seed", "7", "--invoices", "0"], 2, b"invoices"),
        (file, ["--seed", "7", "--invoices", "2"], 2, b"not a folder"),
    ]
    for out, options, code, word in cases:
        ran = synth(out, *options)
        assert ran.returncode == code, ran.stderr
        assert word in ran.stderr
        assert b"Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()
    assert file.read_bytes() == b"kept"


def test_the_payers_answer_a_letterbox_on_command(tmp_path: Path) -> None:
    sent = tmp_path / "to_payers"
    command = [sys.executable, "-m", "desmos_fast.cli", "synth", "answer", str(tmp_path), "--seed", "5"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin", "COLUMNS": "400"})
    assert (refused.returncode, b"the worker makes it" in refused.stderr) == (2, True)
    sent.mkdir()
    world = World(5)
    claims = build(list(Day(world).invoices(30)), LotSettings(date=DEFAULT_DAY.isoformat()))
    (sent / claims.name).write_bytes(claims.content)
    told = [subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True).stdout.decode().splitlines() for _ in range(2)]
    assert told[0] == told[1] == [str(tmp_path / "from_payers" / Path(path).name) for path in told[0]]
    answers = answer(claims.content, 5, DEFAULT_DAY)
    assert [Path(path).read_bytes() for path in told[0]] == [*answers.arl, *answers.rsp, answers.bank]
    listed = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, timeout=60, check=True).stdout
    (one,) = msgspec.json.decode(listed)["files"]
    assert [*one["arl"], *one["rsp"], one["bank"]] == told[0]
