# SPDX-License-Identifier: Apache-2.0
"""Where tests find a PostgreSQL, another account, and what a folder's rights were."""

import asyncio
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from desmos_fast.db import binaries

ROOT: Final = Path(__file__).parents[2]
AS_ROOT: Final = os.geteuid() == 0
SYSTEM: Final = next((found for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
                      if (found := binaries.examine(folder, "system")) and found.major >= binaries.OLDEST), None)  # fmt: skip
WHEEL_FOLDER: Final = binaries.wheel_folder()
WHEEL: Final = None if WHEEL_FOLDER is None else binaries.examine(WHEEL_FOLDER, "wheel")
BOTH: Final = pytest.mark.parametrize(
    "programs",
    [
        pytest.param(found, id=name, marks=pytest.mark.skipif(found is None, reason=f"no PostgreSQL of the {name} here"))
        for name, found in (("system", SYSTEM), ("wheel", WHEEL))
    ],
)
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs PostgreSQL as someone else")
needs_both = pytest.mark.skipif(SYSTEM is None or WHEEL is None or SYSTEM.major == WHEEL.major, reason="needs two major versions")


def ask(dsn: str, *statements: str, **options: Any) -> Any:
    """Run statements on one connection and return the first value of the last one."""

    async def run() -> Any:
        con = await asyncpg.connect(dsn, timeout=5, **options)
        try:
            for statement in statements[:-1]:
                await con.execute(statement)
            return await con.fetchval(statements[-1])
        finally:
            await con.close()

    return asyncio.run(run())


def rights(paths: Iterable[Path]) -> dict[Path, tuple[int, int, int]]:
    """Return mode, owner and group of each path."""
    return {path: (found.st_mode, found.st_uid, found.st_gid) for path in paths for found in [path.lstat()]}


def upwards(path: Path) -> list[Path]:
    """Return a path and every folder above it."""
    return [path, *path.parents]


class Holder:
    """The program of `holder.py`, running."""

    def __init__(self, command: list[str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*command, "-m", "tests.db.holder", *arguments],
            cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """Wait for the line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the program ended without a word"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.close()

    def close(self) -> int:
        """End its input, wait, and return its exit code."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code


def _environment() -> dict[str, str]:
    packages = [path for path in sys.path if path.endswith("site-packages")]
    path = os.pathsep.join([str(ROOT), *packages])
    return {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def as_user(name: str = "nobody") -> list[str]:
    """Return a command that runs this project's Python as an ordinary user; skip the test where there is none.

    The interpreter or the checkout may lie below /root: then the user gets the right to read everything, and no right to write.
    """
    if not AS_ROOT:
        return [sys.executable]
    tool = shutil.which("setpriv")
    if tool is None:
        pytest.skip("setpriv is missing")
    if name == "root":
        return [sys.executable]
    user = pwd.getpwnam(name)
    drop = [tool, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    for command in ([*drop, sys.executable], [*drop, "/usr/bin/python3"], [*drop, *reading, sys.executable]):
        probe = [*command, "-c", "import tests.db.holder"]
        if subprocess.run(probe, cwd="/", env=_environment(), capture_output=True, timeout=60).returncode == 0:
            return command
    pytest.skip("no Python that an ordinary user could run")
