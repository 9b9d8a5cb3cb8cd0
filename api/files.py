# SPDX-License-Identifier: Apache-2.0
"""Claim files, as they are sent."""

from typing import Final

from aiohttp import web

from api.body import uuid_of
from api.writes import read
from desmos_fast.base.types import FileId
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service

routes: Final = web.RouteTableDef()


@routes.get("/v1/files/{id}/content")
async def content(request: web.Request) -> web.StreamResponse:
    """Give the bytes of a file under the name that it is sent with."""
    file = FileId(uuid_of(request, "id"))

    async def look(con: Connection, context: Context) -> Answer:
        found = await service.content(con, context, file)
        headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
        return Answer(status=200, body=found.data, content_type="application/octet-stream", headers=headers)

    return await read(request, look)
