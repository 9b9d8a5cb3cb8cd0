# SPDX-License-Identifier: Apache-2.0
"""Secrets: made once by whoever comes first, kept, and refused when others could have read them."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desmos_fast.base.settings import Settings
from desmos_fast.db.home import Unreachable
from desmos_fast.db.secrets import SecretMissing, SecretUnreadable, kept, secret


def test_a_secret_is_made_once_and_read_ever_after(tmp_path: Path) -> None:
    home = tmp_path / "data"
    made = secret(home, "master")
    assert len(made) == 32
    assert secret(Settings(data_dir=home), "master") == kept(home, "master") == made
    assert secret(home, "api_keys", 48) != made
    assert stat.S_IMODE((home / "secrets" / "master").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    assert sorted(path.name for path in (home / "secrets").iterdir()) == ["api_keys", "master"]


def test_many_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    for round_number in range(20):
        with ThreadPoolExecutor(8) as threads:
            found = set(threads.map(lambda _, name=f"s{round_number}": secret(tmp_path / "data", name), range(8)))
        assert len(found) == 1
    assert len(list((tmp_path / "data" / "secrets").iterdir())) == 20


def test_a_secret_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing):
        kept(tmp_path / "data", "master")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    value = secret(tmp_path / "data", "master")
    path = tmp_path / "data" / "secrets" / "master"
    path.chmod(mode)
    with pytest.raises(SecretUnreadable, match="open to other users") as caught:
        secret(tmp_path / "data", "master")
    assert value.hex() not in str(caught.value)


@pytest.mark.parametrize("size", [0, 31, 33, 4096])
def test_a_secret_of_another_size_is_refused_not_replaced(tmp_path: Path, size: int) -> None:
    secret(tmp_path / "data", "master")
    path = tmp_path / "data" / "secrets" / "master"
    path.write_bytes(b"x" * size)
    with pytest.raises(SecretUnreadable, match="has not 32 bytes"):
        secret(tmp_path / "data", "master")
    assert path.stat().st_size == size


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret(tmp_path / "data", "other")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"x" * 32)
    elsewhere.chmod(0o600)
    (tmp_path / "data" / "secrets" / "master").symlink_to(elsewhere)
    with pytest.raises(SecretUnreadable, match="cannot be read"):
        secret(tmp_path / "data", "master")


@pytest.mark.parametrize("name", ["", "../master", "Master", "a/b", ".hidden", "a" * 64])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name of a secret"):
        secret(tmp_path / "data", name)


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises((Unreachable, SecretUnreadable)):
        secret(tmp_path / "data", "master")
    assert (tmp_path / "data").read_text() == "mine"
