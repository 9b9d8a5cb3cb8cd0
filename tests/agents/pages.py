# SPDX-License-Identifier: Apache-2.0
"""The loopback of an agent under test, without a service: tickets of a key of the test's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from desmos_fast.agents.tickets import Ticket, Use, sign
from desmos_fast.agents.wire import LOOPBACK_PATH
from desmos_fast.base.types import uuid7
from readers.loopback.board import Board
from readers.loopback.gate import Gate
from readers.loopback.said import PRODUCT, PROTOCOL, Health
from readers.loopback.server import Loopback, Read, Rights
from tests.agents.workstation import ATR, FakeCards, happened

AGENT: Final = UUID("01a21227-0000-7000-8000-00000000000a")
ORIGIN: Final = "https://desmos.example"
PATIENCE_S: Final = 10.0


class Clock:
    """A monotonic clock that stands where a test puts it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Desk:
    """A loopback that listens, and the pages that a test opens."""

    def __init__(self, rights: Rights | None, read: Read | None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.clock, self.board, self.cards = Clock(), Board(), FakeCards()
        self.gate = Gate(AGENT, [ORIGIN], self.clock)
        # A workstation whose own clock is wrong goes by that of the service.
        self.at = datetime(2031, 5, 6, 8, tzinfo=UTC)
        self.port = 0
        health = Health(product=PRODUCT, version="0.1.0", protocol=PROTOCOL, instance=str(AGENT), desk="Accueil 3", ready=False)
        self.loopback = Loopback(self.gate, self.board, health, read or self.cards.read, rights)

    def welcome(self) -> None:
        """Let the service have been heard."""
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self.gate.welcomed(pem, self.at)

    def ticket(self, use: Use = "watch", key: ec.EllipticCurvePrivateKey | None = None, **changes: Any) -> str:
        """Make a ticket that is good, but for what is changed."""
        made = Ticket(id=uuid7(), agent=AGENT, use=use, origin=ORIGIN, ends_at=self.at + timedelta(seconds=60))
        return sign(msgspec.structs.replace(made, **changes), key or self.key)

    def happen(self, *kinds: str, atr: str = ATR) -> None:
        """Let something happen at the readers."""
        for kind in kinds:
            self.board.note(happened(kind, atr=atr if kind == "card_inserted" else ""))

    @contextlib.asynccontextmanager
    async def page(self, origin: str = ORIGIN, host: str = "") -> AsyncIterator["Page"]:
        """Open a channel as a page of an origin does."""
        headers = {"Origin": origin, **({"Host": host} if host else {})}
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.url}{LOOPBACK_PATH}", headers=headers) as ws:
            yield Page(ws)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"


class Page:
    """One channel that a page opened."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def say(self, kind: str, ticket: str, **more: Any) -> None:
        """Say something."""
        await self.ws.send_str(msgspec.json.encode({"type": kind, "ticket": ticket, **more}).decode())

    async def heard(self) -> dict[str, Any]:
        """Return what the agent says next; a code when it ends the channel."""
        async with asyncio.timeout(PATIENCE_S):
            message = await self.ws.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            told: dict[str, Any] = msgspec.json.decode(message.data)
            return told
        return {"closed": self.ws.close_code}

    async def state(self) -> str:
        """Return the state that the agent tells next, with the code of a failure."""
        told = await self.heard()
        return "+".join(part for part in (str(told.get("state")), told.get("code", "")) if part)


@contextlib.asynccontextmanager
async def loopback(rights: Rights | None = None, *, welcomed: bool = True, read: Read | None = None) -> AsyncIterator[Desk]:
    """Run a loopback on a port of its own."""
    desk, bound = Desk(rights, read), asyncio.get_running_loop().create_future()
    if welcomed:
        desk.welcome()
    task = asyncio.create_task(desk.loopback.run([0], bound.set_result))
    try:
        async with asyncio.timeout(PATIENCE_S):
            desk.port = await bound
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
