# SPDX-License-Identifier: Apache-2.0
"""The service and the worker as child processes: started, awaited, killed or stopped by the demo and the fault tests."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed

LISTENING: Final = re.compile(rb"http://[0-9.]+:[0-9]+")
STOP_TIMEOUT_S: Final = 40.0


class ChildFailed(OutsideFailed):
    """A child process that the demo needs ended or never became ready."""

    code = "child_failed"


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with `env` over it, for a child whose output is read as it comes."""
    return {**os.environ, **env, "PYTHONUNBUFFERED": "1"}


class Child:
    """One `desmos-fast` command in its own process group, its output in a log file."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.arguments = arguments
        self.env = environment(env)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._mark = 0

    def start(self) -> None:
        """Start the command; its output is appended to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._mark = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "desmos_fast.cli", *self.arguments],
                env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of this start's output."""
        with self.log.open("rb") as log:
            log.seek(self._mark)
            return b"\n".join(log.read().splitlines()[-lines:]).decode(errors="replace")

    def wait_for(self, pattern: re.Pattern[bytes], timeout_s: float) -> str:
        """Wait until this start's output holds `pattern`; raise ChildFailed with the log's tail."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self.log.open("rb") as log:
                log.seek(self._mark)
                found = pattern.search(log.read())
            if found:
                return found.group().decode()
            self.check()
            time.sleep(0.05)
        raise ChildFailed(f"`desmos-fast {' '.join(self.arguments)}` is not ready after {timeout_s:.0f} s", hint=self.tail())

    def check(self) -> None:
        """Raise ChildFailed, with the end of its log, when the command was started and has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise ChildFailed(f"`desmos-fast {' '.join(self.arguments)}` ended with status {self.process.returncode}", hint=self.tail())

    def kill(self) -> None:
        """End the command at once, as a power cut would (SIGKILL), and reap it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Ask the command to end (SIGTERM), wait, and kill it only when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildFailed(f"`desmos-fast {' '.join(self.arguments)}` did not stop in time", hint=self.tail()) from None
