# SPDX-License-Identifier: Apache-2.0
"""The exit statuses of the program, and that no traceback reaches its user."""

import json
import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from desmos_fast import cli
from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed

NIR = "255089999900095"
PROGRAM: Final = [sys.executable, "-m", "desmos_fast.cli"]
GOLDEN: Final = Path(__file__).parents[1] / "golden"
CLAIMS: Final = GOLDEN / "01_ngap_visit.b2"


def environment(unbuffered: str) -> dict[str, str]:
    """Return the environment with or without a buffer between the program and its output."""
    return {**os.environ, "PYTHONUNBUFFERED": unbuffered}


def fail(error: BaseException) -> Callable[..., None]:
    """Return an app that fails."""

    def app(**_: object) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidInput("bad", hint="do that"), 1, "desmos-fast: bad\n  do that\n"),
        (OutsideFailed("away"), 3, "desmos-fast: away\n"),
        (Conflict("taken"), 3, "desmos-fast: taken\n"),
        (BrokenPipeError(), 3, ""),
    ],
)
def test_errors_of_ours_end_with_a_sentence(
    error: Exception, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", fail(error))
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert (left.value.code, capsys.readouterr().err) == (status, said)


def test_an_error_that_nobody_foresaw_tells_its_place_and_not_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", fail(KeyError(NIR)))
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert left.value.code == 3
    assert said.startswith("desmos-fast: a fault of this program: KeyError in ") and "test_cli.py, line " in said
    assert NIR not in said and "Traceback" not in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [["bank", "--help"], ["fse", "check", "-", "--json"], ["fse", "decode", "-"]])
def test_a_full_disk_under_the_output_is_outside_and_told(command: list[str], unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            PROGRAM + command, input=CLAIMS.read_bytes(), stdout=full, stderr=subprocess.PIPE, env=environment(unbuffered), check=False
        )
    assert done.returncode == 3
    said = done.stderr.decode()
    assert "No space left on device" in said and "a fault of this program" not in said and "Exception ignored" not in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [["fse", "check", "-", "--json"], ["fse", "decode", "-"]])
def test_a_pipe_that_nobody_reads_is_no_faulty_input(command: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        done = subprocess.run(
            PROGRAM + command, input=CLAIMS.read_bytes(), stdout=pipe, stderr=subprocess.PIPE, env=environment(unbuffered), check=False
        )
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_old_locale_stands_in_no_ones_way(encoding: str) -> None:
    done = subprocess.run(
        [*PROGRAM, "demo", "--help"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "400"}, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "╭─ Options" in done.stdout.decode("utf-8")


def test_what_the_system_refuses_is_named(tmp_path: Path) -> None:
    for name, shown in (("data", "data"), (f"{NIR[:-2]}12", "*" * 15)):
        (tmp_path / name).write_bytes(b"")
        env = {**os.environ, "DESMOS_DATA_DIR": str(tmp_path / name)}
        done = subprocess.run([*PROGRAM, "jobs", "list"], capture_output=True, text=True, timeout=60, env=env, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith(f"desmos-fast: the system refused: Not a directory: {tmp_path}/{shown}/")


def beside_a_bar(*arguments: str | Path) -> tuple[bytes, list[str]]:
    """Run a command with standard error on a terminal of 60 columns: what came out of standard output, and the lines on the terminal."""
    master, slave = pty.openpty()
    shape = {**os.environ, "COLUMNS": "60", "TERM": "xterm", "NO_COLOR": "1"}
    with open(master, "rb", buffering=0) as terminal, open(slave, "wb") as error, tempfile.TemporaryFile() as out:
        words = [*PROGRAM, *map(str, arguments)]
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=error, env=shape, timeout=60, check=False)
        said = terminal.read(1 << 16).decode()
        out.seek(0)
        return out.read(), said.split("\r\n")


@pytest.mark.parametrize("command", [["quote"], ["quote", "--json"]])
def test_what_is_printed_goes_to_the_file_while_a_bar_is_on_the_terminal(command: list[str]) -> None:
    visit = GOLDEN / "01_ngap_visit.ndjson"
    plain = subprocess.run([*PROGRAM, *command, visit], capture_output=True, timeout=60, check=True)
    shown, said = beside_a_bar(*command, visit)
    assert plain.stdout and shown == plain.stdout
    assert any("quote" in text for text in said)


def test_a_fault_is_one_line_of_json_while_a_bar_is_on_the_terminal(tmp_path: Path) -> None:
    bad = GOLDEN / "bad" / "j06_amc_too_wide.ndjson"
    for command in (["fse", "encode"], ["price"]):
        out, said = beside_a_bar(*command, bad, "-o", tmp_path / "never")
        found = [text[text.index("{") :] for text in said if "{" in text]
        assert found and all(json.loads(text)["code"] for text in found)
        assert out == b""
