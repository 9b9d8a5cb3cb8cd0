# SPDX-License-Identifier: Apache-2.0
"""The life of one server: open the port, serve, and leave without cutting anyone off."""

import asyncio
import re
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog
from aiohttp import http_parser, web

from api.keys import LIFE, Life
from api.protocol import Runner
from desmos_fast.base.errors import OutsideFailed

log: Final = structlog.get_logger("desmos.server")
FLOOR: Final = (3, 14, 3)
KEEP_ALIVE_S: Final = 75.0
LINGER_S: Final = 2.0
DRAIN_S: Final = 30.0
CUT_S: Final = 5.0


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


def _port_of(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


async def _drain(life: Life) -> None:
    """Wait until what runs is answered: the library's own shutdown would drop the bodies that still arrive."""
    try:
        async with asyncio.timeout(DRAIN_S):
            await life.drained()
    except TimeoutError:
        log.warning("requests are cut at the end of the drain", running=life.running)


async def serve(
    app: web.Application, host: str, port: int, stop: asyncio.Event, *, listening: Callable[[int], None], grace_s: float
) -> None:
    """Serve until `stop` is set, then leave: not ready, `grace_s` for the balancers to see it, port closed, requests finished.

    `listening` is told the port, which the system chose when `port` is 0. What still runs 30 s after the port closed is cut.
    Raises WrongLibrary, PortTaken.
    """
    check_library()
    life = app[LIFE]
    runner = Runner(
        app,
        access_log=None,
        shutdown_timeout=CUT_S,
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise PortTaken(
                f"{host}:{port} cannot be listened on ({error.strerror})", hint="choose another --port, 0 takes a free one"
            ) from error
        listening(_port_of(runner))
        await stop.wait()
        life.leaving = True
        await asyncio.sleep(grace_s)
        life.closed = True
        await site.stop()
        await _drain(life)
    finally:
        await runner.cleanup()
