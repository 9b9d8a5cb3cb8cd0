# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import itertools
import json
import os
import pty
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desmos_fast.cli import app
from desmos_fast.commands import streams
from tests.billing.odd import BAD, GOLDEN, NAMES

ROOT = Path(__file__).parents[2]
WIRE = (GOLDEN / "01_ngap_visit.ndjson").read_bytes()
RECORDS = (GOLDEN / "01_ngap_visit.b2").read_bytes()
LATER = WIRE.replace(b'"number":1,', b'"number":2,')
BROKEN = WIRE.replace(b'"number":1,', b'"number":3,').replace(b'"rate":70', b'"rate":101')


def encode(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["fse", "encode", *map(str, arguments)], input=stdin)


def faults_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_golden_invoices_are_written_byte_for_byte(name: str, tmp_path: Path) -> None:
    result = encode(GOLDEN / f"{name}.ndjson", "-o", tmp_path / "out.b2")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "out.b2").read_bytes() == (GOLDEN / f"{name}.b2").read_bytes()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_invoice_leaves_nothing_and_says_why(name: str, tmp_path: Path) -> None:
    result = encode(GOLDEN / "bad" / f"{name}.ndjson", "-o", tmp_path / "out.b2", "--json")
    expected = json.loads((GOLDEN / "bad" / f"{name}.json").read_text())
    first = faults_of(result)[0]
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert {key: first.get(key) for key in expected} == expected


def test_standard_input_to_standard_output() -> None:
    result = encode("-", stdin=WIRE)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, RECORDS, "")
    assert encode("-", "-o", "-", stdin=WIRE).stdout_bytes == RECORDS


def test_an_empty_file_is_no_invoice(tmp_path: Path) -> None:
    result = encode("-", "-o", tmp_path / "out.b2", stdin=b"")
    assert (result.exit_code, (tmp_path / "out.b2").read_bytes()) == (0, b"")


def test_nothing_reaches_standard_output_when_one_is_faulty() -> None:
    result = encode("-", stdin=WIRE + BROKEN + LATER)
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    assert [(fault["line"], fault["field"]) for fault in faults_of(result)] == [(2, "acts[0].rate")]


def test_the_sound_ones_are_written_when_asked_for(tmp_path: Path) -> None:
    result = encode("-", "-o", tmp_path / "out.b2", "--keep-going", "--json", stdin=WIRE + b"{\n" + BROKEN + LATER + WIRE)
    assert [(fault["line"], fault["code"]) for fault in faults_of(result)] == [
        (2, "B2_BAD_JSON"), (3, "B2_BAD_VALUE"), (5, "B2_DUPLICATE_NUMBER"),
    ]  # fmt: skip
    assert result.exit_code == 1
    assert (tmp_path / "out.b2").read_bytes() == encode("-", stdin=WIRE + LATER).stdout_bytes
    assert json.loads(result.stdout) == {"invoices": 2, "records": 12, "fees": 6000, "amo": 4200, "amc": 0, "faults": 3}


def test_the_former_file_stays_when_one_is_faulty(tmp_path: Path) -> None:
    out = tmp_path / "out.b2"
    out.write_bytes(b"former")
    assert encode("-", "-o", out, stdin=BROKEN).exit_code == 1
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (b"former", [out])


def test_blocks_change_neither_bytes_nor_line_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [WIRE.replace(b'"number":1,', f'"number":{number},'.encode()) for number in range(1, 40)]
    data = b"".join([*lines[:20], b"\n", *lines[20:], lines[3], b"{}"])
    whole = encode("-", "--keep-going", stdin=data)
    monkeypatch.setattr(streams, "BLOCK", 1000)
    cut = encode("-", "--keep-going", stdin=data)
    assert (cut.stdout_bytes, cut.stderr) == (whole.stdout_bytes, whole.stderr)
    assert [(fault["line"], fault["code"]) for fault in faults_of(cut)] == [(41, "B2_DUPLICATE_NUMBER"), (42, "B2_MISSING")]


def test_lines_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BLOCK", 3)
    assert list(streams.line_blocks(io.BytesIO(b"a\nbcdefg\n\nh"))) == [b"a\nbcdefg\n", b"\nh"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 50])
def test_a_line_that_is_too_long_is_told_and_never_held(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Where it begins in its block, and where it ends, makes no difference."""
    monkeypatch.setattr(streams, "BLOCK", 3)
    monkeypatch.setattr(streams, "LONGEST_LINE", 6)
    for before, after in itertools.product((b"", b"1\n", b"12\n1\n", b"123456\n"), (b"", b"\n", b"\n2\n", b"\n\n123456")):
        line = b"x" * (6 + size)
        data = before + line + after
        found = list(streams.line_blocks(io.BytesIO(data)))
        kept = [block for block in found if isinstance(block, bytes)]
        assert b"".join(kept) == (before + after.removeprefix(b"\n") if size else data)
        assert all(block.endswith(b"\n") for block in kept[:-1])
        assert [block.size for block in found if not isinstance(block, bytes)] == ([len(line) + after.startswith(b"\n")] if size else [])


def test_a_line_that_is_too_long_costs_no_neighbour() -> None:
    padded = BROKEN.rstrip() + b" " * streams.LONGEST_LINE + b"\n"
    result = encode("-", "--keep-going", "--json", stdin=WIRE + padded + LATER + padded.rstrip(b"\n"))
    *faults, summary = faults_of(result)
    assert [(fault["line"], fault["code"], fault["message"]) for fault in faults] == [
        (2, "B2_BAD_JSON", "this line has more than 1048576 bytes"),
        (4, "B2_BAD_JSON", "this line has more than 1048576 bytes"),
    ]
    assert (summary["invoices"], summary["faults"]) == (2, 2)
    assert result.stdout_bytes == encode("-", stdin=WIRE + LATER).stdout_bytes


def test_the_longest_line_that_may_be_is_read() -> None:
    longest = WIRE.rstrip().ljust(streams.LONGEST_LINE)
    assert encode("-", stdin=longest + b"\n" + LATER).stdout_bytes == encode("-", stdin=WIRE + LATER).stdout_bytes
    assert encode("-", stdin=LATER + longest).stdout_bytes == encode("-", stdin=LATER + WIRE).stdout_bytes


def test_the_summary_goes_where_the_records_do_not(tmp_path: Path) -> None:
    summary = {"invoices": 1, "records": 6, "fees": 3000, "amo": 2100, "amc": 0, "faults": 0}
    assert json.loads(encode("-", "--json", stdin=WIRE).stderr) == summary
    assert json.loads(encode("-", "--json", "-o", tmp_path / "out.b2", stdin=WIRE).stdout) == summary


def test_a_wrong_path_is_wrong_usage(tmp_path: Path) -> None:
    assert encode(tmp_path / "absent.ndjson").exit_code == 2
    assert encode(tmp_path).exit_code == 2
    assert encode("-", "-o", tmp_path / "absent" / "out.b2", stdin=WIRE).exit_code == 2
    assert encode().exit_code == 2


def run(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "desmos_fast.cli", "fse", "encode", *arguments]
    return subprocess.run(command, cwd=ROOT, timeout=60, check=False, **options)


def test_a_bar_is_shown_on_a_terminal_only() -> None:
    ours, theirs = pty.openpty()
    try:
        result = run(str(GOLDEN / "01_ngap_visit.ndjson"), stdout=subprocess.PIPE, stderr=theirs)
        shown = os.read(ours, 65536)
    finally:
        os.close(theirs)
        os.close(ours)
    assert (result.returncode, result.stdout, b"encode" in shown) == (0, RECORDS, True)


def test_a_reader_that_leaves_gets_no_traceback() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        result = run("-", input=WIRE, stdout=theirs, stderr=subprocess.PIPE)
    finally:
        os.close(theirs)
    assert (result.returncode != 0, result.stderr) == (True, b"")


@pytest.mark.parametrize("command", [("encode", "01_ngap_visit.ndjson"), ("decode", "01_ngap_visit.b2")])
def test_a_pipe_among_the_open_files_is_written_in_place(command: tuple[str, str]) -> None:
    # What a shell makes of `-o >(gzip > claims.gz)`, and of `-o /dev/stdout | …`.
    name, given = command
    program = [sys.executable, "-m", "desmos_fast.cli", "fse", name, str(GOLDEN / given)]
    plain = subprocess.run(program, cwd=ROOT, timeout=60, check=True, capture_output=True).stdout
    ours, theirs = os.pipe()
    try:
        into = [*program, "-o", f"/dev/fd/{theirs}"]
        piped = subprocess.run(into, cwd=ROOT, timeout=60, check=False, capture_output=True, pass_fds=[theirs])
    finally:
        os.close(theirs)
    with open(ours, "rb") as source:
        assert (piped.returncode, piped.stderr, source.read()) == (0, b"", plain)
    shown = subprocess.run([*program, "-o", "/dev/stdout"], cwd=ROOT, timeout=60, check=False, capture_output=True)
    assert (shown.returncode, shown.stdout) == (0, plain)


def test_a_link_that_leads_to_itself_is_no_fault_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path / "round")
    result = run("-", "-o", str(tmp_path / "round"), input=WIRE, capture_output=True)
    assert (result.returncode, b"a fault of this program" in result.stderr) == (3, False)


@pytest.mark.parametrize(("data", "expected"), [(WIRE, (0, RECORDS)), (BROKEN, (1, b""))])
def test_a_closed_standard_error_changes_neither_records_nor_status(data: bytes, expected: tuple[int, bytes]) -> None:
    result = run("-", input=data, stdout=subprocess.PIPE, preexec_fn=partial(os.close, 2))
    assert (result.returncode, result.stdout) == expected


def test_an_input_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    # Nothing lies at the first address of a process.
    result = run("/proc/self/mem", "-o", str(tmp_path / "out.b2"), capture_output=True)
    assert (result.returncode, result.stderr.startswith(b"desmos-fast: cannot read the input: ")) == (3, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(WIRE, mtime=0), "gzip"),
        (WIRE.decode().encode("utf-16"), "UTF-16 text"),
        (WIRE.decode().encode("utf-16-le"), "UTF-16 text"),
        (b"\xef\xbb\xbf" + WIRE, "text with a byte order mark"),
        (b"\x7fELF" + bytes(range(256)) * 40, "a program"),
        (bytes(range(32)) * 400, "binary data"),
        (bytes(100_000), "zero bytes"),
        (RECORDS, "records of 128 bytes"),
        (RECORDS.replace(b"\n", b"\r\n"), "records of 128 bytes"),
        (RECORDS.replace(b"\n", b""), "records of 128 bytes"),
    ],
)
@pytest.mark.parametrize("keep_going", [(), ("--keep-going",)])
def test_what_is_no_text_gives_one_fault_that_says_so(data: bytes, said: str, keep_going: tuple[str, ...]) -> None:
    result = encode("-", *keep_going, stdin=data)
    (fault,) = faults_of(result)
    assert (result.exit_code, result.stdout_bytes, fault["code"], fault["line"]) == (1, b"", "B2_BAD_JSON", 1)
    assert fault["message"].startswith(f"this looks like {said}, not like one JSON object a line: ")
    assert "{" not in fault["message"]


def test_letters_of_any_language_are_text() -> None:
    name = "\u738b" * 3000
    result = encode("-", "--keep-going", stdin=f'{{"{name}":1}}\n'.encode() + WIRE)
    assert (result.exit_code, result.stdout_bytes) == (1, RECORDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_end_in_the_middle_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "desmos_fast.cli", "fse", "encode", "-", "-o", str(tmp_path / "out.b2")]
    # Under nohup a program would not hear the signal.
    heard = partial(signal.signal, number, signal.SIG_DFL)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard) as program:
        assert program.stdin is not None
        program.stdin.write(WIRE)
        program.stdin.flush()
        deadline = time.monotonic() + 20
        while not list(tmp_path.iterdir()):
            assert time.monotonic() < deadline and program.poll() is None
            time.sleep(0.01)
        program.send_signal(number)
        assert program.wait(timeout=20) == 128 + number
    assert not list(tmp_path.iterdir())
