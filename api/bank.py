# SPDX-License-Identifier: Apache-2.0
"""Statements of the bank."""

from typing import Final

from aiohttp import web

from api.writes import json_answer, write_bulk
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/bank-statements")
async def import_statement(request: web.Request) -> web.StreamResponse:
    """Import one statement; a line that is already there is marked as a duplicate."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.import_statement(con, context, body))

    return await write_bulk(request, effect)
