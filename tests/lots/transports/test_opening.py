# SPDX-License-Identifier: Apache-2.0
"""From settings to transports, and the command that checks them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncssh
import orjson
import pytest

from desmos_fast.lots.recipients.model import RecipientsInvalid
from desmos_fast.lots.recipients.reading import read_recipients
from desmos_fast.lots.transports.cft import CftTransport
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.https import HttpsTransport
from desmos_fast.lots.transports.opening import open_transports
from desmos_fast.lots.transports.sftp import SftpTransport
from desmos_fast.lots.transports.smtp import SmtpTransport
from tests.lots.transports.authority import Authority, Pair

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path: Path, authority: Authority, client_pair: Pair) -> Path:
    """Give a sound file with one recipient for each transport."""
    (tmp_path / "out").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "ssh")
    (tmp_path / "ssh").chmod(0o600)
    key.write_public_key(tmp_path / "ssh.pub")
    keys = f'certificate_file = "{client_pair.certificate_file}"\nkey_file = "{client_pair.key_file}"\nca_file = "{authority.file}"\n'
    path = tmp_path / "recipients.toml"
    path.write_text(
        f"""
[recipients.folder]
transport = "directory"
folder = "{tmp_path}/out"
[recipients.cft]
transport = "cft"
folder = "{tmp_path}/out"
partner = "CPAM75"
idf = "B2"
[recipients.mail]
transport = "smtp"
host = "mail.example"
sender = "a@b.example"
to = "c@d.example"
recipient_certificate_file = "{client_pair.certificate_file}"
{keys}
[recipients.sftp]
transport = "sftp"
host = "sftp.example"
user = "u"
host_key_file = "{tmp_path}/ssh.pub"
key_file = "{tmp_path}/ssh"
[recipients.https]
transport = "https"
url = "https://concentrator.example/files"
{keys}
[[routes]]
flow = 2
to = "https"
[[routes]]
to = "mail"
""",
        encoding="utf-8",
    )
    return path


def wrong(path: Path) -> dict[str | None, str]:
    with pytest.raises(RecipientsInvalid) as raised:
        open_transports(read_recipients(path))
    return {fault.field: fault.code for fault in raised.value.faults}


def test_each_recipient_has_its_transport(file: Path) -> None:
    opened = {name: type(one) for name, one in open_transports(read_recipients(file)).items()}
    kinds = {"folder": DirectoryTransport, "cft": CftTransport, "mail": SmtpTransport, "sftp": SftpTransport, "https": HttpsTransport}
    assert opened == kinds


def test_every_key_and_folder_that_is_wrong_is_told_at_once(file: Path, tmp_path: Path, client_pair: Pair, authority: Authority) -> None:
    text = file.read_text(encoding="utf-8")
    for before, after in (
        (f"{tmp_path}/out", f"{tmp_path}/missing"),
        (f'host_key_file = "{tmp_path}/ssh.pub"', f'host_key_file = "{authority.file}"'),
        (f'ca_file = "{authority.file}"', f'ca_file = "{client_pair.key_file}"'),
        (f'recipient_certificate_file = "{client_pair.certificate_file}"', 'recipient_certificate_file = "/nowhere/x.pem"'),
    ):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "ssh").chmod(0o644)
    file.write_text(text, encoding="utf-8")
    assert wrong(file) == {
        "recipients.folder.folder": "RECIPIENTS_FOLDER", "recipients.cft.folder": "RECIPIENTS_FOLDER",
        "recipients.mail.ca_file": "RECIPIENTS_KEY", "recipients.mail.recipient_certificate_file": "RECIPIENTS_KEY",
        "recipients.sftp.host_key_file": "RECIPIENTS_KEY", "recipients.sftp.key_file": "RECIPIENTS_KEY",
        "recipients.https.ca_file": "RECIPIENTS_KEY",
    }  # fmt: skip


def test_a_key_of_another_certificate_is_told(file: Path, authority: Authority, client_pair: Pair) -> None:
    other = authority.pair("another", kind="rsa")
    text = file.read_text(encoding="utf-8").replace(str(client_pair.key_file), str(other.key_file))
    file.write_text(text, encoding="utf-8")
    assert wrong(file) == {"recipients.mail": "RECIPIENTS_KEY", "recipients.https": "RECIPIENTS_KEY"}


def test_sftp_without_its_library_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "asyncssh" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert wrong(file) == {"recipients.sftp.transport": "RECIPIENTS_LIBRARY"}


def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desmos_fast.cli", "recipients", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_command_checks_a_file_and_shows_it(file: Path) -> None:
    shown = run("--check", file)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "flow 2 -> https\neverything else -> mail\n" in shown.stdout and "sftp.example" in shown.stdout
    found = orjson.loads(run("--json", DESMOS_RECIPIENTS=str(file)).stdout)
    assert list(found["recipients"]) == ["folder", "cft", "mail", "sftp", "https"]
    assert found["recipients"]["https"]["url"] == "https://concentrator.example/files"


def test_the_command_tells_each_fault_as_a_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("https://concentrator", "http://concentrator").replace('idf = "B2"', "")
    file.write_text(text, encoding="utf-8")
    for shown in (run("--check", file), run(DESMOS_RECIPIENTS=str(file))):
        assert (shown.returncode, shown.stdout) == (1, "")
        assert [(one["field"], one["code"]) for one in map(orjson.loads, shown.stderr.splitlines())] == [
            ("recipients.cft.idf", "RECIPIENTS_MISSING"), ("recipients.https.url", "RECIPIENTS_PLAIN_TEXT"),
        ]  # fmt: skip
