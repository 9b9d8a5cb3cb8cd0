# SPDX-License-Identifier: Apache-2.0
"""Lots: the claims that wait become numbered lots and files."""

from typing import Final

from aiohttp import web

from api.writes import json_answer, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/lots:build")
async def build(request: web.Request) -> web.StreamResponse:
    """Group what waits into lots, lay out the files and queue them."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.build(con, context, body))

    return await write(request, effect)
