# SPDX-License-Identifier: Apache-2.0
"""The folder of a workstation, where it may connect to, and how long it waits before it tries again."""

import statistics
import tomllib
from pathlib import Path

import pytest

from desmos_fast.agents import wire
from desmos_fast.base.types import uuid7
from readers.uplink import LONGEST_S, VERSION, enrol, pause
from readers.uplink_folder import IDENTITY, QUEUE_KEY, BadService, Folder, FolderUnsound, check_url, default_folder, new_key, request_for
from tests.api.conftest import person


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example/desmos/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"]
)
def test_a_service_is_reached_by_tls_or_on_this_machine(url: str) -> None:
    assert check_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example", "http://127.0.0.1.example", "ftp://a.example", "a.example", "https://", "https://u@a.example",
        "https://a.example?x=1", "",
    ],
)  # fmt: skip
async def test_nothing_is_sent_anywhere_else(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadService):
        await enrol(Folder(tmp_path / "agent"), url, "code")
    assert not (tmp_path / "agent").exists()


def test_a_folder_is_nobody_elses(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "agent")
    folder.make()
    folder.write("x", b"1")
    assert folder.read("x") == b"1"
    (folder.path / "x").chmod(0o644)
    with pytest.raises(FolderUnsound, match="open to others"):
        folder.read("x")
    folder.path.chmod(0o755)
    with pytest.raises(FolderUnsound, match="open to others"):
        folder.make()


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for look in (folder.identity, folder.service):
        with pytest.raises(FolderUnsound):
            look()
    folder.write(IDENTITY, b"nothing")
    with pytest.raises(FolderUnsound):
        folder.identity()
    with pytest.raises(FolderUnsound):
        folder.keep(new_key(), request_for(new_key()))


def test_the_key_of_the_queue_is_made_once(tmp_path: Path) -> None:
    first = Folder(tmp_path).queue_key()
    assert len(first) == 32 and Folder(tmp_path).queue_key() == first and (tmp_path / QUEUE_KEY).stat().st_mode & 0o777 == 0o600


def test_tries_are_drawn_from_longer_and_longer_stretches() -> None:
    for failures, longest in ((0, 0.5), (1, 1.0), (4, 8.0), (7, LONGEST_S), (10_000, LONGEST_S)):
        drawn = [pause(failures) for _ in range(300)]
        assert min(drawn) >= 0 and max(drawn) <= longest
        # Drawn from the whole stretch: workstations that lost their service together do not come back together.
        assert longest * 0.35 < statistics.mean(drawn) < longest * 0.65 and min(drawn) < longest * 0.2


def test_nothing_of_a_person_is_shown() -> None:
    nir = person()
    done = wire.ReadDone(request=uuid7(), atr="", card="vitale2", identity=wire.Holder(nir=nir, last_name="DUPONT"))
    assert nir not in repr(done) and "DUPONT" not in repr(done) and nir in wire.encode(done).decode()


def test_the_version_is_that_of_the_program() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def test_the_folder_is_in_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/desmos-agent")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/a")
    assert default_folder() == Path("/home/a/.local/share/desmos-agent")
