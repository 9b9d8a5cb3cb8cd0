# SPDX-License-Identifier: Apache-2.0
"""pgbench for some seconds, and how often it did what a script says once its connections had made their plans."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

# Each connection learns what tables there are and plans its statements anew a few times; that is no part of the work.
WARM: Final = 0.4
PATIENCE_S: Final = 120


class Done(NamedTuple):
    """One transaction: when it ended, and how long it took, in seconds."""

    ended: float
    took: float


class Ran(NamedTuple):
    """What pgbench did: so many transactions in all, and those of the time that counts, with its seconds."""

    every: int
    taken: tuple[Done, ...]
    seconds: float

    @property
    def each(self) -> float:
        """Return the seconds that one transaction takes of the time that passes."""
        return self.seconds / len(self.taken)


def run(dsn: str, script: Path, seconds: float, clients: int) -> Ran:
    """Let clients do what a script says, over and over, each on a connection of its own. Raises CalledProcessError, ArithmeticError."""
    with TemporaryDirectory(prefix="desmos-pgbench-") as folder:
        log = Path(folder) / "log"
        subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", f"{seconds:g}", "-f", str(script),
             "-l", "--log-prefix", str(log), dsn],
            capture_output=True, check=True, timeout=PATIENCE_S,
        )  # fmt: skip
        done = sorted(line for path in Path(folder).iterdir() for line in logged(path.read_text(encoding="ascii")))
    return counted(done)


def logged(text: str) -> Iterator[Done]:
    """Read a log of transactions: client, number, microseconds, script, and the instant of the end in seconds and microseconds."""
    for line in text.splitlines():
        _, _, took, _, second, micros = line.split()[:6]
        yield Done(int(second) + int(micros) / 1e6, int(took) / 1e6)


def counted(done: list[Done]) -> Ran:
    """Leave out what was done while connections were warming up; `done` is in the order of its ends."""
    if not done:
        raise ArithmeticError("pgbench did nothing")
    first, last = done[0].ended - done[0].took, done[-1].ended
    start = first + (last - first) * WARM
    taken = tuple(one for one in done if one.ended > start)
    return Ran(len(done), taken, last - start)
