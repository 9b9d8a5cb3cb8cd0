# SPDX-License-Identifier: Apache-2.0
"""Master keys in files: plain, wrapped by a key of another file, wrapped by a key service with certificates on both sides."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desmos_fast.base.settings import Settings
from desmos_fast.db.keyring import KeyUse
from desmos_fast.db.masters import KeyFiles, key_files, open_keyring
from desmos_fast.db.secrets import SecretMissing, SecretUnreadable
from desmos_fast.db.wrapping import KeysInvalid, WrapFailed, open_wrapper
from tests.db.key_service import KeyService, serving
from tests.lots.transports.authority import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def service(authority: Authority) -> Iterator[KeyService]:
    with serving(authority) as running:
        yield running


def told(folder: Path, service: KeyService, authority: Authority, of: Authority | None = None) -> Path:
    """Write the file that names the service, with a certificate of ours."""
    pair = (of or authority).pair("desmos")
    path = folder / "keys.toml"
    path.write_text(
        f'[service]\nurl = "https://127.0.0.1:{service.server_port}/v1"\ncertificate = "{pair.certificate_file}"\nkey = "{pair.key_file}"\n'
        f'authority = "{authority.file}"\n'
    )
    return path


def kek(folder: Path, name: str = "kek") -> Path:
    """Write a key that wraps keys, and the file that names it."""
    secret = folder / name
    secret.write_bytes(name.encode().ljust(32, b"."))
    secret.chmod(0o600)
    path = folder / f"{name}.toml"
    path.write_text(f'[file]\npath = "{secret}"\n')
    return path


def names(data: Path) -> set[str]:
    return {path.name for path in (data / "secrets").iterdir()}


def test_a_service_wraps_each_key_under_its_name(tmp_path: Path, service: KeyService, authority: Authority) -> None:
    settings = Settings(data_dir=tmp_path / "data", keys=told(tmp_path, service, authority))
    ring = open_keyring(settings, make=True)
    key_files(settings).make(1)
    assert names(settings.data_dir) == {"wrapped_master", "wrapped_master_1"}
    ring.follow(KeyUse(1, 0))
    assert open_keyring(settings).master(0) == ring.master(0) != ring.master(1)
    for name in ("wrapped_master", "wrapped_master_1"):
        kept = (settings.data_dir / "secrets" / name).read_bytes()
        assert kept.startswith(b"k1:") and ring.master(0) not in kept
    assert ("/v1/wrap", "desmos-fast/1/master_1") in service.asked
    # A wrapped key in the place of another one does not open.
    (settings.data_dir / "secrets" / "wrapped_master").replace(settings.data_dir / "secrets" / "wrapped_master_1")
    with pytest.raises(WrapFailed, match="answered 403"):
        key_files(settings).load(1)


def test_who_has_no_certificate_of_the_authority_is_not_answered(tmp_path: Path, service: KeyService, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    wrapper = open_wrapper(told(tmp_path, service, authority, of=Authority(tmp_path / "other")))
    assert wrapper is not None
    with pytest.raises(WrapFailed, match="cannot be asked"):
        wrapper.wrap("master", b"k" * 32)
    assert service.asked == []


def test_a_service_of_another_authority_is_not_believed(tmp_path: Path, service: KeyService, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    path = told(tmp_path, service, authority)
    path.write_text(path.read_text().replace(str(authority.file), str(other.file)))
    wrapper = open_wrapper(path)
    assert wrapper is not None
    with pytest.raises(WrapFailed, match="SSLCertVerificationError"):
        wrapper.wrap("master", b"k" * 32)
    assert service.asked == []


def test_a_service_that_is_away_or_refuses_is_outside_failed(tmp_path: Path, service: KeyService, authority: Authority) -> None:
    path = told(tmp_path, service, authority)
    wrapper = open_wrapper(path)
    assert wrapper is not None
    service.status = 503
    with pytest.raises(WrapFailed, match="answered 503"):
        wrapper.wrap("master", b"k" * 32)
    path.write_text(path.read_text().replace(f":{service.server_port}/", ":1/"))
    away = open_wrapper(path)
    assert away is not None
    with pytest.raises(WrapFailed, match="ConnectionRefusedError") as refusal:
        away.unwrap("master", b"k1:")
    assert "127.0.0.1" not in str(refusal.value)


def test_plain_keys_are_wrapped_and_taken_away(tmp_path: Path) -> None:
    plain = Settings(data_dir=tmp_path / "data")
    masters = [open_keyring(plain, make=True).master(0)]
    KeyFiles(plain.data_dir).make(1)
    masters.append(KeyFiles(plain.data_dir).load(1))
    wrapped = Settings(data_dir=plain.data_dir, keys=kek(tmp_path))
    # Until they are wrapped they are read as they are.
    assert [key_files(wrapped).load(number) for number in (0, 1)] == masters
    assert key_files(wrapped).wrap_all() == 2
    assert names(plain.data_dir) == {"wrapped_master", "wrapped_master_1"}
    assert [key_files(wrapped).load(number) for number in (0, 1)] == masters
    with pytest.raises(SecretMissing):
        key_files(plain).load(0)
    with pytest.raises(WrapFailed, match="does not open"):
        key_files(Settings(data_dir=plain.data_dir, keys=kek(tmp_path, "other"))).load(0)


def test_a_key_is_never_taken_away_when_another_is_wrapped_under_its_name(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", keys=kek(tmp_path))
    open_keyring(settings, make=True)
    KeyFiles(settings.data_dir).make(0)
    with pytest.raises(SecretUnreadable, match="another key"):
        key_files(settings).wrap_all()
    assert names(settings.data_dir) == {"master", "wrapped_master"}


@pytest.mark.parametrize(
    "text",
    ["", "[file]\n", '[file]\npath = "a"\n[service]\nurl = "https://a/"\ncertificate = "a"\nkey = "a"\nauthority = "a"\n', "[other]\n", "x",
     '[service]\nurl = "http://a/"\ncertificate = "a"\nkey = "a"\nauthority = "a"\n'],
)  # fmt: skip
def test_a_file_that_does_not_say_who_wraps_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(KeysInvalid):
        open_wrapper(path)
    with pytest.raises(KeysInvalid):
        open_wrapper(tmp_path / "none.toml")
