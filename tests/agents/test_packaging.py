# SPDX-License-Identifier: Apache-2.0
"""What has a system start the agent, and what removes it: units, tasks, files that are written over, and the proof."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from desmos_fast.agents import wiping
from readers.packaging import install, wipe
from readers.packaging.install import NotInstalled
from readers.packaging.units import UNIT, task, unit
from readers.packaging.wipe import _files

ROOT = Path(__file__).parents[2]
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
WORDS = [
    "C:\\Program Files\\Python\\pythonw.exe",
    "-m",
    "desmos_fast.cli",
    "agent",
    "run",
    "--folder",
    "C:\\é & <x>",
    "--origin",
    "https://a",
]


class System:
    """A system that is told what to do, and refuses what a test says."""

    def __init__(self, refuses: str = "") -> None:
        self.said: list[list[str]] = []
        self.refuses, self.seen = refuses, b""

    def __call__(self, words: Sequence[str]) -> str | None:
        self.said.append(list(words))
        if "/XML" in words:
            self.seen = Path(words[-1]).read_bytes()
        return "no" if self.refuses and self.refuses in words else None


def test_the_task_of_windows_is_well_formed_and_asks_for_no_more_than_the_user_has() -> None:
    made = task(WORDS, "DOMAINE\\accueil")
    assert made.startswith(b"\xff\xfe") and 'encoding="utf-16"' in made.decode("utf-16").lower().replace("'", '"')
    root = ElementTree.fromstring(made)
    assert root.tag == f"{SPACE}Task" and root.get("version") == "1.2"
    assert [child.tag.removeprefix(SPACE) for child in root] == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]

    def said(path: str) -> str | None:
        return root.findtext("/".join(f"{SPACE}{part}" for part in path.split("/")))

    assert said("Actions/Exec/Command") == WORDS[0]
    assert said("Actions/Exec/Arguments") == '-m desmos_fast.cli agent run --folder "C:\\é & <x>" --origin https://a'
    assert said("Triggers/LogonTrigger/UserId") == said("Principals/Principal/UserId") == "DOMAINE\\accueil"
    assert said("Principals/Principal/RunLevel") == "LeastPrivilege" and said("Principals/Principal/LogonType") == "InteractiveToken"
    assert said("Settings/ExecutionTimeLimit") == "PT0S" and said("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert 1 <= int(said("Settings/RestartOnFailure/Count") or 0) <= 255 and said("Settings/DisallowStartIfOnBatteries") == "false"


def test_the_unit_says_what_runs() -> None:
    made = unit(["/opt/a b/python", "-m", "x", 'é"$HOME%h\\'])
    assert 'ExecStart="/opt/a b/python" "-m" "x" "é\\"$$HOME%%h\\\\"\n' in made and "WantedBy=default.target" in made
    with pytest.raises(ValueError, match="printable"):
        unit(["a\nExecStartPre=/bin/sh"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_the_unit_sound(tmp_path: Path) -> None:
    path = tmp_path / UNIT
    path.write_text(unit([sys.executable, "-m", "desmos_fast.cli", "agent", "run"]), encoding="utf-8")
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
    assert UNIT not in run.stderr, run.stderr
    path.write_text(path.read_text(encoding="utf-8").replace("Restart=on-failure", "Restart=maybe"), encoding="utf-8")
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
    assert UNIT in run.stderr, "nothing would be found"


def test_it_is_put_and_taken_on_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    system = System()
    assert "starts the agent" in install.install(["--origin", "https://a.example"], system, windows=False)
    path = tmp_path / "systemd" / "user" / UNIT
    assert '"agent" "run" "--origin" "https://a.example"' in path.read_text(encoding="utf-8") and len(list(path.parent.iterdir())) == 1
    assert system.said == [["systemctl", "--user", "daemon-reload"], ["systemctl", "--user", "enable", "--now", UNIT]]
    install.uninstall(system, windows=False)
    assert not path.exists() and system.said[2:] == [["systemctl", "--user", "disable", "--now", UNIT], system.said[0]]
    # What is not there can be taken again.
    install.uninstall(system, windows=False)
    assert len(system.said) == 4
    with pytest.raises(NotInstalled, match="systemctl --user enable refused: no"):
        install.install([], System("enable"), windows=False)


def test_it_is_put_and_taken_on_windows() -> None:
    system = System()
    install.install(["--folder", "C:\\x"], system, windows=True)
    assert [words[1] for words in system.said] == ["/Create", "/Run"] and b"a\0g\0e\0n\0t\0" in system.seen
    assert not Path(system.said[0][-1]).exists()
    install.uninstall(system, windows=True)
    assert [words[1] for words in system.said[2:]] == ["/End", "/Delete"]
    install.uninstall(System("/End"), windows=True)
    with pytest.raises(NotInstalled):
        install.uninstall(System("/Delete"), windows=True)


@pytest.mark.parametrize(("system", "wanted"), [("systemd", "ExecStart="), ("windows", "<LogonTrigger>")])
def test_the_command_prints_what_the_system_would_be_given(system: str, wanted: str) -> None:
    words = [sys.executable, "-m", "desmos_fast.cli", "agent", "install", "--print", system, "--origin", "https://a.example"]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and wanted in run.stdout and "https://a.example" in run.stdout, run.stderr


# --- wiping


def test_a_file_is_written_over_before_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wipe, "BLOCK", 1000)
    secret = os.urandom(2500)
    for name in ("identity.pem", "outbox.key", ".identity.pem.0a1b2c"):
        (tmp_path / name).write_bytes(secret)
    # What shares its bytes tells what became of them.
    os.link(tmp_path / "identity.pem", tmp_path / "kept")
    (tmp_path / "mine").write_bytes(b"not the agent's")
    done = _files(tmp_path)
    assert [one.name for one in done] == [".identity.pem.0a1b2c", "outbox.key", "identity.pem"]
    assert all(one.overwritten and one.removed and one.size == 2500 for one in done) and len({one.sha256 for one in done}) == 1
    left = (tmp_path / "kept").read_bytes()
    assert len(left) == 2500 and all(left[place : place + 100] not in secret for place in range(0, 2500, 100))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "mine"]


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / "identity.pem").symlink_to(tmp_path / "elsewhere")
    (one,) = _files(tmp_path)
    assert (one.overwritten, one.removed) == (False, True) and (tmp_path / "elsewhere").read_bytes() == b"x"


def test_a_proof_that_was_changed_is_none() -> None:
    from readers.uplink_folder import new_key

    said = wiping.Wiping(
        agent="a", desk="d", service="s", at=datetime.now(UTC), revoked=True, unsent=0, files=[], left=[], folder_removed=True
    )  # fmt: skip
    key = new_key()
    proof = wiping.prove(said, key, "")
    found, signed, signature = wiping.read(proof)
    wiping.check(signed, signature, key.public_key())
    assert found == said
    for wrong in (signed.replace(b'"revoked":true', b'"revoked":false'), b""):
        with pytest.raises(wiping.ProofRefused):
            wiping.check(wrong, signature, key.public_key())
    with pytest.raises(wiping.ProofRefused):
        wiping.check(signed, signature, new_key().public_key())
    with pytest.raises(wiping.ProofRefused):
        wiping.read(wiping.Proof(wiping="é", signature="", certificate=""))
