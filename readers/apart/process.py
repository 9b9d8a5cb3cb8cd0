# SPDX-License-Identifier: Apache-2.0
"""A program apart that holds a library of somebody else's: one call at a time, killed when it hangs, started again by the next call."""

import asyncio
import logging
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from readers.apart.frames import WIDTH, pack, size, unpack, wipe
from readers.apart.threads import in_thread
from readers.errors import VendorFailed, VendorLibrary

log: Final = logging.getLogger("desmos.readers")
ROOT: Final = Path(__file__).parents[2]
# Another interpreter than ours may run it, of 32 bits for a library of 32 bits: where ours looks for packages comes last there.
BOOT: Final = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
# What was killed and does not end all the same, as one that waits in a driver does, is left to itself.
PATIENCE_S: Final = 2.0
# Windows would open a window for each.
FLAGS: Final[int] = getattr(subprocess, "CREATE_NO_WINDOW", 0)
ONE_BYTE: Final = 0xFF


class Ended(Exception):
    """The program ended instead of answering."""


class Program:
    """One life of the program. `exchange` and `finish` block, and are called in one thread at a time."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False

    @property
    def pid(self) -> int | None:
        """Return its process."""
        return self._process.pid if self._process is not None else None

    @property
    def has_ended(self) -> bool:
        """Say whether it was started and is over."""
        return self._process is not None and self._process.poll() is not None

    def exchange(self, message: bytearray) -> list[bytearray]:
        """Send a message and return the fields of the answer; start the program at the first. Raises Ended, OSError."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            rest = memoryview(message)
            while rest:
                rest = rest[process.stdin.write(rest) :]
            return unpack(self._exactly(size(self._exactly(WIDTH))))
        except (OSError, EOFError, ValueError):
            raise Ended(ending(self.finish())) from None

    def kill(self) -> None:
        """End it by force, also one that is only being started."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def finish(self, patience_s: float = 0) -> int | None:
        """End it, after some patience by force, and give back what it held; return how it ended."""
        process = self._process
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            return process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        # Without buffers: what is sent has no copy that could not be wiped.
        self._process = subprocess.Popen(self._command, bufsize=0, stdin=pipe, stdout=pipe, stderr=nowhere, creationflags=FLAGS)
        if self._killed:
            self._process.kill()
        return self._process

    def _exactly(self, count: int) -> bytearray:
        assert self._process is not None and self._process.stdout is not None
        found = bytearray()
        while len(found) < count:
            piece = self._process.stdout.read(count - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found


class Apart:
    """One such program. `name` is what people call its library; `arguments` are on its command line, where others can read them."""

    def __init__(self, name: str, module: str, *arguments: str, python: str | None = None) -> None:
        self.name = name
        self._command = [python or sys.executable, "-I", "-c", BOOT, str(ROOT), module, *arguments]
        self._program: Program | None = None
        self._turn = asyncio.Lock()
        self.starts = 0

    @property
    def runs(self) -> bool:
        """Say whether the program is there."""
        return self._program is not None

    @property
    def pid(self) -> int | None:
        """Return the process of the program."""
        return self._program.pid if self._program is not None else None

    async def ask(self, *fields: bytes | bytearray, deadline_s: float) -> list[bytearray]:
        """Have one call done and return what it answers. Nothing is ever asked twice.

        Raises VendorFailed when the program ended, or did not answer within the deadline (seconds, its start included); VendorLibrary
        when it cannot be started at all.
        """
        async with self._turn:
            message = pack(*fields)
            program = self._ready()
            call = asyncio.ensure_future(in_thread(partial(program.exchange, message)))
            try:
                async with asyncio.timeout(deadline_s):
                    return await asyncio.shield(call)
            except TimeoutError:
                self._drop(program)
                await asyncio.wait([call], timeout=PATIENCE_S)
                raise self._failed(f"did not answer within {deadline_s:g} s, and was killed") from None
            except Ended as ended:
                self._drop(program)
                raise self._failed(f"ended in the middle of a call ({ended})") from None
            except OSError as error:
                self._drop(program)
                said = f"the program of the {self.name} cannot be started: {error.strerror}"
                raise VendorLibrary(said, hint="check its interpreter") from None
            except BaseException:
                # Given up: its answer would be taken for that of the next call.
                self._drop(program)
                raise
            finally:
                # Nobody waits any more for what is still going on.
                call.add_done_callback(lambda call: call.cancelled() or call.exception())
                wipe(message)

    async def end(self) -> None:
        """End the program, and with it all that it holds. The next call starts another."""
        async with self._turn:
            program, self._program = self._program, None
            if program is not None:
                await in_thread(partial(program.finish, PATIENCE_S))

    def _ready(self) -> Program:
        if self._program is not None and self._program.has_ended:
            log.warning("program apart library=%s ended by itself (%s)", self.name, ending(self._program.finish()))
            self._program = None
        if self._program is None:
            self._program = Program(self._command)
            self.starts += 1
            log.info("program apart library=%s starts, number %d", self.name, self.starts)
        return self._program

    def _drop(self, program: Program) -> None:
        self._program = None
        program.kill()

    def _failed(self, what: str) -> VendorFailed:
        log.warning("program apart library=%s %s", self.name, what)
        return VendorFailed(f"the {self.name} {what}", hint="the next call starts it again")


def ending(status: int | None) -> str:
    """Return how a program ended, in words."""
    if status is None:
        return "never started"
    # Windows says why in 32 bits.
    return f"signal {-status}" if status < 0 else f"status {status}" if status <= ONE_BYTE else f"status 0x{status:08X}"
