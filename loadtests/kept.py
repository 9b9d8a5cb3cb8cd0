# SPDX-License-Identifier: Apache-2.0
"""The process of one contender: made ready, proved, and asked to measure; it stays while its work can be done again."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

# What a process is given to leave by itself, so that it can take away what it made.
LEAVE_S: Final = 10.0


def broken(said: str, status: int) -> str:
    """Return one line on how a process broke: the last thing it said, or its exit status."""
    last = said.strip().splitlines()[-1:] or [f"exit status {status}"]
    return f"it broke: {last[0]}"


class Kept:
    """A process that says one line when it is ready, and one for each line that it is sent; of one that ends badly there is a reason."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str], patience: float) -> None:
        self._command, self._folder, self._env, self._patience = command, folder, env, patience
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None
        self._first: dict[str, Any] = {}

    def ready(self) -> dict[str, Any]:
        """Return what the process says once it is ready; it is started unless it runs, or broke before it was ready."""
        if self._process is None and "reason" not in self._first:
            self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True,
                start_new_session=True,
            )  # fmt: skip
            self._first = self._line(self._process)
        return self._first

    def turn(self) -> dict[str, Any]:
        """Return what the process measures in this turn; unless its work can be done again, the next turn has another one."""
        first = self.ready()
        process = self._process
        if "reason" in first or process is None:
            return first
        with contextlib.suppress(BrokenPipeError):
            print(file=process.stdin, flush=True)
        found = self._line(process)
        if not first.get("again"):
            self.end()
        return found

    def _line(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Return what a process says next; one that says nothing in time is ended, and all that it started."""
        assert process.stdout is not None, "it has a pipe"
        late = threading.Event()

        def give_up() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(self._patience, give_up)
        timer.start()
        try:
            line = process.stdout.readline()
        finally:
            timer.cancel()
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        said, status = self.end()
        return {"reason": f"it did not end within {self._patience:g} s" if late.is_set() else broken(said, status)}

    def end(self) -> tuple[str, int]:
        """Let the process go, and return what it said of itself and its status."""
        process, said = self._process, self._said
        self._process = self._said = None
        if process is None or said is None:
            return "", 0
        # What could not be written to it any more is written when it is closed.
        with contextlib.suppress(BrokenPipeError), process:
            assert process.stdin is not None, "it has a pipe"
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                _kill(process)
        with said:
            said.seek(0)
            return said.read(), process.returncode


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
