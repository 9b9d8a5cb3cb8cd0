# SPDX-License-Identifier: Apache-2.0
"""Files that come back from the payers: acknowledgements (ARL) and returns (RSP)."""

from typing import Final

from aiohttp import web

from api.writes import json_answer, write_bulk
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.returns import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/returns")
async def import_file(request: web.Request) -> web.StreamResponse:
    """Import one file, recognised by its content; the same bytes again change nothing."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.import_file(con, context, body))

    return await write_bulk(request, effect)
