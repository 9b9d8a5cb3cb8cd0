# SPDX-License-Identifier: Apache-2.0
"""The web framework alone: a body is read and decoded, a ready answer given; no key, check or count: `python -m loadtests.peers.bare`."""

import asyncio
from typing import Final

import orjson
import uvloop
from aiohttp import web

ANSWER: Final = b'{"made_on":"2026-11-25"}'


async def answer(request: web.Request) -> web.Response:
    """Read one invoice and say that it was read."""
    body = orjson.loads(await request.read())
    assert body["acts"]
    return web.Response(body=ANSWER, content_type="application/json")


async def main() -> None:
    """Serve until killed, on any port, which is told."""
    app = web.Application()
    app.router.add_post("/v1/quotes", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
