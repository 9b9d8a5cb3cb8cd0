# SPDX-License-Identifier: Apache-2.0
"""The machine under the figures: its fingerprint, which names no host and no path, and a probe of how fast it is at this moment."""

import os
import platform
import subprocess
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import thread_time
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LIBRARIES: Final = (
    "Cython", "msgspec", "orjson", "cryptography", "numpy", "polars", "pyarrow", "fixedwidthparser", "matplotlib",
)  # fmt: skip
PROBE_STEPS: Final = 100_000
PROBE_RESULT: Final = 694_140_833


def probe() -> float:
    """Return the seconds that one step of a loop of known work takes: arithmetic of the interpreter, which no library changes."""
    return min(_loop() for _ in range(5)) / PROBE_STEPS


def _loop() -> float:
    start, number = thread_time(), 1
    for _ in range(PROBE_STEPS):
        number = (number * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
    if number != PROBE_RESULT:
        raise ArithmeticError("the loop of known work gave another number")
    return thread_time() - start


def peak_memory(process: int | None = None) -> int:
    """Return the peak of the memory of a process, or of this one, in bytes; that of getrusage would start with the parent's."""
    return _status("VmHWM", process)


def forget_peak() -> None:
    """Let the peak begin anew at what the process holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(name: str, process: int | None) -> int:
    for line in Path(f"/proc/{process or 'self'}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"this system does not tell {name}")


def fingerprint() -> dict[str, object]:
    """Tell what the figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "compiler": _compiler(),
        "flags": _flags(),
        "revision": _revision(),
        "load": os.getloadavg()[0],
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _compiler() -> str:
    said = _said("gcc", "--version").splitlines()
    return said[0] if said else "unknown"


def _flags() -> str:
    """Return what the kernels are compiled with: those of Python's own build, then ours; a flag that holds a path is left out."""
    from setup import COMPILE

    inherited = (sysconfig.get_config_var("CFLAGS") or "").split()
    return " ".join(flag for flag in [*inherited, *COMPILE] if "/" not in flag)


def _revision() -> str:
    changed = "+changes" if _said("git", "status", "--porcelain", "--untracked-files=no") else ""
    return (_said("git", "rev-parse", "--short=12", "HEAD") or "unknown") + changed
