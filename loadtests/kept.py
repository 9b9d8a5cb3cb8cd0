# SPDX-License-Identifier: Apache-2.0
"""A process of a race that stays between rounds, for a look that must be short: it is made ready and proved once, and timed in turn."""

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def broken(said: str, status: int) -> str:
    """Return one line on how a process broke: the last thing it said, or its exit status."""
    last = said.strip().splitlines()[-1:] or [f"exit status {status}"]
    return f"it broke: {last[0]}"


class Kept:
    """The process of one contender; one that cannot be run again ends by itself and is started anew for its next turn."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str], patience: float) -> None:
        self._command, self._folder, self._env, self._patience = command, folder, env, patience
        self._process: subprocess.Popen[str] | None = None

    def turn(self) -> dict[str, Any]:
        """Return what the process measured in this turn; one that ends badly gives a reason of one line."""
        process = self._process
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                print(file=process.stdin, flush=True)
                if line := self._line(process):
                    found: dict[str, Any] = json.loads(line)
                    return found
            self.end()
        return self._started()

    def _started(self) -> dict[str, Any]:
        with tempfile.TemporaryFile("w+") as said:
            process = self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )
            if line := self._line(process):
                found: dict[str, Any] = json.loads(line)
                return found
            self.end()
            said.seek(0)
            return {"reason": broken(said.read(), process.returncode)}

    def _line(self, process: subprocess.Popen[str]) -> str:
        """Return the next line of a process, nothing of one that ended or was too slow."""
        assert process.stdout is not None, "it has a pipe"
        killer = threading.Timer(self._patience, process.kill)
        killer.start()
        try:
            return process.stdout.readline()
        finally:
            killer.cancel()

    def end(self) -> None:
        """Let the process go."""
        if self._process is not None:
            # What could not be written to it any more is written when it is closed.
            with contextlib.suppress(BrokenPipeError), self._process:
                self._process.kill()
            self._process = None
