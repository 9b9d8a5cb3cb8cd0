# SPDX-License-Identifier: Apache-2.0
"""When certificates end that settings name, wherever they name them; one that cannot be read is seen."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from desmos_fast.agents import authority
from desmos_fast.base.settings import BadSetting, Settings, load
from desmos_fast.certificates import jobs
from desmos_fast.lots.recipients.model import Https, Recipient, Recipients, Sftp, Smtp, Way
from monitoring import metrics

BORN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def pem(days: int) -> bytes:
    """Return a certificate that ends so many days after the birth of all of them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "essai")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(days + 1)
    signed = made.not_valid_before(BORN).not_valid_after(BORN + timedelta(days=days)).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)


def file(folder: Path, name: str, *days: int) -> str:
    path = folder / name
    path.write_bytes(b"".join(map(pem, days)))
    return str(path)


def shown(found: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], int]:
    return {labels: round((end_s - BORN.timestamp()) / 86400) for labels, end_s in found.items()}


def recipients(*given: Recipient) -> Recipients:
    return Recipients({one.name: one for one in given}, ())


def test_each_place_where_settings_name_one(tmp_path: Path) -> None:
    mutual = Https(
        url="https://caisse.example/", certificate_file=file(tmp_path, "client", 10, 900), key_file="/k",
        ca_file=file(tmp_path, "ca", 20, 700),
    )  # fmt: skip
    letters = Smtp(
        host="mail.example", sender="a@b.example", to="c@d.example", certificate_file=file(tmp_path, "own", 30), key_file="/k",
        recipient_certificate_file=file(tmp_path, "theirs", 40),
    )  # fmt: skip
    shell = Sftp(host="sftp.example", user="u", host_key_file="/h", key_file="/k")
    mail, keys = tmp_path / "mail.toml", tmp_path / "keys.toml"
    mail.write_text(f'host = "mail.example"\nsender = "a@b.example"\nca_file = "{file(tmp_path, "mail-ca", 50)}"\n')
    keys.write_text(
        f'[service]\nurl = "https://keys.example/v1"\ncertificate = "{file(tmp_path, "kc", 60)}"\nkey = "/k"\n'
        f'authority = "{file(tmp_path, "ka", 70, 80)}"\n'
    )
    proxies = (Path(file(tmp_path, "proxy", 90)), Path(file(tmp_path, "other", 85)))
    settings = Settings(data_dir=tmp_path / "data", mail=mail, keys=keys, certificates=proxies)
    ways: dict[str, Way] = {"cpam": mutual, "mutuelles": letters, "shell": shell}
    named = recipients(*(Recipient(name=name, way=way) for name, way in ways.items()))
    assert shown(jobs.ends(settings, named)) == {
        # Of a chain the first, of authorities the one that lasts, of two proxies the one that ends first.
        ("client", "cpam"): 10, ("authority", "cpam"): 700, ("signing", "mutuelles"): 30, ("encryption", "mutuelles"): 40,
        ("authority", "*"): 50, ("keys", "*"): 60, ("keys_authority", "*"): 80, ("server", "*"): 85,
    }  # fmt: skip


def test_the_authority_of_agents_is_looked_at_and_never_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    assert jobs.ends(settings, recipients()) == {} and not settings.data_dir.exists()
    authority.open_authority(settings.data_dir)
    [(labels, end_s)] = jobs.ends(settings, recipients()).items()
    assert labels == ("agents", "*")
    assert end_s == pytest.approx((datetime.now(UTC) + authority.OWN_LIFE).timestamp(), abs=86400)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_one_that_cannot_be_read_has_ended(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "proxy.pem"
    if content is not None:
        path.write_bytes(content)
    assert jobs.ends(Settings(data_dir=tmp_path, certificates=(path,)), recipients()) == {("server", "*"): 0.0}


def test_a_worker_shows_them_and_goes_on_when_what_names_them_is_gone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", certificates=(Path(file(tmp_path, "proxy", 90)),))
    gone = Settings(data_dir=tmp_path / "data", mail=tmp_path / "gone.toml")

    async def show(given: Settings) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(jobs.show(given, recipients(), every_s=0.01), 0.3)

    labels = {"certificate": "server", "recipient": "*"}
    asyncio.run(show(settings))
    for _ in range(2):
        end_s = metrics.REGISTRY.get_sample_value("desmos_certificate_end_timestamp_seconds", labels)
        assert end_s == (BORN + timedelta(days=90)).timestamp()
        asyncio.run(show(gone))
    # A certificate that settings name no more is shown no more.
    asyncio.run(show(Settings(data_dir=tmp_path / "data")))
    assert metrics.REGISTRY.get_sample_value("desmos_certificate_end_timestamp_seconds", labels) is None


def test_the_setting_takes_paths() -> None:
    assert load({"DESMOS_CERTIFICATES": "/a/b.pem,/c.pem", "HOME": "/h"}).certificates == (Path("/a/b.pem"), Path("/c.pem"))
    assert load({"HOME": "/h"}).certificates == ()
    with pytest.raises(BadSetting, match="DESMOS_CERTIFICATES"):
        load({"DESMOS_CERTIFICATES": "b.pem", "HOME": "/h"})
    with pytest.raises(BadSetting, match="DESMOS_BACKUP_DSN"):
        load({"DESMOS_BACKUP_DSN": "postgresql://a@b/c", "HOME": "/h"})
