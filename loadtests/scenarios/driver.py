# SPDX-License-Identifier: Apache-2.0
"""Send what is due when it is due; who waits for the service is timed from then, also while it could not even be sent."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtests.scenarios.figures import Kind, Sample
from loadtests.wire import Line, connect

CODE: Final = re.compile(rb'"code":"(\w+)"')
# Who has waited so long goes home.
PATIENCE_S: Final = 10.0
BULK_PATIENCE_S: Final = 300.0
MOST_CONNECTIONS: Final = 1000
Make = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a visit: made from the answer to the one before, and due so long after that answer came."""

    action: str
    kind: Kind
    make: Make
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who comes at a time (seconds from the start), whatever the service does, and asks one thing after the other."""

    due: float
    group: str
    steps: Sequence[Step]


@dataclass
class Target:
    """The service, and connections to it: as many as are asked for at once, up to a limit, and kept; `pid` of one that is ours."""

    port: int
    host: str = "127.0.0.1"
    pid: int | None = None
    free: list[Line] = field(default_factory=list)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_CONNECTIONS))

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Give a connection to nobody else; what is closed after an answer that did not come whole is not given again."""
        async with self.places:
            line = self.free.pop() if self.free else None
            if line is None or not line.open:
                line = await connect(self.port, self.host)
            try:
                yield line
            except BaseException:
                line.close()
                raise
            self.free.append(line)

    async def ask(self, request: bytes, patience_s: float = PATIENCE_S) -> tuple[int, bytes]:
        """Ask one thing; 0 when the connection was lost or refused. Raises TimeoutError."""
        try:
            async with asyncio.timeout(patience_s), self.line() as line:
                status = await line.ask(request)
                return status, line.body
        except ConnectionError:
            return 0, b""

    def close(self) -> None:
        """Leave."""
        for line in self.free:
            line.close()
        self.free.clear()


async def play(target: Target, visits: Sequence[Visit], told: Callable[[int], None] = lambda _: None) -> list[Sample]:
    """Let every visit come when it is due, and return a sample of each request; `told` hears how many visits have come."""
    # The clock of a fast loop goes by milliseconds.
    now, loop, samples = time.perf_counter, asyncio.get_running_loop(), list[Sample]()
    started = now()

    async def come(visit: Visit) -> None:
        due, answer = started + visit.due, b""
        for step in visit.steps:
            due = due + step.think_s
            if (wait := due - now()) > 0:
                await asyncio.sleep(wait)
            sent = now()
            outcome, answer = await _outcome(target, step, answer)
            ended = now()
            samples.append(Sample(due - started, ended - due, sent - due, step.action, step.kind, visit.group, outcome))
            if outcome:
                # Who was refused leaves; what would have followed is not asked.
                return
            due = ended

    running: set[asyncio.Task[None]] = set()
    for count, visit in enumerate(sorted(visits, key=lambda one: one.due), 1):
        if (wait := started + visit.due - now()) > 0:
            await asyncio.sleep(wait)
        task = loop.create_task(come(visit))
        running.add(task)
        task.add_done_callback(running.discard)
        told(count)
    await asyncio.gather(*running)
    return samples


async def _outcome(target: Target, step: Step, before: bytes) -> tuple[str, bytes]:
    patience_s = BULK_PATIENCE_S if step.kind == "bulk" else PATIENCE_S
    try:
        status, body = await target.ask(step.make(before), patience_s)
    except TimeoutError:
        return "timeout", b""
    if 200 <= status < 300:
        return "", body
    code = CODE.search(body)
    return f"{status} {code[1].decode()}" if code else "lost" if status == 0 else str(status), body
