# SPDX-License-Identifier: Apache-2.0
"""Settings: defaults, what each variable takes, and errors that tell what to do without telling a password."""

import os
from pathlib import Path

import pytest

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.settings import ROOT_DATA_DIR, BadSetting, Deadlines, Settings, load

DSN = "postgresql://desmos_app:hush@db.test/desmos"


def test_the_defaults_serve_on_this_machine_only() -> None:
    settings = load({"HOME": "/home/ops"})
    expected = ROOT_DATA_DIR if os.geteuid() == 0 else Path("/home/ops/.local/share/desmos-fast")
    assert settings == Settings(data_dir=expected)
    assert (settings.host, settings.port, settings.log_level, settings.pool_size) == ("127.0.0.1", 8080, "warning", 8)
    assert (settings.dsn, settings.owner_dsn, settings.pg_bin, settings.layouts, settings.tariffs) == (None, None, None, None, None)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"HOME": "/home/ops"}, "/home/ops/.local/share/desmos-fast"),
        ({"HOME": "/home/ops", "XDG_DATA_HOME": "/srv/share"}, "/srv/share/desmos-fast"),
        ({"HOME": "/home/ops", "XDG_DATA_HOME": "relative"}, "/home/ops/.local/share/desmos-fast"),
        ({"HOME": "/home/ops", "DESMOS_DATA_DIR": "/srv//desmos/"}, "/srv/desmos"),
    ],
)
def test_an_ordinary_user_has_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], expected: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert load(env).data_dir == Path(expected)


def test_an_ordinary_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InvalidInput) as caught:
        load({})
    assert "DESMOS_DATA_DIR" in caught.value.hint


def test_every_variable_is_read() -> None:
    settings = load({
        "DESMOS_DATA_DIR": "/srv/d", "DESMOS_DSN": DSN, "DESMOS_OWNER_DSN": "postgres://o:hush@db.test/desmos",
        "DESMOS_PG_BIN": "/opt/pg/bin", "DESMOS_HOST": "::1", "DESMOS_PORT": "0", "DESMOS_LOG_LEVEL": "info", "DESMOS_POOL_SIZE": "64",
        "DESMOS_LAYOUTS": "/srv/layouts//essai-2/", "DESMOS_TARIFFS": "/srv/tariffs/centre-1",
        "DESMOS_RECIPIENTS": "/etc/desmos-fast/recipients.toml", "DESMOS_WEBHOOK_HOSTS": "any",
    })  # fmt: skip
    assert settings == Settings(
        data_dir=Path("/srv/d"), dsn=DSN, owner_dsn="postgres://o:hush@db.test/desmos", pg_bin=Path("/opt/pg/bin"),
        host="::1", port=0, log_level="info", pool_size=64, layouts=Path("/srv/layouts/essai-2"), tariffs=Path("/srv/tariffs/centre-1"),
        recipients=Path("/etc/desmos-fast/recipients.toml"), webhook_hosts="any",
    )  # fmt: skip
    assert "hush" not in repr(settings)


def test_deadlines_are_whole_seconds(tmp_path: Path) -> None:
    env = {"DESMOS_DATA_DIR": str(tmp_path)}
    assert load(env).deadlines == Deadlines(ordinary_s=30, hot_s=10, long_s=600)
    given = load(env | {"DESMOS_DEADLINE_S": "5", "DESMOS_DEADLINE_HOT_S": "2", "DESMOS_DEADLINE_LONG_S": "3600"})
    assert given.deadlines == Deadlines(ordinary_s=5, hot_s=2, long_s=3600)
    for name in ("DESMOS_DEADLINE_S", "DESMOS_DEADLINE_HOT_S", "DESMOS_DEADLINE_LONG_S"):
        for value in ("0", "1.5", "3601"):
            with pytest.raises(BadSetting, match=f"{name} is"):
                load(env | {name: value})


def test_an_empty_variable_is_an_absent_one() -> None:
    names = ("DATA_DIR", "DSN", "OWNER_DSN", "PG_BIN", "HOST", "PORT", "LOG_LEVEL", "POOL_SIZE", "LAYOUTS", "TARIFFS", "WEBHOOK_HOSTS")
    assert load({"HOME": "/home/ops"} | {f"DESMOS_{name}": "" for name in names}) == load({"HOME": "/home/ops"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"), ("PORT", "65536"), ("PORT", "80.0"), ("PORT", "8_080"), ("PORT", "٨٠"), ("PORT", " 80"), ("PORT", "9" * 5000),
        ("POOL_SIZE", "1"), ("POOL_SIZE", "65"), ("POOL_SIZE", "many"), ("LOG_LEVEL", "INFO"), ("LOG_LEVEL", "debug"),
        ("DATA_DIR", "relative"), ("DATA_DIR", "/"), ("DATA_DIR", "//"), ("DATA_DIR", "/srv/../"), ("DATA_DIR", "/srv/a\nb"),
        ("LAYOUTS", "packs/essai-2"), ("LAYOUTS", "/srv/a\nb"), ("TARIFFS", "packs"), ("PG_BIN", "bin"),
        ("DSN", "host=db.test password=hush"), ("DSN", "mysql://hush@db.test"), ("OWNER_DSN", DSN),
        ("WEBHOOK_HOSTS", "private"), ("WEBHOOK_HOSTS", "Any"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name_and_without_its_password(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"DESMOS_{name}") as caught:
        load({"HOME": "/home/ops", f"DESMOS_{name}": value})
    assert "hush" not in caught.value.detail + caught.value.hint
