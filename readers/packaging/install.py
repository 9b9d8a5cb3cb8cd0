# SPDX-License-Identifier: Apache-2.0
"""Have the system start the agent when its user signs in, or no more."""

import getpass
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from readers.packaging.units import TASK, UNIT, task, unit

PATIENCE_S: Final = 60
Run = Callable[[Sequence[str]], str | None]


class NotInstalled(OutsideFailed):
    """The system does not take or give back what starts the agent."""

    code = "outside_failed"


def command(arguments: Sequence[str]) -> list[str]:
    """Return what runs the agent: this very installation. On Windows without a window of its own."""
    python = Path(sys.executable)
    quiet = python.with_name("pythonw.exe")
    return [str(quiet if os.name == "nt" and quiet.exists() else python), "-m", "desmos_fast.cli", "agent", "run", *arguments]


def unit_path() -> Path:
    """Return where the units of this user are."""
    own = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(own) if own.startswith("/") else Path.home() / ".config") / "systemd" / "user" / UNIT


def install(arguments: Sequence[str], run: Run | None = None, *, windows: bool = os.name == "nt") -> str:
    """Have the agent started from now on, and say how. Raises NotInstalled."""
    does = run or _run
    if windows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "task.xml"
            path.write_bytes(task(command(arguments), getpass.getuser()))
            _must(does, ["schtasks", "/Create", "/F", "/TN", TASK, "/XML", str(path)])
        _must(does, ["schtasks", "/Run", "/TN", TASK])
        return f"the task {TASK} starts the agent when {getpass.getuser()} signs in"
    path = unit_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{UNIT}.{os.getpid()}")
    temporary.write_text(unit(command(arguments)), encoding="utf-8")
    os.replace(temporary, path)
    _must(does, ["systemctl", "--user", "daemon-reload"])
    _must(does, ["systemctl", "--user", "enable", "--now", UNIT])
    return f"{path} starts the agent when its user signs in"


def uninstall(run: Run | None = None, *, windows: bool = os.name == "nt") -> str:
    """Have the agent started no more, and ended now. Raises NotInstalled."""
    does = run or _run
    if windows:
        # One that does not run cannot be ended, which is no fault.
        does(["schtasks", "/End", "/TN", TASK])
        _must(does, ["schtasks", "/Delete", "/F", "/TN", TASK])
        return f"the task {TASK} is gone"
    if unit_path().exists():
        _must(does, ["systemctl", "--user", "disable", "--now", UNIT])
        unit_path().unlink(missing_ok=True)
        _must(does, ["systemctl", "--user", "daemon-reload"])
    return f"{unit_path()} is gone"


def _must(run: Run, words: Sequence[str]) -> None:
    if (wrong := run(words)) is not None:
        raise NotInstalled(f"{' '.join(words[:3])} refused: {wrong}", hint="desmos-fast agent install --print shows what it would take")


def _run(words: Sequence[str]) -> str | None:
    """Run a program of the system; return what was wrong, if anything."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return None if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}")
