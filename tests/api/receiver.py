# SPDX-License-Identifier: Apache-2.0
"""A real HTTPS server on loopback that takes deliveries, or drops, delays and refuses them as a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from aiohttp import web

from tests.lots.transports.authority import Authority

Fate = Literal["take", "drop", "late", "fail", "refuse", "redirect", "take and drop"]


@dataclass
class Receiver:
    """What arrived, in order, with the fate of each; `fate` decides from the message and how often it came before."""

    url: str = ""
    fate: Callable[[dict[str, Any], int], Fate] = lambda _message, _before: "take"
    seen: list[tuple[dict[str, Any], Fate]] = field(default_factory=list)
    raw: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def taken(self) -> list[dict[str, Any]]:
        """Return the messages that were taken, the first time that each was."""
        found: dict[str, dict[str, Any]] = {}
        for message, fate in self.seen:
            if fate.startswith("take"):
                found.setdefault(message["id"], message)
        return list(found.values())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one delivery, or not."""
        body = await request.read()
        message = orjson.loads(body)
        fate = self.fate(message, sum(one["id"] == message["id"] for one, _ in self.seen))
        self.seen.append((message, fate))
        self.raw.append((body, request.headers))
        if fate in ("drop", "take and drop"):
            assert request.transport is not None
            request.transport.close()
        elif fate == "late":
            await asyncio.sleep(1.5)
        elif fate == "redirect":
            return web.Response(status=302, headers={"Location": self.url})
        return web.Response(status={"fail": 500, "refuse": 400}.get(fate, 204))


@asynccontextmanager
async def receiving(authority: Authority) -> AsyncIterator[Receiver]:
    """Run a receiver."""
    pair = authority.pair("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate_file, pair.key_file)
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/told", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert runner.addresses
    receiver.url = f"https://127.0.0.1:{runner.addresses[0][1]}/told"
    try:
        yield receiver
    finally:
        await runner.cleanup()
