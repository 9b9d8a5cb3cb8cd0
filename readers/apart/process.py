# SPDX-License-Identifier: Apache-2.0
"""A program apart that holds a library of somebody else's: one call at a time, killed when it hangs, started again by the next call."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

from readers.apart.frames import WIDTH, pack, size, unpack, wipe
from readers.errors import VendorFailed, VendorLibrary

log: Final = logging.getLogger("desmos.readers")
ROOT: Final = Path(__file__).parents[2]
# Another interpreter than ours may run it, of 32 bits for a library of 32 bits: where ours looks for packages comes last there.
BOOT: Final = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
PATIENCE_S: Final = 5.0


class Apart:
    """One such program. `name` is what people call its library; `arguments` are on its command line, where others can read them."""

    def __init__(self, name: str, module: str, *arguments: str, python: str | None = None) -> None:
        self.name, self._module, self._arguments, self._python = name, module, arguments, python or sys.executable
        self._running: Process | None = None
        self._turn = asyncio.Lock()
        self.starts = 0

    async def ask(self, *fields: bytes | bytearray, deadline_s: float) -> list[bytearray]:
        """Have one call done and return what it answers. Nothing is ever asked twice.

        Raises VendorFailed when the program ended, or did not answer within the deadline (seconds, its start included); VendorLibrary
        when it cannot be started at all.
        """
        async with self._turn:
            message = pack(*fields)
            try:
                async with asyncio.timeout(deadline_s):
                    return await _exchange(await self._program(), message)
            except TimeoutError:
                await self._kill()
                raise self._failed(f"did not answer within {deadline_s:g} s, and was killed") from None
            except (EOFError, ConnectionError, ValueError):
                raise self._failed(f"ended in the middle of a call ({_ending(await self._kill())})") from None
            except BaseException:
                # Given up: its answer would be taken for that of the next call.
                await self._kill()
                raise
            finally:
                wipe(message)

    async def end(self) -> None:
        """End the program, and with it all that it holds. The next call starts another."""
        async with self._turn:
            if self._running is not None and self._running.stdin is not None:
                self._running.stdin.close()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        await self._running.wait()
            await self._kill()

    async def _program(self) -> Process:
        if self._running is not None and self._running.returncode is not None:
            log.warning("program apart library=%s ended by itself (%s)", self.name, _ending(await self._kill()))
        return self._running or await self._start()

    async def _start(self) -> Process:
        command = (self._python, "-I", "-c", BOOT, str(ROOT), self._module, *self._arguments)
        try:
            self._running = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        except OSError as error:
            said = f"the program of the {self.name} cannot be started: {error.strerror}"
            raise VendorLibrary(said, hint="check its interpreter") from error
        self.starts += 1
        return self._running

    async def _kill(self) -> int | None:
        """End the program by force where it still runs; return how it ended."""
        running, self._running = self._running, None
        if running is None:
            return None
        if running.stdin is not None:
            running.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        return await running.wait()

    def _failed(self, what: str) -> VendorFailed:
        log.warning("program apart library=%s %s", self.name, what)
        return VendorFailed(f"the {self.name} {what}", hint="the next call starts it again")


async def _exchange(running: Process, message: bytearray) -> list[bytearray]:
    assert running.stdin is not None and running.stdout is not None
    running.stdin.write(message)
    await running.stdin.drain()
    body = await running.stdout.readexactly(size(await running.stdout.readexactly(WIDTH)))
    return unpack(bytearray(body))


def _ending(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"status {status}"
