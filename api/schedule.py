# SPDX-License-Identifier: Apache-2.0
"""When the lots of a centre are built by themselves."""

from typing import Final

from aiohttp import web

from api.writes import json_answer, read, write, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots.schedule import service

routes: Final = web.RouteTableDef()


@routes.put("/v1/schedule")
async def put(request: web.Request) -> web.StreamResponse:
    """Set the schedule of the centre, in the place of another one."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.put(con, context, service.read_plan(body, context)))

    return await write_or_try(request, effect)


@routes.get("/v1/schedule")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the schedule of the centre, its next due time and its last run."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context))

    return await read(request, look)


@routes.delete("/v1/schedule")
async def end(request: web.Request) -> web.StreamResponse:
    """End the schedule of the centre."""

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        await service.end(con, context)
        return Answer(status=204, body=b"")

    return await write(request, effect, empty=True)
