# SPDX-License-Identifier: Apache-2.0
"""The life of one server: open the port, serve, and leave without cutting anyone off."""

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import structlog
from aiohttp import http_parser, web

from api.app import make_app
from api.keys import LIFE, TARIFFS, Life
from api.protocol import MOST_CONNECTIONS, Runner
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.settings import Network, Settings
from desmos_fast.db import health
from desmos_fast.db.masters import open_keyring
from desmos_fast.db.pool import Pool

log: Final = structlog.get_logger("desmos.server")
FLOOR: Final = (3, 14, 3)
KEEP_ALIVE_S: Final = 75.0
LINGER_S: Final = 2.0
DRAIN_S: Final = 30.0
CUT_S: Final = 5.0
LOOK_S: Final = 0.02
BACKLOG: Final = 1024
MOST_FILES: Final = 2 * MOST_CONNECTIONS


class WrongLibrary(OutsideFailed):
    """The HTTP library is too old to be exposed, or lacks its compiled parser."""

    code = "outside_failed"


class PortTaken(OutsideFailed):
    """The address cannot be listened on."""

    code = "outside_failed"


def check_library() -> None:
    """Refuse an aiohttp below the version whose holes are closed, or one that parses in Python. Raises WrongLibrary."""
    version = tuple(int(part) for part in re.findall(r"[0-9]+", aiohttp.__version__)[:3])
    if version < FLOOR:
        raise WrongLibrary(f"aiohttp {aiohttp.__version__} is below {'.'.join(map(str, FLOOR))}", hint="install the pinned libraries")
    if http_parser.HttpRequestParser.__module__ != "aiohttp._http_parser":
        raise WrongLibrary("aiohttp runs without its compiled parser", hint="install its wheel and unset AIOHTTP_NO_EXTENSIONS")


@dataclass
class Orders:
    """What a server is told: to leave, or to leave its place to another that already serves on the same sockets."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)

    async def given(self) -> None:
        """Wait for the first of the two."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.stop, self.replaced)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()


def open_port(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Listen on every address of `host`, on one port, which the system chooses when it is 0.

    With `shared` other sockets of this user may listen there too. Raises PortTaken.
    """
    opened: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            listener = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address[0], opened[0].getsockname()[1], *address[2:]) if len(opened) > 1 else address)
            listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        for listener in opened:
            listener.close()
        why = error.strerror if isinstance(error, OSError) else "no name of a host"
        hint = "choose another --port, 0 takes a free one; --host is an address of this machine"
        raise PortTaken(f"{host}:{port} cannot be listened on ({why})", hint=hint) from error
    return opened


def open_shared(host: str, port: int, count: int) -> list[list[socket.socket]]:
    """Listen `count` times on one port, for as many processes; the system parts the connections among them. Raises PortTaken."""
    if port:
        # The system would let us share it with another service of this user too.
        for listener in open_port(host, port):
            listener.close()
    first = open_port(host, port, shared=True)
    return [first, *(open_port(host, first[0].getsockname()[1], shared=True) for _ in range(count - 1))]


async def open_app(settings: Settings, opened: Pool) -> web.Application:
    """Put the application together over a pool. Raises WrongRole, DatabaseDown, and what an unsound tariff pack raises."""
    await health.check_role(opened)
    app = make_app(settings, opened, open_keyring(settings, make=True))
    async with health.bare(opened) as con:
        await app[TARIFFS].current(con)
    return app


async def _drain(life: Life) -> None:
    """Wait until what runs is answered: the library's own shutdown would drop the bodies that still arrive."""
    try:
        async with asyncio.timeout(DRAIN_S):
            await life.drained()
    except TimeoutError:
        log.warning("requests are cut at the end of the drain", running=life.running)


async def _unused(runner: Runner, grace_s: float) -> None:
    """Wait until the last connection is gone, `grace_s` at most: each is closed with its next answer."""
    for _ in range(int(grace_s / LOOK_S)):
        if runner.server is None or not runner.server.connections:
            return
        await asyncio.sleep(LOOK_S)


async def _leave(life: Life, runner: Runner, orders: Orders, grace_s: float) -> None:
    """Take no new connection, and finish what runs."""
    life.leaving = True
    life.replaced = orders.replaced.is_set() and not orders.stop.is_set()
    if life.replaced:
        await _stop_listening(runner)
        await _unused(runner, grace_s)
    else:
        await asyncio.sleep(grace_s)
        life.closed = True
        await _stop_listening(runner)
    await _drain(life)


async def _stop_listening(runner: Runner) -> None:
    for site in tuple(runner.sites):
        await site.stop()


async def serve(
    app: web.Application,
    listeners: Sequence[socket.socket],
    orders: Orders,
    *,
    listening: Callable[[], None],
    grace_s: float,
    proxies: Sequence[Network] = (),
) -> None:
    """Serve on sockets that listen until an order comes, then leave; `listening` is called once connections are taken.

    Told to stop: not ready, `grace_s` for the balancers to see it, port closed, requests finished. Replaced: the port left to the other at
    once, ready still, each connection closed with its next answer, or unused after `grace_s`. What still runs 30 s later is cut.
    `proxies` are believed when they say whose a request is.
    Raises WrongLibrary.
    """
    check_library()
    runner = Runner(
        app,
        proxies=proxies,
        access_log=None,
        shutdown_timeout=CUT_S,
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
        listening()
        await orders.given()
        await _leave(app[LIFE], runner, orders, grace_s)
    finally:
        await runner.cleanup()
