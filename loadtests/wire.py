# SPDX-License-Identifier: Apache-2.0
"""A client of HTTP that costs as little as it can, so that what is measured is the service: ready bytes out, status and length in."""

import asyncio
import math
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"
RETRY_AFTER: Final = b"retry-after:"
CHUNKED: Final = b"transfer-encoding: chunked"
PATIENCE_S: Final = 60.0


@dataclass(slots=True)
class Seen:
    """What came of some requests: how many of each status, and how long each took that was answered 2xx, in seconds.

    `again` counts those that were refused for now and asked again; their time is that until they were answered otherwise. `sent` has how
    long after they were sent the good ones were answered, which may be later than they were due.
    """

    statuses: "Counter[int]" = field(default_factory=Counter)
    good: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    seconds: float = 0.0
    again: int = 0

    def add(self, status: int, seconds: float) -> None:
        """Count one answer; 0 is a connection that was lost."""
        self.statuses[status] += 1
        (self.good if 200 <= status < 300 else self.refused).append(seconds)

    @property
    def rate(self) -> float:
        """Return how many a second were answered 2xx."""
        return len(self.good) / self.seconds


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that so large a share is not above; nan of nothing."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)] if values else math.nan


def unchunked(data: bytes) -> bytes | None:
    """Return what chunks hold, None while the last one is not there."""
    parts: list[bytes] = []
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        if not size:
            return b"".join(parts) if len(data) >= end + len(END) else None
        parts.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return None


class Line(asyncio.Protocol):
    """One connection that is kept alive, with one request at a time on it.

    `head` and `body` are those of the last answer, `taken` is how many bytes it had.
    """

    def __init__(self) -> None:
        self.head = self.body = b""
        self.taken = 0
        self._buffer = b""
        self._waiting: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._answer(0)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(END)
        if end < 0:
            return
        head, body = self._buffer[:end].lower(), self._buffer[end + len(END) :]
        if CHUNKED in head:
            whole = unchunked(body)
        else:
            length = _number(head, LENGTH)
            whole = body if len(body) >= length else None
        if whole is not None:
            self.head, self.body, self.taken = head, whole, len(self._buffer)
            self._buffer = b""
            self._answer(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        """Send one request and return the status of its answer, 0 when the connection is lost."""
        if self._transport is None:
            return 0
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    @property
    def open(self) -> bool:
        """Say whether the other side is still there."""
        return self._transport is not None

    @property
    def retry_after(self) -> float:
        """Return after how many seconds the last answer asks to come again, 0 if it does not."""
        return float(_number(self.head, RETRY_AFTER))

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()

    def _answer(self, status: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(status)


def _number(head: bytes, name: bytes) -> int:
    at = head.find(name)
    return int(head[at + len(name) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def connect(port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Line:
    """Open one connection."""
    _, line = await asyncio.get_running_loop().create_connection(Line, host, port, ssl=tls)
    return line


async def closed(port: int, requests: Iterable[bytes], connections: int, *, again: bool = False) -> Seen:
    """Send requests over so many connections, each of which waits for its answer before it sends the next.

    With `again` who is told 503 and when to come back does so, under the same key, as a client should.
    """
    lines = [await connect(port) for _ in range(connections)]
    seen, queue = Seen(), iter(requests)
    # The clock of a fast loop goes by milliseconds.
    now = time.perf_counter

    async def work(line: Line) -> None:
        for request in queue:
            began = now()
            status = await line.ask(request)
            while again and status == 503 and line.retry_after:
                seen.again += 1
                await asyncio.sleep(line.retry_after)
                status = await line.ask(request)
            seen.add(status, now() - began)

    began = now()
    try:
        await asyncio.wait_for(asyncio.gather(*map(work, lines)), PATIENCE_S)
    finally:
        for line in lines:
            line.close()
    seen.seconds = now() - began
    return seen


async def opened(port: int, make: Callable[[], bytes], rate: float, seconds: float, connections: int) -> Seen:
    """Send `rate` requests a second whatever becomes of them; each is timed from when it was due, also while no connection is free."""
    lines = [await connect(port) for _ in range(connections)]
    seen, loop = Seen(), asyncio.get_running_loop()
    started = loop.time()
    times = _times(started, rate, seconds)

    async def work(line: Line) -> None:
        # Whoever is free takes the next one that is due: as many wait for their time or their answer as there are connections.
        for due in times:
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not line.open:
                line = await connect(port)
            request, sent = make(), loop.time()
            status = await line.ask(request)
            seen.add(status, loop.time() - due)
            if 200 <= status < 300:
                seen.sent.append(loop.time() - sent)
        line.close()

    await asyncio.wait_for(asyncio.gather(*map(work, lines)), seconds + PATIENCE_S)
    # Until the last answer: what is answered late is no more than what is answered in time.
    seen.seconds = loop.time() - started
    return seen


def _times(started: float, rate: float, seconds: float) -> Iterator[float]:
    return (started + number / rate for number in range(round(rate * seconds)))
