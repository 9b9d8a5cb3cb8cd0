# SPDX-License-Identifier: Apache-2.0
"""What stands around the cards on this machine: files of the vendors' components, who holds our ports, policies of browsers, the service.

Where the vendors' files are, and what stands in them, is from hearsay: what is not found is said to be not found, never to be wrong.
"""

import configparser
import contextlib
import email.utils
import json
import os
import re
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from desmos_fast.agents.wire import LOOPBACK_HEALTH, LOOPBACK_PORTS
from desmos_fast.base.errors import DesmosError
from readers.doctor.model import Around, Holder, Ini, Tables
from readers.loopback.gate import origin_of
from readers.loopback.said import PRODUCT
from readers.uplink_folder import Folder

ASK_S: Final = 2.0
SERVICE_S: Final = 10.0
SECONDS_A_DAY: Final = 86_400
LARGEST: Final = 1 << 20
# Below the root of a disk, the first that is there counts.
GALSS: Final = (
    "ProgramData/santesocial/galss/galss.ini", "Windows/galss.ini", "etc/opt/santesocial/galss/galss.ini", "etc/galss.ini",
)  # fmt: skip
SESAM: Final = (
    "ProgramData/santesocial/fsv/*/conf/sesam.ini", "ProgramData/santesocial/fsv/conf/sesam.ini", "Windows/sesam.ini",
    "etc/opt/santesocial/fsv/*/conf/sesam.ini", "etc/sesam.ini",
)  # fmt: skip
COMPONENTS: Final = (
    "ProgramData/santesocial/fsv", "Program Files/santesocial/fsv", "Program Files (x86)/santesocial/fsv", "opt/santesocial/fsv",
)  # fmt: skip
POLICIES: Final = ("etc/opt/chrome/policies/managed/*.json", "etc/chromium/policies/managed/*.json")
ALLOWED: Final = ("LocalNetworkAccessAllowedForUrls", "LoopbackNetworkAllowedForUrls")
BLOCKED: Final = ("LocalNetworkAccessBlockedForUrls", "LoopbackNetworkBlockedForUrls")
WINDOWS_POLICIES: Final = r"""
$found = @{}
$names = 'LocalNetworkAccessAllowedForUrls', 'LoopbackNetworkAllowedForUrls', 'LocalNetworkAccessBlockedForUrls',
  'LoopbackNetworkBlockedForUrls'
foreach ($name in $names) {
  $key = Get-Item "HKLM:\SOFTWARE\Policies\Google\Chrome\$name" -ErrorAction SilentlyContinue
  if ($key) { $found[$name] = @($key.GetValueNames() | ForEach-Object { $key.GetValue($_) }) }
}
$found | ConvertTo-Json -Compress
"""


def around(folder: Folder, root: Path | None = None) -> Around:
    """Look around; the service is asked where this workstation is enrolled."""
    base = Path(Path.home().anchor) if root is None else root
    url, ends = _enrolled(folder)
    reached, drift_s = service(url) if url else (None, None)
    return Around(
        galss=ini(base, GALSS), sesam=ini(base, SESAM), versions=versions(base), tables=tables(ini(base, SESAM)),
        ports=[holder(port, url) for port in LOOPBACK_PORTS], origin=url, policy=policy(url, base) if url else None,
        service_reached=reached, drift_s=drift_s, certificate_days=ends,
    )  # fmt: skip


def _enrolled(folder: Folder) -> tuple[str | None, int | None]:
    """Return the service that this workstation belongs to, and for how many days its certificate lasts."""
    try:
        return folder.service().url, (folder.identity().ends_at - datetime.now(UTC)).days
    except DesmosError:
        return None, None


def ini(base: Path, places: Iterable[str]) -> Ini | None:
    """Return the first file that is there: its sections, and what their keys say."""
    for place in places:
        for path in sorted(base.glob(place), reverse=True):
            return _read(path)
    return None


def _read(path: Path) -> Ini:
    # The vendors' files repeat keys, and hold percent signs that stand for themselves.
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        with path.open("rb") as file:
            parser.read_string(file.read(LARGEST).decode("latin-1"))
    except (OSError, configparser.Error) as error:
        return Ini(path=str(path), fault=type(error).__name__)
    return Ini(path=str(path), sections={name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()})


def versions(base: Path) -> list[str]:
    """Return the versions of the FSV components that are installed, by their folders."""
    found = {each.name for place in COMPONENTS for each in (base / place).glob("*") if re.fullmatch(r"\d+(\.\d+)+", each.name)}
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def tables(sesam: Ini | None) -> Tables | None:
    """Return how many tables lie in the folder that sesam.ini names, and how old the newest is."""
    if sesam is None:
        return None
    said = [value for keys in sesam.sections.values() for key, value in keys.items() if "table" in key and "rep" in key and value]
    if not said:
        return None
    try:
        ages = [time.time() - each.stat().st_mtime for each in Path(said[0].strip('"')).iterdir() if each.is_file()]
    except OSError:
        return Tables(path=said[0], count=0, age_days=None)
    return Tables(path=said[0], count=len(ages), age_days=int(max(0.0, min(ages)) // SECONDS_A_DAY) if ages else None)


def holder(port: int, url: str | None) -> Holder:
    """Return who listens on a port of the loopback: nobody, an agent of ours, or another program, by its name where the system says it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ASK_S):
            pass
    except OSError:
        return Holder(port=port, who="free")
    request = urllib.request.Request(f"http://127.0.0.1:{port}{LOOPBACK_HEALTH}", headers={"Origin": origin_of(url) if url else "null"})
    # Whatever does not answer as an agent is none that knows this service; and a proxy would have its own idea of this machine.
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=ASK_S) as reply,
    ):
        told = json.loads(reply.read(LARGEST))
        if isinstance(told, dict) and told.get("product") == PRODUCT:
            return Holder(port=port, who="agent", program=str(told.get("desk", ""))[:100])
    return Holder(port=port, who="other", program=_program(port))


def _program(port: int, proc: Path = Path("/proc")) -> str:
    """Return the name of the program that listens on a port, empty where the system does not say it to us."""
    if os.name == "nt":
        query = f"(Get-Process -Id (Get-NetTCPConnection -LocalPort {port} -State Listen).OwningProcess).ProcessName"
        return _said("powershell", "-NoProfile", "-Command", query).strip()[:100]
    inode = _inode(proc, port)
    for link in proc.glob("[0-9]*/fd/*") if inode else ():
        with contextlib.suppress(OSError):
            if os.readlink(link) == f"socket:[{inode}]":
                return (link.parents[1] / "comm").read_text(encoding="utf-8", errors="replace").strip()[:100]
    return ""


def _inode(proc: Path, port: int) -> str:
    listening = "0A"
    with contextlib.suppress(OSError):
        for line in (proc / "net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            field = line.split()
            if field[1].endswith(f":{port:04X}") and field[3] == listening:
                return field[9]
    return ""


def policy(url: str, base: Path, ask: Callable[[], str] | None = None) -> str:
    """Return what Chrome's managed policies say of the pages of the service: `allowed`, `blocked`, or `asked` where nothing."""
    said: list[Mapping[str, Any]] = []
    if os.name == "nt" or ask is not None:
        said.append(_object(ask() if ask is not None else _said("powershell", "-NoProfile", "-Command", WINDOWS_POLICIES)))
    for place in POLICIES:
        for path in sorted(base.glob(place)):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                said.append(_object(path.read_text(encoding="utf-8")))
    for names, outcome in ((BLOCKED, "blocked"), (ALLOWED, "allowed")):
        if any(_covers(str(pattern), url) for each in said for name in names for pattern in _list(each.get(name))):
            return outcome
    return "asked"


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _covers(pattern: str, url: str) -> bool:
    """Say whether a pattern of a policy covers an address: `*`, an origin, a host, `[*.]host`."""
    scheme, _, host = url.partition("://")
    host = host.partition("/")[0]
    wanted, _, place = pattern.rpartition("://")
    place = place.partition("/")[0]
    if wanted not in ("", "*", scheme):
        return False
    if place.startswith("[*.]"):
        name = host.rpartition(":")[0] or host
        return name == place[4:] or name.endswith(f".{place[4:]}")
    return place in ("*", host)


def service(url: str, now: Callable[[], float] = time.time) -> tuple[bool, int | None]:
    """Return whether the service answers, and by how many seconds this machine's clock is ahead of it."""
    began = now()
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=SERVICE_S) as reply:
            said = reply.headers.get("Date")
    except urllib.error.HTTPError as error:
        said = error.headers.get("Date")
    except (OSError, ValueError, ssl.SSLError):
        return False, None
    try:
        # The second that it says begins up to one second before.
        at = email.utils.parsedate_to_datetime(said or "").timestamp() + 0.5
    except ValueError:
        return True, None
    return True, round((began + now()) / 2 - at)


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
