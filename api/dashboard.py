# SPDX-License-Identifier: Apache-2.0
"""The centre's figures: billed, announced, credited, and what is missing."""

from typing import Final

from aiohttp import web

from api.writes import json_answer, read
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import service

routes: Final = web.RouteTableDef()


@routes.get("/v1/dashboard")
async def dashboard(request: web.Request) -> web.StreamResponse:
    """Show the figures of the caller's centre."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.dashboard(con, context))

    return await read(request, look)
