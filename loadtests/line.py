# SPDX-License-Identifier: Apache-2.0
"""The line of a centre: a pair of interfaces that pass so many bits a second, and a proxy at its end that takes its time."""

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Final

SPACE: Final = "desmos-line"
HERE, THERE = "desmos-line0", "desmos-line1"
NEAR, FAR = "10.199.77.1", "10.199.77.2"
# As much as a small router holds back before it drops.
BURST: Final = "16kb"
QUEUE_S: Final = "400ms"
PIECE: Final = 65536


class NoLine(Exception):
    """This machine does not let a line be made."""


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NoLine(f"{' '.join(command)}: {done.stderr.strip()}")


@contextlib.contextmanager
def line(kbps: int) -> Iterator[tuple[str, ...]]:
    """Make a line of so many kilobits a second each way, and return what a command begins with that is to run at its far end.

    Raises NoLine where that takes more rights than there are.
    """
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        raise NoLine("a shaped line takes root, ip and tc (iproute2)")
    with contextlib.ExitStack() as closing:
        _do("ip", "netns", "add", SPACE)
        closing.callback(_do, "ip", "netns", "delete", SPACE)
        _do("ip", "link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", SPACE)
        inside = ("ip", "netns", "exec", SPACE)
        shape = ("root", "tbf", "rate", f"{kbps}kbit", "burst", BURST, "latency", QUEUE_S)
        for command in (
            ("ip", "addr", "add", f"{NEAR}/30", "dev", HERE), ("ip", "link", "set", HERE, "up"),
            (*inside, "ip", "addr", "add", f"{FAR}/30", "dev", THERE), (*inside, "ip", "link", "set", THERE, "up"),
            ("tc", "qdisc", "add", "dev", HERE, *shape), (*inside, "tc", "qdisc", "add", "dev", THERE, *shape),
        ):  # fmt: skip
            _do(*command)
        yield inside


@contextlib.asynccontextmanager
async def delaying(service: int, delay_s: float, tls: ssl.SSLContext | None, host: str = NEAR) -> AsyncIterator[int]:
    """Run a proxy that ends TLS and passes everything on so many seconds later, each way; give its port."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", service)
        try:
            await asyncio.gather(_later(reader, far_writer, delay_s), _later(far_reader, writer, delay_s))
        except (ConnectionError, asyncio.CancelledError):
            pass  # Whoever left says nothing.
        finally:
            running.discard(task)
            writer.close()
            far_writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take() -> None:
        while data := await reader.read(PIECE):
            waiting.put_nowait((loop.time() + delay_s, data))
        waiting.put_nowait((loop.time() + delay_s, b""))

    async def give() -> None:
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            if not data:
                writer.write_eof() if writer.can_write_eof() else writer.close()
                return
            writer.write(data)
            await writer.drain()

    await asyncio.gather(take(), give())
