# SPDX-License-Identifier: Apache-2.0
"""The channel that the agent of a workstation opens to the service: it proves itself by its certificate inside of it.

TLS ends at a proxy, which may know nothing of certificates of clients: so what proves an agent is a nonce that its key signs, in the
channel that TLS protects.
"""

import asyncio
import contextlib
import os
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog
from aiohttp import WSMsgType, web

from api.agents import AGENCY
from api.auth import CrossSite
from api.keys import CLOCK, LIFE, POOL
from api.problems import Stopping
from desmos_fast.agents import service, wire
from desmos_fast.agents.model import AgentRefused, ChannelOver, Known, ReaderAway
from desmos_fast.agents.relay import Kept
from desmos_fast.agents.wire import Closing
from desmos_fast.db.pool import DatabaseDown
from monitoring import metrics

log: Final = structlog.get_logger("desmos.agents")
routes: Final = web.RouteTableDef()
PROVE_S: Final = 10.0
# Three beats are missed before an agent counts as away, and one is enough to learn that it is blocked.
BEAT_S: Final = 20.0
# How soon channels end when the process leaves.
LOOK_S: Final = 0.5
MOST_ASKED: Final = 16


class Channel:
    """One connection of one agent."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._app, self._ws = request.app, ws
        self._agency = request.app[AGENCY]
        self._asked: set[UUID] = set()
        self._closing: Closing | None = None
        self._over = asyncio.Event()
        self._sending: asyncio.Queue[wire.FromService | wire.ReadFailed] = asyncio.Queue()

    def ask(self, asked: wire.Asked) -> None:
        """Have the agent do something, or say at once that it does as much as it may."""
        if len(self._asked) < MOST_ASKED:
            self._asked.add(asked.request)
            self._sending.put_nowait(asked)
        else:
            self._sending.put_nowait(wire.ReadFailed(request=asked.request, code="card_busy"))

    def end(self, closing: Closing) -> None:
        """End the channel; the first reason counts."""
        if self._closing is None:
            self._closing = closing
            self._over.set()

    async def run(self) -> None:
        """Know the agent, then serve it until either side ends."""
        known = None
        try:
            known = await self._proven()
            await self._agency.relay.ready()
            await self._serve(known)
        except ChannelOver as error:
            log.info("a channel of an agent ends", reason=error.closing.name.lower(), detail=error.detail)
            self.end(error.closing)
        except DatabaseDown:
            self.end(Closing.TRY_LATER)
        except msgspec.MsgspecError:
            self.end(Closing.MALFORMED)
        finally:
            await self._leave(known)

    async def _proven(self) -> Known:
        nonce = os.urandom(wire.NONCE_BYTES)
        await self._send(wire.Challenge(nonce=nonce))
        try:
            async with asyncio.timeout(PROVE_S):
                said = await self._next()
        except TimeoutError:
            raise ChannelOver(Closing.SLOW, "nothing was proven in time") from None
        if not isinstance(said, wire.Proof):
            raise ChannelOver(Closing.UNPROVEN, "a channel begins with a proof")
        known = await service.prove(self._app[POOL], said, nonce, self._agency.authority, self._now())
        await self._send(wire.Welcome(received=known.received, at=self._now(), tickets=self._agency.authority.ticket_key))
        return known

    async def _serve(self, known: Known) -> None:
        self._agency.relay.join(known.id, self)
        metrics.agents_connected.inc()
        tasks = [asyncio.create_task(work) for work in (self._hear(known), self._speak(), self._beat(known), self._over.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            metrics.agents_connected.dec()
            self._agency.relay.part(known.id, self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self, known: Known) -> None:
        while (said := await self._next()) is not None:
            if isinstance(said, wire.Events):
                number, new = await service.accept(self._app[POOL], known, said.events, self._now())
                self._sending.put_nowait(wire.Received(number=number))
                if new:
                    await self._agency.relay.tell_news(known.tenant)
            elif isinstance(said, wire.ReadDone | wire.ReadFailed):
                # An agent answers what it was asked, and for nobody else.
                if said.request in self._asked:
                    self._asked.discard(said.request)
                    await self._agency.relay.answer(said)
            elif isinstance(said, wire.Examined):
                if said.request in self._asked:
                    self._asked.discard(said.request)
                    await service.keep_report(self._app[POOL], known, said, self._now())
                    await self._agency.relay.answer(Kept(said.request))
            elif isinstance(said, wire.Resign):
                await service.resign(self._app[POOL], known, self._now())
                raise ChannelOver(Closing.BLOCKED, "the agent is about to be wiped")
            elif isinstance(said, wire.Renew):
                await self._renew(known, said)
            else:
                raise ChannelOver(Closing.MALFORMED, "an agent proves itself once")

    async def _renew(self, known: Known, said: wire.Renew) -> None:
        try:
            issued = await service.renew(self._app[POOL], known, said.csr, self._agency.authority, self._now())
        except AgentRefused as error:
            raise ChannelOver(Closing.MALFORMED, error.detail) from error
        self._sending.put_nowait(wire.Renewed(certificate=issued.pem))

    async def _speak(self) -> None:
        while True:
            said = await self._sending.get()
            if isinstance(said, wire.ReadFailed):
                await self._agency.relay.answer(said)
            else:
                await self._send(said)

    async def _beat(self, known: Known) -> None:
        beaten = asyncio.get_running_loop().time()
        while not self._app[LIFE].leaving:
            await asyncio.sleep(min(LOOK_S, BEAT_S))
            if asyncio.get_running_loop().time() - beaten >= BEAT_S:
                await service.beat(self._app[POOL], known, self._now())
                beaten = asyncio.get_running_loop().time()
        self.end(Closing.RESTART)

    async def _leave(self, known: Known | None) -> None:
        with contextlib.suppress(DatabaseDown):
            for request in self._asked:
                await self._agency.relay.answer(wire.ReadFailed(request=request, code=ReaderAway.code))
            if known is not None:
                await service.leave(self._app[POOL], known)
        closing = self._closing
        metrics.agent_channels_ended.labels("left" if closing is None else closing.name.lower()).inc()
        await self._ws.close(code=1000 if closing is None else closing, message=b"" if closing is None else closing.name.lower().encode())

    async def _next(self) -> wire.FromAgent | None:
        """Return what the agent says next, None when it left."""
        message = await self._ws.receive()
        if message.type is WSMsgType.TEXT:
            said: wire.FromAgent = wire.from_agent.decode(message.data)
            return said
        if message.type is WSMsgType.BINARY:
            raise ChannelOver(Closing.MALFORMED, "what is said is text")
        return None

    async def _send(self, said: wire.FromService) -> None:
        with contextlib.suppress(ConnectionError):
            await self._ws.send_str(wire.encode(said).decode())

    def _now(self) -> datetime:
        return self._app[CLOCK]()


@routes.get(wire.PATH)
async def connect(request: web.Request) -> web.StreamResponse:
    """Open the channel of a workstation: a WebSocket on which it proves itself first. No browser has one."""
    if "Origin" in request.headers:
        raise CrossSite("a channel is opened by the agent of a workstation, not by a page")
    if request.app[LIFE].leaving:
        raise Stopping("the service is stopping", hint="connect again, to another process")
    ws = web.WebSocketResponse(heartbeat=BEAT_S, max_msg_size=wire.LARGEST, compress=False)
    await ws.prepare(request)
    await Channel(request, ws).run()
    return ws
