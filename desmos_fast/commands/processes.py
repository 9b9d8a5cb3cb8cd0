# SPDX-License-Identifier: Apache-2.0
"""`serve` in several processes: one holds the port and the database and watches over the others, which answer.

The sockets that listen belong to the watcher, one set for each place; who serves there inherits it. So a process can be replaced, or die,
without a connection refused: what arrives meanwhile waits in the socket for the next one.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from desmos_fast.base.errors import OutsideFailed

if TYPE_CHECKING:
    from desmos_fast.commands.runtime import Runtime

READY: Final = b"ready\n"
REPLACED: Final = b"replaced\n"
ORPHANED: Final = 3
START_S: Final = 60.0
# Who served for so long did not die of its start: the next death is a new one.
SOUND_S: Final = 60.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
# Beyond what a process gives its own requests to finish.
PATIENCE_S: Final = 5.0
log: Final = structlog.get_logger("desmos.processes")


class NotServing(OutsideFailed):
    """The processes cannot serve here."""

    code = "outside_failed"


@dataclass(frozen=True)
class Terms:
    """How many processes serve, with how many connections each, and what they are given to leave."""

    processes: int
    connections: int
    grace_s: float


@dataclass(eq=False)
class Child:
    """One process that serves; `number` is what its counts are kept under, which none that runs beside it has."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    begun: float = field(default_factory=time.monotonic)

    async def ready(self) -> bool:
        """Wait until it serves; False when it ended instead, or takes too long and was ended."""
        try:
            async with asyncio.timeout(START_S):
                if await self.reader.readline() == READY:
                    return True
        except (TimeoutError, ConnectionError):
            pass
        self.kill()
        return False

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def ended(self, within_s: float) -> bool:
        """Wait for its end; False when it had to be killed."""
        try:
            async with asyncio.timeout(within_s):
                return await self.process.wait() == 0
        except TimeoutError:
            log.error("a process does not end, killing it", process=self.process.pid)
            self.kill()
            await self.process.wait()
            return False


@dataclass(eq=False)
class Place:
    """Sockets that listen, and who serves on them; `door` is held while that changes."""

    listeners: Sequence[socket.socket]
    child: Child | None = None
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    pause_s: float = 0.0


class Crew:
    """The processes that serve."""

    def __init__(self, places: Sequence[Place], terms: Terms, counts: Path) -> None:
        self._places = places
        self._terms = terms
        self._counts = counts
        self._alive: set[Child] = set()
        self._numbers: set[int] = set()
        self._watching: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start every process. Raises NotServing when one of them does not come to serve: its log says why."""
        if not all(await asyncio.gather(*(self._fill(place) for place in self._places))):
            raise NotServing("a process ended before it served", hint="what it said stands above")

    async def replace(self) -> bool:
        """Put a new process into each place, one after the other; when one does not come to serve, those that are left stay."""
        for place in self._places:
            async with place.door:
                old = place.child
                if not await self._fill(place):
                    log.error("a new process does not serve, the others go on as they are")
                    return False
                if old is not None and old in self._alive:
                    old.writer.write(REPLACED)
                    await old.ended(self._longest_s())
        log.info("every process was replaced")
        return True

    async def close(self) -> bool:
        """Ask every process to leave, close the port when they do, and wait; False when one had to be killed or failed."""
        watching = tuple(self._watching)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        leaving = [child for child in self._alive if child.process.returncode is None]
        for child in leaving:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        ends = [asyncio.create_task(child.ended(self._longest_s())) for child in leaving]
        if leaving:
            await asyncio.wait(ends, timeout=self._terms.grace_s)
        for place in self._places:
            for listener in place.listeners:
                listener.close()
        return all(await asyncio.gather(*ends))

    def _longest_s(self) -> float:
        from api.server import CUT_S, DRAIN_S

        return self._terms.grace_s + DRAIN_S + 2 * CUT_S + PATIENCE_S

    async def _fill(self, place: Place, *, again: bool = False) -> bool:
        """Start a process and give it the place once it serves; False when it does not come to that."""
        try:
            child = await self._start(place, again=again)
        except OSError as error:
            log.error("a process cannot be started", error=error.strerror)
            return False
        if not await child.ready():
            return False
        place.child = child
        return True

    async def _start(self, place: Place, *, again: bool = False) -> Child:
        number = next(one for one in range(len(self._numbers) + 1) if one not in self._numbers)
        self._numbers.add(number)
        ours, theirs = socket.socketpair()
        inherited = [theirs.fileno(), *(listener.fileno() for listener in place.listeners)]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "desmos_fast.cli", "serve-share", *self._arguments(inherited, again),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=inherited, env=self._environment(number),
                # Ctrl-C and the end of a terminal are for the watcher, who then tells the others.
                start_new_session=True,
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=ours)
        child = Child(process, reader, writer, number)
        self._alive.add(child)
        task = asyncio.create_task(self._watch(place, child))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return child

    def _arguments(self, inherited: Sequence[int], again: bool) -> list[str]:
        channel, *listeners = inherited
        numbers = [word for fd in listeners for word in ("--fd", str(fd))]
        terms = ["--connections", str(self._terms.connections), "--grace", str(self._terms.grace_s)]
        return ["--channel", str(channel), *numbers, *terms, *(["--again"] if again else [])]

    def _environment(self, number: int) -> dict[str, str]:
        from monitoring.shared import environment

        # As it was found by this process: the next one may stand in another folder.
        path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
        return {**os.environ, "PYTHONPATH": path, **environment(self._counts, number)}

    async def _watch(self, place: Place, child: Child) -> None:
        """Wait for the end of a process; when nobody asked for it, start another one."""
        from monitoring.shared import forget

        status = await child.process.wait()
        self._alive.discard(child)
        child.writer.close()
        forget(self._counts, child.number)
        self._numbers.discard(child.number)
        if place.child is not child:
            return
        async with place.door:
            if place.child is child:
                log.error("a process ended by itself, starting another", process=child.process.pid, status=status)
                await self._again(place, child)

    async def _again(self, place: Place, dead: Child) -> None:
        if time.monotonic() - dead.begun > SOUND_S:
            place.pause_s = 0.0
        while True:
            await asyncio.sleep(place.pause_s)
            place.pause_s = min(max(2 * place.pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            if await self._fill(place, again=True):
                return
            log.error("a process ended before it served, trying again", pause_s=place.pause_s)


def check_system() -> None:
    """Refuse a system that does not part the connections of a port. Raises NotServing."""
    if sys.platform != "linux":
        raise NotServing("several processes share a port on Linux alone", hint="say --processes 1")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Give an empty folder for what the processes count."""
    with tempfile.TemporaryDirectory(prefix="desmos-counts-") as folder:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Who tidies temporary folders leaves alone what is locked, however old it is.
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield Path(folder)
        finally:
            os.close(handle)


async def serve(place: "Runtime", host: str, port: int, stop: asyncio.Event, terms: Terms) -> None:
    """Serve in several processes until `stop`; SIGHUP replaces them one by one. Raises NotServing, PortTaken."""
    import signal

    from api import server
    from desmos_fast.commands.serving import tell_systemd
    from desmos_fast.db import pool

    again = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again.set)
    async with contextlib.AsyncExitStack() as ending:
        # What is unsound is told once, and here.
        checked = await pool.create(place.app_dsn, 1)
        ending.push_async_callback(checked.close)
        await server.open_app(place.settings, checked)
        places = [Place(listeners) for listeners in server.open_shared(host, port, terms.processes)]
        crew = Crew(places, terms, ending.enter_context(_folder()))
        try:
            await crew.open()
            await checked.close()
            print(f"desmos-fast listens on http://{host}:{places[0].listeners[0].getsockname()[1]}", flush=True)
            tell_systemd("READY=1")
            await _until(stop, again, crew)
        finally:
            tell_systemd("STOPPING=1")
            in_time = await crew.close()
    if not in_time:
        raise NotServing("a process did not end well", hint="look at the log: requests may have been cut")


async def _until(stop: asyncio.Event, again: asyncio.Event, crew: Crew) -> None:
    async def rolling() -> None:
        while True:
            await again.wait()
            again.clear()
            await crew.replace()

    task = asyncio.create_task(rolling())
    await stop.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def be_one(place: "Runtime", listeners: Sequence[int], channel: int, connections: int, grace_s: float) -> None:
    """Serve on inherited sockets until told to leave, or at once no more when the watcher is gone."""
    from api.server import Orders
    from desmos_fast.commands.serving import serve_here, stop_on_signals

    orders = Orders(stop_on_signals())
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=channel))

    async def listen() -> None:
        while line := await reader.readline():
            if line == REPLACED:
                orders.replaced.set()
        # Nobody would start this one again, nor end it: the port and the database belong to the next watcher.
        os._exit(ORPHANED)

    listening = asyncio.create_task(listen())
    try:
        sockets = [socket.socket(fileno=fd) for fd in listeners]
        await serve_here(place, sockets, orders, connections, grace_s, lambda: writer.write(READY))
    finally:
        listening.cancel()
        writer.close()
