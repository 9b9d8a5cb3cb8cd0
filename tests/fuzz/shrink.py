# SPDX-License-Identifier: Apache-2.0
"""Make an input that fails smaller, and still failing: `python -m tests.fuzz.shrink TARGET FILE`, in place."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS

HANG: Final = 60


def fails(work: Callable[[], object]) -> bool:
    """Say whether work fails in a process of its own, by an exception, a signal, or a minute gone by."""
    child = os.fork()
    if child == 0:
        signal.alarm(HANG)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] != 0


def shrink(data: bytes, is_bad: Callable[[bytes], bool]) -> bytes:
    """Take away whole lines, then runs of bytes, from half of all to a single one, as long as what stays is bad."""
    at = 0
    lines = data.splitlines(keepends=True)
    while at < len(lines):
        less = lines[:at] + lines[at + 1 :]
        if is_bad(b"".join(less)):
            lines = less
        else:
            at += 1
    data = b"".join(lines)
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            fewer = data[:at] + data[at + size :]
            if is_bad(fewer):
                data = fewer
            else:
                at += size
        size //= 2
    return data


def main(name: str, file: str) -> None:
    """Shrink a file that makes a target fail; leave one that does not as it is."""

    def is_bad(data: bytes) -> bool:
        return fails(lambda: TARGETS[name].run(data, True))

    path = Path(file)
    if not is_bad(path.read_bytes()):
        sys.exit(f"{file} does not make {name} fail")
    path.write_bytes(shrink(path.read_bytes(), is_bad))


if __name__ == "__main__":
    main(*sys.argv[1:])
