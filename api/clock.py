# SPDX-License-Identifier: Apache-2.0
"""`/v1/test/clock`: what time it is for a test centre, which may be later than elsewhere."""

from typing import Final

from aiohttp import web

from api.keys import CLOCK, POOL
from api.writes import json_answer, read, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.clocks import service
from desmos_fast.identity.context import Context
from desmos_fast.lots.schedule.model import BUILD_ON_SCHEDULE

routes: Final = web.RouteTableDef()


@routes.get("/v1/test/clock")
async def show(request: web.Request) -> web.StreamResponse:
    """Say what time it is for the centre."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, request.app[CLOCK]()))

    return await read(request, look)


@routes.post("/v1/test/clock")
async def advance(request: web.Request) -> web.StreamResponse:
    """Advance the clock of a test centre; it never goes back. Every process follows within a second, this one at once."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_advance(body)
        return json_answer(await service.advance(con, context, request.app[CLOCK](), asked, wake=(BUILD_ON_SCHEDULE,)))

    response = await write(request, effect)
    await service.look(request.app[POOL], request.app[CLOCK])
    return response
