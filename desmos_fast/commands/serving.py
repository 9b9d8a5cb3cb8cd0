# SPDX-License-Identifier: Apache-2.0
"""What one process needs to serve until it is told to end."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from api.server import Orders
    from desmos_fast.commands.runtime import Runtime

# A batch makes more objects than this, and hardly one that is not ended by the count of who holds it.
COLLECT_FROM: Final = 10_000


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def stay_on_hangup() -> None:
    """Have SIGHUP, which is how systemd asks for a reload, end nothing where no process stands in for another."""
    log = structlog.get_logger("desmos.processes")
    told = partial(
        log.warning, "nothing was replaced: the one process that there is goes on as it is, and takes a new version when it is restarted"
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, told)


def tell_systemd(state: str) -> None:
    """Tell the system's manager, if it asked to be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.sendall(state.encode())


async def serve_here(
    place: "Runtime", listeners: Sequence[socket.socket], orders: "Orders", connections: int, grace_s: float, listening: Callable[[], None]
) -> None:
    """Serve in this process until told to end; `listening` is called once connections are taken."""
    from api import server
    from desmos_fast.db import pool

    # Each connection is a file; what a process is given unasked is less than it may take.
    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= given < server.MOST_FILES:
        wanted = server.MOST_FILES if most == resource.RLIM_INFINITY else min(server.MOST_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    opened = await pool.create(place.app_dsn, connections)
    try:
        app = await server.open_app(place.settings, opened)
        # Tables and code stay until the end: a collection that looks at each of them again keeps every request waiting.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_FROM)
        proxies = place.settings.trusted_proxies
        await server.serve(app, listeners, orders, listening=listening, grace_s=grace_s, proxies=proxies)
    finally:
        await opened.close()
