# SPDX-License-Identifier: Apache-2.0
"""Imaging programs: the table, what each is told, and one that is started for real, though it is none of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from readers.bridges.launch import launch
from readers.bridges.model import Bridge, BridgeFailed, BridgeRefused, ContextFile, Patient, Plan
from readers.bridges.rules import BUILT, plan, registry
from tests.api.conftest import person

ROOT = Path(__file__).parents[2]
ANNEX = {
    "imaging": [
        "Trophy", "Sidexis", "Planmeca (Dimaxis / Romexis)", "Gendex", "Digora", "Vita-Scan", "Owandy", "Arakis", "Vatech", "Cliniview",
        "Sopro", "Scanora", "Irys",
    ],
    "orthodontics": ["Orgual Orthalis", "Arakis Orthokis", "Arakis Odrade"],
}  # fmt: skip
WHO = Patient(number="1234", last_name="D'ÉSSAI & FILS", first_name="ZOÉ", birth_date="19600213", gender="F")
# It says what it was told: its words, its file, and the rights of that.
PROGRAM = """#!{python}
import json, os, sys, time
told = {{"arguments": sys.argv[1:], "cwd": os.getcwd()}}
path = os.environ.get("CONTEXT")
if path:
    told["text"] = open(path, "rb").read().decode("cp1252")
    told |= {{"mode": os.stat(path).st_mode & 0o777, "beside": os.listdir(os.path.dirname(path))}}
open(os.environ["TOLD"] + ".part", "w").write(json.dumps(told))
os.replace(os.environ["TOLD"] + ".part", os.environ["TOLD"])
time.sleep(float(os.environ.get("STAYS", "0")))
sys.exit(int(os.environ.get("STATUS", "0")))
"""


class Fake:
    """A program that is none of the list."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self.program, self.told_path, self.file = folder / "bin" / "imagerie.py", folder / "told.json", folder / "data" / "patient.ini"
        for path in (self.program, self.file):
            path.parent.mkdir()
        self.program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
        self.program.chmod(0o755)
        self.let(TOLD=str(self.told_path), CONTEXT=str(self.file))

    def let(self, **env: str) -> None:
        """Have it behave so."""
        for name, value in env.items():
            self._monkeypatch.setenv(name, value)

    def bridge(self) -> Bridge:
        """Return what a table would say of it."""
        text = "\n[Patient]\nId={number}\nNom={last_name}\nNe={birth_dmy_dot}\n"
        file = ContextFile(path=str(self.file), text=text, encoding="cp1252", escape="ini")
        return Bridge(
            id="fake", product="Fausse imagerie", kind="imaging", protocol="file", confidence="none", source="a test",
            program=str(self.program), arguments=("-n", "{last_name}", "{first_name}"), file=file,
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """Return what it was told."""
        found: dict[str, Any] = json.loads(self.told_path.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)


# --- the table


def test_the_table_has_the_programs_of_the_annex_and_no_others() -> None:
    found = registry()
    for kind, products in ANNEX.items():
        assert [one.product for one in found.values() if one.kind == kind] == products
    assert len(found) == 16


def test_the_table_says_how_sure_it_is_and_from_where() -> None:
    for one in registry().values():
        assert one.source and (one.confidence == "none") == (one.protocol == "unknown") == (not one.program)
        assert (one.file is not None) == (one.protocol == "file")


@pytest.mark.parametrize("name", [one.id for one in registry().values() if one.protocol in BUILT])
def test_every_program_that_is_known_can_be_planned(name: str) -> None:
    made = plan(registry()[name], WHO, images="X:/images")
    whole = " ".join([*made.arguments, made.text or ""])
    assert "1234" in whole and "ZOÉ" in whole and "{" not in whole and made.tried is False


def test_what_a_program_is_told() -> None:
    known = registry()
    assert plan(known["planmeca"], WHO).arguments == ["1234", "D'ÉSSAI & FILS", "ZOÉ", "19600213"]
    assert plan(known["owandy"], WHO).arguments == ["/P:1234,D'ÉSSAI & FILS,ZOÉ,,13-02-1960"]
    assert plan(known["gendex"], WHO, images="X:/v").arguments == ["-I", "1234", "-N", "D'ÉSSAI & FILS^ZOÉ", "-P", "X:/v/1234"]
    made = plan(known["vatech"], WHO)
    assert made.text is not None
    patient = ElementTree.fromstring(made.text.encode()).find("Patient")
    assert patient is not None and patient.attrib == {"ChartNumber": "1234", "FirstName": "ZOÉ", "LastName": "D'ÉSSAI & FILS"}
    assert plan(known["cliniview"], WHO).text == (
        "[PracticeManagementInterface]\r\nUSE_PRACTICE_MANAGEMENT=1\r\nPATID=1234\r\nPATLNAME=D'ÉSSAI & FILS\r\nPATFNAME=ZOÉ\r\n"
        "PATBD=13/02/1960\r\n"
    )


@pytest.mark.parametrize("name", ["vita-scan", "irys", "odrade", "digora", "sidexis"])
def test_what_nobody_knows_or_built_is_refused(name: str) -> None:
    with pytest.raises(BridgeRefused):
        plan(registry()[name], WHO, program="/bin/true", images="x")


@pytest.mark.parametrize(
    "change",
    [
        {"last_name": "A\r\nPATID=2"}, {"last_name": "-I 2"}, {"first_name": "/P:2"}, {"first_name": 'A" -x "'}, {"last_name": "A,B"},
        {"last_name": "A^B"}, {"first_name": " A"}, {"last_name": "A\x00"}, {"last_name": f"DUPONT {person()}"}, {"number": person()},
    ],
)  # fmt: skip
def test_a_name_that_would_be_more_than_a_name_is_refused(change: dict[str, str]) -> None:
    for bridge in registry().values():
        with pytest.raises(BridgeRefused) as refused:
            plan(bridge, msgspec.structs.replace(WHO, **change), images="x")
        assert not any(value in str(refused.value) for value in change.values())


def test_a_letter_that_the_program_does_not_have_is_refused() -> None:
    with pytest.raises(BridgeRefused, match="cp1252"):
        plan(registry()["scanora"], msgspec.structs.replace(WHO, last_name="ŁUKASZ"))
    assert plan(registry()["vatech"], msgspec.structs.replace(WHO, last_name="ŁUKASZ")).text


def test_what_a_program_needs_is_asked_for(fake: Fake) -> None:
    with pytest.raises(BridgeRefused, match="images"):
        plan(registry()["trophy"], WHO)
    with pytest.raises(BridgeRefused, match="where"):
        plan(msgspec.structs.replace(fake.bridge(), program=""), WHO)
    with pytest.raises(BridgeRefused, match="nothing gives"):
        plan(msgspec.structs.replace(fake.bridge(), arguments=("{nir}",)), WHO)


@pytest.mark.parametrize("text", ["", "[[bridge]]\nid = 1\n", "x", "[[bridge]]\nid='a'\nproduct='a'\nkind='other'\n"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BridgeRefused, match="no table"):
        registry(tmp_path / "own.toml")


def test_nothing_shows_the_patient() -> None:
    assert repr(WHO) == "Patient(...)" and "1234" not in repr(plan(registry()["planmeca"], WHO))


# --- a program that is started


def test_a_program_is_started_with_the_patient_and_its_file_is_gone_afterwards(fake: Fake) -> None:
    done = launch(fake.bridge(), plan(fake.bridge(), WHO), 1)
    told = fake.told()
    assert told["arguments"] == ["-n", "D'ÉSSAI & FILS", "ZOÉ"] and told["cwd"] == str(fake.program.parent)
    assert told["text"] == "[Patient]\r\nId=1234\r\nNom=D'ÉSSAI & FILS\r\nNe=13.02.1960\r\n"
    assert told["mode"] == 0o600 and told["beside"] == ["patient.ini"]
    assert (done.status, done.removed) == (0, True) and list(fake.file.parent.iterdir()) == []


def test_a_program_that_runs_on_is_left_alone_and_its_file_is_gone(fake: Fake) -> None:
    fake.let(STAYS="600")
    began = time.monotonic()
    script = f"import os, sys; open({str(fake.folder / 'pid')!r}, 'w').write(str(os.getpid())); " + "exec(open(sys.argv[1]).read())"
    bridge = msgspec.structs.replace(fake.bridge(), program=sys.executable, arguments=("-c", script, str(fake.program)))
    words = list(bridge.arguments)
    made = Plan(product="x", program=bridge.program, arguments=words, file=str(fake.file), text="x", confidence="none")
    done = launch(bridge, made, 3)
    pid = int((fake.folder / "pid").read_text())
    try:
        assert (done.status, done.removed) == (None, True) and not fake.file.exists() and time.monotonic() - began < 60
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_program_that_starts_another_gives_it_time_to_read(fake: Fake) -> None:
    began = time.monotonic()
    launch(fake.bridge(), plan(fake.bridge(), WHO), 1.5)
    assert time.monotonic() - began >= 1.5
    fake.let(STATUS="3")
    assert launch(fake.bridge(), plan(fake.bridge(), WHO), 30).status == 3


def test_a_program_that_is_not_there_leaves_no_file(fake: Fake) -> None:
    fake.program.unlink()
    with pytest.raises(BridgeFailed, match="does not start"):
        launch(fake.bridge(), plan(fake.bridge(), WHO), 1)
    assert list(fake.file.parent.iterdir()) == []


def test_a_file_that_is_there_is_not_written_over(fake: Fake) -> None:
    fake.file.write_text("settings", encoding="utf-8")
    with pytest.raises(BridgeRefused, match="already"):
        launch(fake.bridge(), plan(fake.bridge(), WHO), 1)
    assert fake.file.read_text(encoding="utf-8") == "settings" and not fake.told_path.exists()
    assert launch(fake.bridge(), plan(fake.bridge(), WHO), 0.1, replace=True).removed
    assert not fake.file.exists()


def test_a_folder_that_is_not_there_is_told(fake: Fake) -> None:
    with pytest.raises(BridgeFailed, match="cannot be written"):
        launch(fake.bridge(), plan(fake.bridge(), WHO, path=str(fake.folder / "nowhere" / "x")), 1)


# --- the command


def command(*arguments: str, said: object = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "desmos_fast.cli", "agent", "bridges", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60,
        input=None if said is None else json.dumps(said),
    )  # fmt: skip


def test_the_command_shows_what_it_would_do_and_does_it(fake: Fake) -> None:
    table = fake.folder / "own.toml"
    table.write_text(
        f"[[bridge]]\nid='f'\nproduct='F'\nkind='imaging'\nprotocol='file'\nconfidence='none'\nsource='x'\nprogram='{fake.program}'\n"
        f"arguments=['{{number}}']\n[bridge.file]\npath='{fake.file}'\nencoding='cp1252'\nescape='ini'\ntext='''\nId={{number}}\n'''\n",
        encoding="utf-8",
    )
    who = msgspec.to_builtins(WHO)
    dry = command("run", "f", "--table", str(table), "--dry-run", said=who)
    assert dry.returncode == 0, dry.stderr
    assert json.loads(dry.stdout) == {
        "product": "F", "program": str(fake.program), "arguments": ["1234"], "file": str(fake.file), "text": "Id=1234\r\n",
        "confidence": "none", "tried": False,
    }  # fmt: skip
    assert not fake.told_path.exists() and not fake.file.exists()
    done = command("run", "f", "--table", str(table), "--wait", "0.2", said=who)
    assert json.loads(done.stdout) == {"product": "F", "status": 0, "removed": True} and fake.told()["arguments"] == ["1234"]
    wrong = command("run", "f", "--table", str(table), said=who | {"nir": person()})
    assert wrong.returncode == 1 and person() not in wrong.stderr + wrong.stdout


def test_the_command_lists_and_shows() -> None:
    listed = command("list")
    assert len(listed.stdout.splitlines()) == 16 and "Romexis" in listed.stdout
    assert json.loads(command("show", "scanora").stdout)["file"]["encoding"] == "cp1252"
    assert command("show", "nothing").returncode == 1
