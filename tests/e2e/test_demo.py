# SPDX-License-Identifier: Apache-2.0
"""`desmos-fast demo` as a user runs it: the outcome, the page, a second day on kept data, an end at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.demo.model import Summary
from tests.e2e.running import processes_of

ROOT = Path(__file__).parents[2]


def command(data_dir: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "desmos_fast.cli", "demo", "--data-dir", str(data_dir), *options]


def environment() -> dict[str, str]:
    # A shell that names another database must not lead the demo there.
    return {**os.environ, "DESMOS_DSN": "postgresql://nobody@127.0.0.1:9/none"}


def demo(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(data_dir, *options), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def data_dir(open_folder: Path) -> Path:
    return open_folder / "e2e"


@pytest.fixture(scope="module")
def first(data_dir: Path) -> subprocess.CompletedProcess[str]:
    ran = demo(data_dir, "--invoices", "300", "--seed", "7")
    assert ran.returncode == 0, ran.stderr
    return ran


def test_the_day_ends_with_a_table_that_adds_up(first: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    day = msgspec.json.decode((data_dir / "days" / "001" / "summary.json").read_bytes(), type=Summary)
    for words in ("Factures signées", "ARL positifs", "ARL négatifs", "Virements rapprochés", "Somme du grand livre", "tenus"):
        assert words in first.stdout
    assert str(data_dir / "days" / "001" / "page.html") in first.stdout.replace("\n", "")
    assert (day.invoices.count, day.refused_invoices, day.ledger_balance, day.differences) == (300, 0, 0, [])
    assert day.from_amo + day.from_amc + day.desk == day.invoices.cents
    assert day.invariants.holds
    assert [check.id for check in day.invariants.checks] == [f"I{number}" for number in range(1, 13)]
    assert day.lots_refused >= 1
    assert day.rejects
    assert day.paid.count > 0 < day.partly_paid.count
    assert len({payer.id for payer in day.payers}) >= 8
    assert sum(payer.received for payer in day.payers) == day.credits["confirmed"].cents
    assert {stage.name for stage in day.stages} >= {"Factures signées", "Lots construits", "Rapprochement"}


def test_progress_is_told_in_plain_lines_without_a_terminal(first: subprocess.CompletedProcess[str]) -> None:
    assert "Factures signées : 300 factures" in first.stderr
    assert "\x1b" not in first.stderr + first.stdout


def test_page_and_files_are_kept_and_nobody_is_named_in_logs(first: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    day = data_dir / "days" / "001"
    assert "Profil d'essai, non agréé" in (day / "page.html").read_text(encoding="utf-8")
    sent = sorted((data_dir / "letterbox" / "to_payers").iterdir())
    assert [path.name for path in sorted((day / "files").iterdir())] == [path.name for path in sent]
    assert all((day / "files" / path.name).read_bytes() == path.read_bytes() for path in sent)
    told = first.stdout + first.stderr + "".join(path.read_text() for path in (data_dir / "logs").iterdir())
    assert mask_nir(told) == told


def test_nothing_is_left_running(first: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    assert processes_of(data_dir) == []
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_second_day_on_kept_data_is_one_of_another_centre(first: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    ran = demo(data_dir, "--invoices", "60", "--seed", "7", "--json")
    assert ran.returncode == 0, ran.stderr
    day = msgspec.json.decode(ran.stdout, type=Summary)
    before = msgspec.json.decode((data_dir / "days" / "001" / "summary.json").read_bytes(), type=Summary)
    assert day.finess != before.finess
    assert (day.invoices.count, day.differences, day.invariants.holds) == (60, [], True)
    assert (data_dir / "days" / "002" / "page.html").exists()


@pytest.mark.parametrize(
    ("number", "before"),
    # What a shell starts in the background ignores Ctrl-C, and must end all the same when it is told to.
    [(signal.SIGINT, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_IGN)],
    ids=["ctrl-c", "terminated in the background"],
)
def test_whenever_it_is_interrupted_nothing_is_left_running(data_dir: Path, number: signal.Signals, before: signal.Handlers) -> None:
    with subprocess.Popen(
        command(data_dir, "--invoices", "5000"), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, before),
    ) as running:  # fmt: skip
        assert running.stderr is not None
        # The service, its database and the worker run by then, and the invoices are under way.
        for line in running.stderr:
            if line.startswith("Journée inventée"):
                break
        time.sleep(0.3)
        assert len(processes_of(data_dir)) >= 3
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "data are kept" in told
    assert "Traceback" not in told
    assert processes_of(data_dir) == []


def test_a_folder_that_cannot_be_used_is_said(open_folder: Path) -> None:
    file = open_folder / "no-folder"
    file.write_bytes(b"")
    ran = demo(file)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "is not a folder" in ran.stderr
    assert "Traceback" not in ran.stderr
