# SPDX-License-Identifier: Apache-2.0
"""Workstations of a centre under test: enrolled over HTTP, their agent run in this very loop, or spoken by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp

from desmos_fast.agents import wire
from readers.run import serve
from readers.uplink import VERSION, enrol
from readers.uplink_folder import Folder, Identity
from tests.agents.workstation import FakeCards
from tests.api.conftest import Desk

PATIENCE_S: Final = 5.0


async def new_code(desk: Desk, name: str = "Accueil 3") -> str:
    """Have a code made for a desk."""
    reply = await desk.post("/v1/agents/codes", {"desk": name})
    assert reply.status == 201, reply.body
    return str(reply.json["code"])


async def enrolled(desk: Desk, path: Path, url: str = "", name: str = "Accueil 3") -> Folder:
    """Enrol a workstation, and return its folder."""
    folder = Folder(path)
    await enrol(folder, url or desk.house.url, await new_code(desk, name))
    return folder


@contextlib.asynccontextmanager
async def running(folder: Folder, cards: FakeCards) -> AsyncIterator[asyncio.Task[None]]:
    """Run an agent while the block runs."""
    task = asyncio.create_task(serve(folder, cards))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(look: Callable[[], Any], wanted: Callable[[Any], bool], patience_s: float = PATIENCE_S) -> Any:
    """Look again until it is as wanted, and return it."""
    async with asyncio.timeout(patience_s):
        while not wanted(found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def readers_of(desk: Desk) -> list[dict[str, Any]]:
    """Return the readers of a centre."""
    found: list[dict[str, Any]] = (await desk.get("/v1/readers")).json["readers"]
    return found


async def a_reader(desk: Desk) -> dict[str, Any]:
    """Wait for the first reader that is there, and return it."""
    found = await until(lambda: readers_of(desk), lambda readers: any(one["online"] for one in readers))
    return dict(next(one for one in found if one["online"]))


@contextlib.asynccontextmanager
async def line(url: str, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a channel and say nothing yet."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url + wire.PATH, headers=headers) as ws:
        yield ws


async def say(ws: aiohttp.ClientWebSocketResponse, said: wire.FromAgent) -> None:
    """Say something as an agent does."""
    await ws.send_str(wire.encode(said).decode())


async def heard(ws: aiohttp.ClientWebSocketResponse) -> wire.FromService | int:
    """Return what the service says next, or with which code it ends the channel."""
    async with asyncio.timeout(PATIENCE_S):
        message = await ws.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        said: wire.FromService = wire.from_service.decode(message.data)
        return said
    assert ws.close_code is not None
    return ws.close_code


async def proven(ws: aiohttp.ClientWebSocketResponse, identity: Identity, version: str = VERSION) -> wire.FromService | int:
    """Answer the challenge, and return what comes of it."""
    challenge = await heard(ws)
    assert isinstance(challenge, wire.Challenge)
    proof = wire.Proof(certificate=identity.certificate, signature=identity.prove(challenge.nonce), version=version)
    await say(ws, proof)
    return await heard(ws)
