# SPDX-License-Identifier: Apache-2.0
"""What this machine says of itself. Each probe gives none for what it cannot find out, and none touches a card."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from readers.doctor.desk import around
from readers.doctor.model import Facts
from readers.doctor.vendors import vendors
from readers.errors import NoLibrary, ReaderError
from readers.pcsc import MUTE, UNAWARE, Pcsc
from readers.uplink_folder import Folder

T = TypeVar("T")
PATIENCE_S: Final = 5
SECONDS_A_DAY: Final = 86_400
LINE_S: Final = 10.0
BLOCK: Final = 1 << 16
# What a package manager touches when it brought the system up to date.
UPDATED: Final = (
    "/var/lib/apt/periodic/update-success-stamp",
    "/var/lib/dpkg/status",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/pacman/local",
)
PROGRAMS: Final = {
    "firefox": ("firefox", "firefox-esr"),
    "chrome": ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser"),
}
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+|\d+")
# One question to Windows: starting its shell takes longer than all answers.
WINDOWS: Final = r"""
$os = Get-CimInstance Win32_OperatingSystem; $cs = Get-CimInstance Win32_ComputerSystem
$cpu = @(Get-CimInstance Win32_Processor); $v = Get-CimInstance Win32_VideoController | Select-Object -First 1
$fix = Get-HotFix | Where-Object InstalledOn | Sort-Object InstalledOn | Select-Object -Last 1
function path($n) { (Get-Item "HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\$n" -ErrorAction SilentlyContinue).GetValue('') }
function version($n) { $p = path $n; if ($p) { (Get-Item $p).VersionInfo.ProductVersion } }
@{ version = $os.Version; memory = $cs.TotalPhysicalMemory; cpu = $cpu[0].Name; mhz = $cpu[0].MaxClockSpeed
   cores = ($cpu | Measure-Object NumberOfCores -Sum).Sum; width = $v.CurrentHorizontalResolution; height = $v.CurrentVerticalResolution
   updated = if ($fix) { [int]((Get-Date) - $fix.InstalledOn).TotalDays }; firefox = version 'firefox.exe'; chrome = version 'chrome.exe'
} | ConvertTo-Json -Compress
"""


def facts(line_url: str | None = None, folder: Folder | None = None) -> Facts:
    """Ask this machine; measure the line only when a URL to download is given, look around where the agent has its folder."""
    system = platform.system()
    known: Mapping[str, Any] = (
        windows(_said("powershell", "-NoProfile", "-Command", WINDOWS, seconds=60)) if system == "Windows" else linux()
    )
    disk = _or_none(lambda: shutil.disk_usage(Path.home().anchor).total)
    line = line_kbps(line_url) if line_url else None
    looked = around(folder) if folder is not None else None
    return Facts(system=system, disk_bytes=disk, line_kbps=line, around=looked, **{**known, **card_readers(), **vendors()})


def linux(root: Path = Path("/"), run: Callable[..., str] | None = None) -> dict[str, Any]:
    """Return what a Linux machine says; also what other systems of that family say of it."""
    said = run or _said
    info = _or_none(lambda: (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")) or ""
    memory = re.search(r"MemTotal:\s+(\d+)", _or_none(lambda: (root / "proc/meminfo").read_text(encoding="ascii")) or "")
    browsers = {
        name: found for name, programs in PROGRAMS.items() if (found := _first(_version(said(each, "--version")) for each in programs))
    }
    return {
        "version": platform.release(),
        "memory_bytes": int(memory[1]) * 1024 if memory else None,
        "cpu": _field(info, "model name"),
        "cores": _cores(info),
        "cpu_mhz": _or_none(lambda: int((root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").read_text()) // 1000) or _mhz(info),
        "screen": _screen(root),
        "browsers": browsers,
        "update_age_days": _age(root),
    }


def windows(answer: str) -> dict[str, Any]:
    """Return what Windows answered to the one question; a field that is not there, or of another kind, is none."""
    found = _or_none(lambda: msgspec.json.decode(answer.encode(), type=dict[str, Any])) or {}
    width, height = _whole(found.get("width")), _whole(found.get("height"))
    version, cpu = found.get("version"), found.get("cpu")
    return {
        "version": version if isinstance(version, str) else None,
        "memory_bytes": _whole(found.get("memory")),
        "cpu": cpu.strip() if isinstance(cpu, str) else None,
        "cores": _whole(found.get("cores")),
        "cpu_mhz": _whole(found.get("mhz")),
        "screen": (width, height) if width and height else None,
        "browsers": {name: text for name in PROGRAMS if isinstance(text := found.get(name), str) and text},
        "update_age_days": _whole(found.get("updated")),
    }


def card_readers(pcsc: Callable[[], Pcsc] = Pcsc) -> dict[str, Any]:
    """Return which readers there are, and which hold a card that does not answer. No card is connected to."""
    try:
        service = pcsc()
    except NoLibrary:
        return {"library": False}
    try:
        context = service.establish()
    except ReaderError:
        return {"library": True}
    try:
        names = service.readers(context)
        seen = service.changes(context, 0, [(name, UNAWARE) for name in names]) if names else []
    except ReaderError:
        return {"library": True}
    finally:
        service.release(context)
    return {"library": True, "service": True, "readers": tuple(names), "mute": tuple(each.reader for each in seen if each.state & MUTE)}


def line_kbps(url: str) -> int | None:
    """Return how fast (kbit/s) a URL comes in, over at most ten seconds; none when it does not, or is no http(s)."""
    if not url.startswith(("http://", "https://")):
        return None
    began, size = time.monotonic(), 0
    try:
        with urllib.request.urlopen(url, timeout=LINE_S) as source:
            # The time to the first byte is the server's.
            began = time.monotonic()
            while time.monotonic() - began < LINE_S and (block := source.read1(BLOCK)):
                size += len(block)
    except (OSError, ValueError):
        return None
    took = time.monotonic() - began
    return int(size * 8 / 1000 / took) if size and took > 0 else None


def _said(*command: str, seconds: float = PATIENCE_S) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _or_none(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except (OSError, ValueError):
        return None


def _first(found: Iterable[str | None]) -> str | None:
    return next((each for each in found if each), None)


def _version(said: str) -> str | None:
    found = _VERSION.search(said)
    return found[0] if found else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _field(info: str, name: str) -> str | None:
    found = re.search(rf"(?m)^{name}\s*:\s*(.+)$", info)
    return found[1].strip() if found else None


def _cores(info: str) -> int | None:
    """Return the cores: those of each socket, else the processors that the system counts."""
    cores = set(re.findall(r"(?ms)^physical id\s*:\s*(\d+)$.*?^core id\s*:\s*(\d+)$", info))
    return len(cores) or os.cpu_count()


def _mhz(info: str) -> int | None:
    # The name says what the maker sells; what it runs at now says little.
    named = re.search(r"@\s*([\d.]+)\s*GHz", info)
    now = _field(info, "cpu MHz")
    return round(float(named[1]) * 1000) if named else round(float(now)) if now else None


def _screen(root: Path) -> tuple[int, int] | None:
    """Return the size of the largest screen that is plugged in, as the kernel lists its modes."""
    sizes = []
    for card in sorted((root / "sys/class/drm").glob("card*-*")):
        with contextlib.suppress(OSError):
            if (card / "status").read_text(encoding="ascii").strip() == "connected":
                mode = re.match(r"(\d+)x(\d+)", (card / "modes").read_text(encoding="ascii"))
                sizes += [(int(mode[1]), int(mode[2]))] if mode else []
    return max(sizes, default=None)


def _age(root: Path) -> int | None:
    ages = [
        time.time() - found
        for name in UPDATED
        if (found := _or_none(lambda name=name: (root / name.lstrip("/")).stat().st_mtime)) is not None  # type: ignore[misc]
    ]
    return max(0, int(min(ages) // SECONDS_A_DAY)) if ages else None
