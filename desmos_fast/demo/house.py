# SPDX-License-Identifier: Apache-2.0
"""The service, its database and the worker over one data folder, all started and stopped together."""

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from desmos_fast.demo.processes import LISTENING, Child, ChildFailed, environment
from desmos_fast.invariants.model import Report

START_TIMEOUT_S: Final = 120.0
COMMAND_TIMEOUT_S: Final = 120.0
LETTERBOX: Final = "letterbox"
LOGS: Final = "logs"


class House:
    """One installation; as a context manager it runs, and whatever happens nothing of it is left running."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.letterbox = data_dir / LETTERBOX
        # The house has its own database, also for someone whose shell names another one.
        self._env = {"DESMOS_DATA_DIR": str(data_dir), "DESMOS_DSN": "", "DESMOS_OWNER_DSN": "", "DESMOS_RECIPIENTS": ""}
        self.service = Child(["serve", "--port", "0", "--grace", "0", "--processes", "1"], self._env, data_dir / LOGS / "serve.log")
        self.worker = Child(["worker"], self._env, data_dir / LOGS / "worker.log")
        self.url = ""

    def start_service(self) -> None:
        """Start the service and wait until it listens: at the address it had before, if it had one. Raises ChildFailed."""
        if self.url:
            self.service.arguments[2] = self.url.rpartition(":")[2]
        self.service.start()
        self.url = self.service.wait_for(LISTENING, START_TIMEOUT_S)

    def command(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
        """Run one `desmos-fast` command beside the service and return its output; ChildFailed for another exit status or without any."""
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "desmos_fast.cli", *arguments], env=environment(self._env), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ChildFailed(f"`desmos-fast {arguments[0]}` takes more than {COMMAND_TIMEOUT_S:.0f} s") from error
        if ran.returncode not in accept or not ran.stdout:
            raise ChildFailed(f"`desmos-fast {arguments[0]}` ended with status {ran.returncode}", hint=ran.stderr.strip()[-2000:])
        return ran.stdout

    def invariants(self) -> Report:
        """Check on every invariant of the house; some may be broken."""
        return msgspec.json.decode(self.command("invariants", "--json", accept=(0, 1)), type=Report)

    def check(self) -> None:
        """Raise ChildFailed, with the end of its log, when the service or the worker has ended."""
        for child in (self.service, self.worker):
            child.check()

    def stop(self) -> None:
        """Stop the worker, then the service and with it the database. Raises ChildFailed when one of them had to be killed."""
        try:
            self.worker.stop()
        finally:
            self.service.stop()

    def __enter__(self) -> Self:
        try:
            self.start_service()
            self.worker.start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    def _leave(self) -> None:
        # A second Ctrl-C must not leave a database running that nobody looks after.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
