# SPDX-License-Identifier: Apache-2.0
"""The loopback channel: it listens on this machine alone, says which program it is, lets a page watch the readers and read cards.

No TLS: a private authority on localhost is what fails first at desks, and browsers take the loopback for as safe as TLS. No APDU and no
code (PIN) ever comes from a page.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler, Middleware

from desmos_fast.agents.tickets import TicketRefused
from desmos_fast.agents.wire import LOOPBACK_HEALTH, LOOPBACK_PATH, LOOPBACK_PORTS, Holder
from readers.errors import ReaderError
from readers.loopback.board import Board, Stand
from readers.loopback.gate import Gate, Turned
from readers.loopback.said import Family, Health, Opening, State, Told, from_page
from readers.loopback.said import Reading as ReadingAsked
from readers.reading import Reading

log: Final = logging.getLogger("desmos.loopback")
OPEN_S: Final = 5.0
READ_S: Final = 20.0
# Who stays longer shows another ticket before, for which they must still be signed in.
LONGEST_S: Final = 600.0
AGAIN_S: Final = 30.0
MOST: Final = 8
LARGEST: Final = 4096
ORIGIN: Final = web.RequestKey("origin", str)
PREFLIGHT_S: Final = 600
REFUSED: Final = 4401
OVER: Final = 4408
FULL: Final = 4429
Read = Callable[[str, float], Awaitable[Reading]]
Rights = Callable[[str], Awaitable[Family]]


class Loopback:
    """The agent's side of its pages. `rights` reads the family of the card in a reader, where licensed components do."""

    def __init__(self, gate: Gate, board: Board, health: Health, read: Read, rights: Rights | None = None) -> None:
        self._gate, self._board, self._health, self._read, self._rights = gate, board, health, read, rights
        self._open = 0

    def app(self, port: int) -> web.Application:
        """Return what answers on a port."""
        app = web.Application(middlewares=[self._guard(port)])
        app.router.add_get(LOOPBACK_HEALTH, self._say, allow_head=False)
        app.router.add_get(LOOPBACK_PATH, self._desk, allow_head=False)
        for path in (LOOPBACK_HEALTH, LOOPBACK_PATH):
            app.router.add_options(path, _preflight)
        return app

    async def run(self, ports: Sequence[int] = LOOPBACK_PORTS, bound: Callable[[int], None] = lambda _: None) -> None:
        """Listen until cancelled, on the first port that is free."""
        while (found := listen(ports)) is None:
            log.error("other programs hold the ports %d to %d: no page reaches this agent", ports[0], ports[-1])
            await asyncio.sleep(AGAIN_S)
        port, sockets = found
        runner = web.AppRunner(self.app(port), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for one in sockets:
                await web.SockSite(runner, one).start()
            log.info("pages reach this agent on port %d", port)
            bound(port)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def _guard(self, port: int) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                if len(request.headers.getall("Origin", [])) > 1 or len(request.headers.getall("Host", [])) != 1:
                    raise Turned("a header comes twice")
                origin = self._gate.enter(request.headers, port)
            except Turned as error:
                log.warning("a request was turned away: %s", error.detail)
                return web.Response(status=403, text="refused\n")
            request[ORIGIN] = origin
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f"{error.status}\n")
            if not response.prepared:
                response.headers.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Cache-Control": "no-store"})
            return response

        return guard

    async def _say(self, _request: web.Request) -> web.Response:
        health = msgspec.structs.replace(self._health, ready=self._gate.ready)
        return web.Response(body=msgspec.json.encode(health), content_type="application/json")

    async def _desk(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(heartbeat=20.0, max_msg_size=LARGEST, compress=False)
        await ws.prepare(request)
        if self._open >= MOST:
            await ws.close(code=FULL, message=b"full")
            return ws
        self._open += 1
        try:
            await _Page(self._gate, self._board, self._read, self._rights, ws, request[ORIGIN]).run()
        finally:
            self._open -= 1
        return ws


class _Page:
    """One page that is connected."""

    def __init__(self, gate: Gate, board: Board, read: Read, rights: Rights | None, ws: web.WebSocketResponse, origin: str) -> None:
        self._gate, self._board, self._read_card, self._rights = gate, board, read, rights
        self._ws, self._origin = ws, origin
        # The last that the page was told of, and what it shows.
        self._stood: Stand | None = None
        self._shown: State | None = None
        self._reading: asyncio.Task[None] | None = None
        self._end = asyncio.timeout(LONGEST_S)

    async def run(self) -> None:
        try:
            async with asyncio.timeout(OPEN_S):
                said = await self._next()
            if not isinstance(said, Opening):
                raise TicketRefused("a page begins with a ticket")
            self._gate.redeem(said.ticket, "watch", self._origin)
            tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._hear())]
            try:
                async with self._end:
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await _stop(*tasks, self._reading)
            await self._ws.close()
        except TimeoutError:
            await self._ws.close(code=OVER, message=b"over")
        except (TicketRefused, msgspec.MsgspecError) as error:
            log.warning("a page was refused: %s", error.detail if isinstance(error, TicketRefused) else "it says what no page says")
            await self._tell(Told(state="refused", code=TicketRefused.code))
            await self._ws.close(code=REFUSED, message=b"refused")
        except ConnectionError:
            log.info("a page left")

    async def _follow(self) -> None:
        """Tell how it stands, each time that it changes."""
        while True:
            changed, stand = self._board.changed, self._board.stand
            if stand != self._stood:
                await self._stand(stand)
            await changed.wait()

    async def _stand(self, stand: Stand) -> None:
        self._stood = stand
        if self._reading is not None and not self._reading.done():
            # The reading itself says what became of it.
            await asyncio.wait([self._reading])
        if stand.state != "no_card":
            await self._tell(Told(state=stand.state, reader=stand.reader))
        elif self._shown == "read":
            await self._tell(Told(state="pulled"))
        elif self._shown != "failed":
            # Why a reading failed stays until there is another card.
            await self._tell(Told(state="no_card"))

    async def _hear(self) -> None:
        while (said := await self._next()) is not None:
            if isinstance(said, Opening):
                self._gate.redeem(said.ticket, "watch", self._origin)
                self._end.reschedule(asyncio.get_running_loop().time() + LONGEST_S)
            elif self._reading is None or self._reading.done():
                self._gate.redeem(said.ticket, "read", self._origin)
                self._reading = asyncio.create_task(self._read(self._board.stand))

    async def _read(self, stand: Stand) -> None:
        if stand.state != "card":
            await self._tell(Told(state="failed", code="card_removed"))
            return
        log.info("a page of %s reads the card in %s", self._origin, stand.reader)
        await self._tell(Told(state="reading", reader=stand.reader))
        try:
            found = await self._read_card(stand.reader, READ_S)
            family = await self._rights(stand.reader) if self._rights is not None and found.card == "vitale2" else None
        except ReaderError as error:
            await self._tell(Told(state="failed", reader=stand.reader, code=error.code))
            return
        # What another card said, or one that left, is not to be shown.
        if not self._board.holds(stand):
            await self._tell(Told(state="failed", reader=stand.reader, code="card_removed"))
            return
        said = found.identity
        holder = None if said is None else Holder(**{name: said.get(name) for name in Holder.__struct_fields__})
        await self._tell(Told(state="read", reader=stand.reader, card=found.card, identity=holder, family=family))

    async def _next(self) -> Opening | ReadingAsked | None:
        message = await self._ws.receive()
        if message.type is WSMsgType.TEXT:
            said: Opening | ReadingAsked = from_page.decode(message.data)
            return said
        if message.type is WSMsgType.BINARY:
            raise TicketRefused("a page says text")
        return None

    async def _tell(self, told: Told) -> None:
        self._shown = told.state
        with contextlib.suppress(ConnectionError):
            await self._ws.send_str(msgspec.json.encode(told).decode())


async def _stop(*tasks: asyncio.Task[None] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _preflight(request: web.Request) -> web.Response:
    """Answer what a browser asks before it lets a page of the web ask this machine."""
    headers = {"Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": str(PREFLIGHT_S)}
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


def listen(ports: Sequence[int]) -> tuple[int, list[socket.socket]] | None:
    """Return the first port that is free on every loopback address of this machine, with what listens there; None when all are held."""
    for port in ports:
        sockets: list[socket.socket] = []
        try:
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                if (one := _bound(family, address, port)) is not None:
                    sockets.append(one)
                    port = one.getsockname()[1]
        except OSError:
            for one in sockets:
                one.close()
            continue
        if sockets:
            return port, sockets
    return None


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Return a socket of an address, None where the machine has no such address. Raises OSError when another program has the port."""
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # On Windows the option for what was closed just now would let another program share the port: there is one against that.
        option: int = socket.SO_REUSEADDR if os.name == "posix" else getattr(socket, "SO_EXCLUSIVEADDRUSE", ~socket.SO_REUSEADDR)
        made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind((address, port))
        made.listen(16)
    except OSError as error:
        made.close()
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise
    return made
