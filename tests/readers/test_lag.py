# SPDX-License-Identifier: Apache-2.0
"""The measure of how late a loop is: a machine that runs others does not count, whatever holds the loop up does."""

import asyncio
import contextlib
import ctypes
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.readers.dialogues import LATE_S, denied, kept, lag

pytestmark = pytest.mark.skipif(not denied(), reason="this system does not tell how long a thread was denied the processor")
HELD_S: Final = 0.05
BURN: Final = "while True: pass"


@contextlib.contextmanager
def busy(programs: int) -> Iterator[None]:
    """Let other programs take what the machine has."""
    running = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(programs)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def compute() -> None:
    """Compute for a while: of the time of this thread, so that a busy machine makes it no shorter."""
    until = time.thread_time() + HELD_S
    while time.thread_time() < until:
        pass


def keep_the_interpreter() -> None:
    """Let another thread wait in a call that does not let go of the interpreter."""
    threading.Thread(target=lambda: ctypes.PyDLL(None).usleep(int(HELD_S * 1e6))).start()


async def during(work: Callable[[], object]) -> float:
    async with lag() as found:
        await asyncio.sleep(0.3)
        work()
        await asyncio.sleep(2 * HELD_S)
    return found.most


async def test_a_machine_that_runs_others_is_not_counted() -> None:
    with busy(4):
        assert await kept(lambda: during(lambda: None))


@pytest.mark.parametrize("work", [lambda: time.sleep(HELD_S), compute, keep_the_interpreter], ids=["waits", "computes", "keeps"])
async def test_whatever_holds_the_loop_up_is_counted_on_a_busy_machine(work: Callable[[], object]) -> None:
    with busy(2):
        assert await during(work) > LATE_S
