# SPDX-License-Identifier: Apache-2.0
"""Start a program with a patient: its file first, whole and for its owner alone; afterwards the file is gone."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from readers.bridges.model import Bridge, BridgeFailed, BridgeRefused, Done, Plan

WAIT_S: Final = 10.0


def launch(bridge: Bridge, plan: Plan, wait_s: float = WAIT_S, *, replace: bool = False) -> Done:
    """Start the program of a plan, and wait so long for its end or, at least, for it to have read its file.

    A program that runs on is left running. Raises BridgeRefused, BridgeFailed.
    """
    encoding = bridge.file.encoding if bridge.file is not None else "utf-8"
    removed = False
    with contextlib.ExitStack() as stack:
        if plan.file is not None and plan.text is not None:
            stack.enter_context(_context(Path(plan.file), plan.text.encode(encoding), replace))
            removed = True
        try:
            # Words of a list, and never a shell: a name is a name whatever stands in it.
            running = subprocess.Popen([plan.program, *plan.arguments], stdin=subprocess.DEVNULL, cwd=Path(plan.program).parent)
        except OSError as error:
            raise BridgeFailed(f"{plan.product} does not start: {error.strerror}", hint="--program says where it is") from error
        status = _status(running, wait_s, plan.file is not None)
    return Done(product=plan.product, status=status, removed=removed)


def _status(running: "subprocess.Popen[bytes]", wait_s: float, reads: bool) -> int | None:
    began = time.monotonic()
    try:
        status: int | None = running.wait(wait_s)
    except subprocess.TimeoutExpired:
        # It is the person's from now on: nobody waits for it, and the library is not to say so.
        running.returncode = 0
        return None
    if reads and status == 0:
        # What starts another program ends at once, and the other has not read the file yet.
        time.sleep(max(0.0, wait_s - (time.monotonic() - began)))
    return status


@contextlib.contextmanager
def _context(path: Path, data: bytes, replace: bool) -> Iterator[None]:
    """Have a file there, whole, for its owner alone; remove it afterwards, unless somebody wrote another in its place."""
    if path.exists() and not replace:
        raise BridgeRefused(f"{path} is there already, and may be somebody's", hint="--replace")
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise BridgeFailed(f"{path} cannot be written: {error.strerror}", hint="does its folder exist?") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == data:
                path.unlink()
