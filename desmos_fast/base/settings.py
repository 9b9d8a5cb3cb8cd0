# SPDX-License-Identifier: Apache-2.0
"""What an operator sets through the environment, read once and checked before anything starts."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from desmos_fast.base.errors import InvalidInput

WebhookHosts = Literal["public", "any"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ROOT_DATA_DIR: Final = Path("/var/lib/desmos-fast")
SIGNERS: Final = ("none", "simulator")
WEBHOOK_HOSTS: Final[tuple[WebhookHosts, ...]] = ("public", "any")
LOG_LEVELS: Final = ("info", "warning", "error")
DSN_SCHEMES: Final = ("postgresql://", "postgres://")
MAX_PORT: Final = 65_535
# One hears the other processes for as long as this one has workstations: with no other nothing would be answered any more.
MIN_POOL: Final = 2
MAX_POOL: Final = 64
BULK_LINES: Final = 5_000
MAX_DEADLINE_S: Final = 3600
MAX_BULK: Final = 999_999_999
_KNOWN: Final = frozenset({
    "DESMOS_DATA_DIR", "DESMOS_DSN", "DESMOS_OWNER_DSN", "DESMOS_PG_BIN", "DESMOS_HOST", "DESMOS_PORT", "DESMOS_LOG_LEVEL",
    "DESMOS_POOL_SIZE", "DESMOS_LAYOUTS", "DESMOS_TARIFFS", "DESMOS_RECIPIENTS", "DESMOS_SIGNING",
    "DESMOS_WEBHOOK_HOSTS", "DESMOS_MAIL", "DESMOS_IDENTITY", "DESMOS_BULK_LINES", "DESMOS_KEYS", "DESMOS_TRUSTED_PROXIES",
    "DESMOS_DEADLINE_S", "DESMOS_DEADLINE_HOT_S", "DESMOS_DEADLINE_LONG_S",
    "DESMOS_OTLP", "DESMOS_BACKUPS", "DESMOS_BACKUP_DSN", "DESMOS_CERTIFICATES", "DESMOS_CARDS",
})  # fmt: skip


class BadSetting(InvalidInput):
    """A DESMOS_ variable has a value that cannot be used."""

    code = "invalid_input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How many seconds a request may take: most of them, the one that signs an invoice, those of many rows."""

    ordinary_s: float = 30
    hot_s: float = 10
    long_s: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one installation; a DSN holds a password and stays out of the repr."""

    data_dir: Path
    dsn: str | None = field(default=None, repr=False)
    owner_dsn: str | None = field(default=None, repr=False)
    pg_bin: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    log_level: str = "warning"
    pool_size: int = 8
    layouts: Path | None = None
    tariffs: Path | None = None
    recipients: Path | None = None
    mail: Path | None = None
    identity: Path | None = None
    keys: Path | None = None
    webhook_hosts: WebhookHosts = "public"
    signing: str = SIGNERS[0]
    trusted_proxies: tuple[Network, ...] = ()
    deadlines: Deadlines = Deadlines()
    otlp: str | None = None
    backups: Path | None = None
    backup_dsn: str | None = field(default=None, repr=False)
    certificates: tuple[Path, ...] = ()


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read DESMOS_* from `env`, the process's own by default; a variable that is empty counts as absent.

    Raises BadSetting, which names the variable and what it takes, never a DSN.
    """
    given = {name: value for name in _KNOWN if (value := (os.environ if env is None else env).get(name, ""))}
    for name, value in given.items():
        _check_text(name, value)
    level = given.get("DESMOS_LOG_LEVEL", "warning")
    if level not in LOG_LEVELS:
        raise BadSetting(f"DESMOS_LOG_LEVEL is {level!r}", hint=f"one of {', '.join(LOG_LEVELS)}")
    hosts = given.get("DESMOS_WEBHOOK_HOSTS", "public")
    if hosts not in WEBHOOK_HOSTS:
        raise BadSetting(f"DESMOS_WEBHOOK_HOSTS is {hosts[:40]!r}", hint=f"one of {', '.join(WEBHOOK_HOSTS)}")
    dsn, owner_dsn = _dsn(given, "DESMOS_DSN"), _dsn(given, "DESMOS_OWNER_DSN")
    if owner_dsn and not dsn:
        raise BadSetting("DESMOS_OWNER_DSN is set without DESMOS_DSN", hint="set both, or neither for the embedded database")
    if given.get("DESMOS_BACKUP_DSN") and not dsn:
        raise BadSetting("DESMOS_BACKUP_DSN is set without DESMOS_DSN", hint="the embedded database needs none")
    bulk_lines(given)
    pg_bin = given.get("DESMOS_PG_BIN")
    return Settings(
        data_dir=_data_dir(given.get("DESMOS_DATA_DIR"), os.environ if env is None else env),
        dsn=dsn,
        owner_dsn=owner_dsn,
        pg_bin=_absolute("DESMOS_PG_BIN", pg_bin) if pg_bin else None,
        host=given.get("DESMOS_HOST", "127.0.0.1"),
        port=_whole(given, "DESMOS_PORT", 8080, 0, MAX_PORT),
        log_level=level,
        pool_size=_whole(given, "DESMOS_POOL_SIZE", 8, MIN_POOL, MAX_POOL),
        layouts=layouts(env),
        tariffs=tariffs(env),
        recipients=recipients(env),
        mail=_path("DESMOS_MAIL", env),
        identity=_path("DESMOS_IDENTITY", env),
        keys=_path("DESMOS_KEYS", env),
        webhook_hosts=hosts,
        signing=signing(env),
        trusted_proxies=_networks(given.get("DESMOS_TRUSTED_PROXIES", "")),
        deadlines=_deadlines(given),
        otlp=_url(given, "DESMOS_OTLP"),
        backups=_path("DESMOS_BACKUPS", env),
        backup_dsn=_dsn(given, "DESMOS_BACKUP_DSN"),
        certificates=tuple(_absolute("DESMOS_CERTIFICATES", one) for one in given.get("DESMOS_CERTIFICATES", "").split(",") if one),
    )


def layouts(env: Mapping[str, str] | None = None) -> Path | None:
    """Read DESMOS_LAYOUTS alone, the folder of a layout pack: codecs need no other setting. Raises BadSetting."""
    return _path("DESMOS_LAYOUTS", env)


def tariffs(env: Mapping[str, str] | None = None) -> Path | None:
    """Read DESMOS_TARIFFS alone, the folder of a tariff pack: pricing needs no other setting. Raises BadSetting."""
    return _path("DESMOS_TARIFFS", env)


def recipients(env: Mapping[str, str] | None = None) -> Path | None:
    """Read DESMOS_RECIPIENTS alone, the file that says who claim files go to. Raises BadSetting."""
    return _path("DESMOS_RECIPIENTS", env)


def cards(env: Mapping[str, str] | None = None) -> Path | None:
    """Read DESMOS_CARDS alone, the file of what a workstation reads cards with. Raises BadSetting."""
    return _path("DESMOS_CARDS", env)


def signing(env: Mapping[str, str] | None = None) -> str:
    """Read DESMOS_SIGNING alone, who signs lots: one of SIGNERS, the first unless it is said. Raises BadSetting."""
    text = (os.environ if env is None else env).get("DESMOS_SIGNING", "") or SIGNERS[0]
    if text not in SIGNERS:
        raise BadSetting(f"DESMOS_SIGNING is {text[:40]!r}", hint=f"one of {', '.join(SIGNERS)}")
    return text


def bulk_lines(env: Mapping[str, str] | None = None) -> int:
    """Read DESMOS_BULK_LINES alone, from how many free lines on a run settles what is certain in bulk. Raises BadSetting."""
    text = (os.environ if env is None else env).get("DESMOS_BULK_LINES", "")
    return _whole({"DESMOS_BULK_LINES": text} if text else {}, "DESMOS_BULK_LINES", BULK_LINES, 1, MAX_BULK)


def _path(name: str, env: Mapping[str, str] | None) -> Path | None:
    text = (os.environ if env is None else env).get(name, "")
    _check_text(name, text)
    return _absolute(name, text) if text else None


def _check_text(name: str, value: str) -> None:
    if not value.isprintable() or value != value.strip():
        raise BadSetting(f"{name} holds a control character or begins or ends with a space")


def _whole(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    # str.isdigit alone would let through the digits of other scripts, and int() underscores and signs.
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise BadSetting(f"{name} is {text[:40]!r}", hint=f"a whole number from {low} to {high}")
    return int(text)


def _deadlines(given: Mapping[str, str]) -> Deadlines:
    usual = Deadlines()
    return Deadlines(
        ordinary_s=_whole(given, "DESMOS_DEADLINE_S", int(usual.ordinary_s), 1, MAX_DEADLINE_S),
        hot_s=_whole(given, "DESMOS_DEADLINE_HOT_S", int(usual.hot_s), 1, MAX_DEADLINE_S),
        long_s=_whole(given, "DESMOS_DEADLINE_LONG_S", int(usual.long_s), 1, MAX_DEADLINE_S),
    )


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",")) if text else ()
    except ValueError:
        raise BadSetting(
            f"DESMOS_TRUSTED_PROXIES is {text[:80]!r}", hint="addresses or networks such as 10.0.0.7 or 10.0.0.0/24, with commas between"
        ) from None


def _dsn(given: Mapping[str, str], name: str) -> str | None:
    dsn = given.get(name)
    if dsn is not None and not dsn.startswith(DSN_SCHEMES):
        raise BadSetting(f"{name} is not a PostgreSQL URL", hint="postgresql://user:password@host:5432/desmos")
    return dsn


def _url(given: Mapping[str, str], name: str) -> str | None:
    url = given.get(name)
    if url is not None and not url.startswith(("http://", "https://")):
        raise BadSetting(f"{name} is {url[:80]!r}", hint="an http or https URL, such as http://127.0.0.1:4318/v1/traces")
    return url


def _absolute(name: str, text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise BadSetting(f"{name} is {text!r}", hint="give an absolute path: services do not start where you are")
    # normpath keeps two leading slashes, to which POSIX lets a system give a meaning; ours gives none.
    return Path("/", os.path.normpath(path).lstrip("/"))


def _data_dir(text: str | None, env: Mapping[str, str]) -> Path:
    if text is not None:
        path = _absolute("DESMOS_DATA_DIR", text)
        if path == Path("/"):
            raise BadSetting("DESMOS_DATA_DIR is the root of the file system", hint=f"a folder of its own, such as {ROOT_DATA_DIR}")
        return path
    if os.geteuid() == 0:
        return ROOT_DATA_DIR
    # The XDG rules: a relative XDG_DATA_HOME is to be ignored.
    shared = env.get("XDG_DATA_HOME", "")
    if shared.startswith("/"):
        return Path(shared) / "desmos-fast"
    home = env.get("HOME", "")
    if not home.startswith("/"):
        raise BadSetting("no folder for the data: neither HOME nor XDG_DATA_HOME is set", hint="set DESMOS_DATA_DIR")
    return Path(home) / ".local" / "share" / "desmos-fast"
