# SPDX-License-Identifier: Apache-2.0
"""Claim files: looked through, and given as they are sent."""

from typing import Final

from aiohttp import web

from api.body import uuid_of
from api.keys import ITEMS
from api.paging import wanted, write_cursor
from api.writes import json_answer, read
from desmos_fast.base.types import FileId
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service
from desmos_fast.lots.listing import service as listing
from desmos_fast.lots.model import FileState

routes: Final = web.RouteTableDef()


@routes.get("/v1/files")
async def index(request: web.Request) -> web.StreamResponse:
    """List the files of the centre, the newest first."""
    asked = wanted(request, [state.value for state in FileState])

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await listing.files(con, context, asked, write_cursor))

    return await read(request, look)


@routes.get("/v1/files/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one file, its lots, and what happened to it."""
    file = FileId(uuid_of(request, "id"))

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await listing.file(con, context, file))

    return await read(request, look)


@routes.get("/v1/files/{id}/content")
async def content(request: web.Request) -> web.StreamResponse:
    """Give the bytes of a file under the name that it is sent with."""
    file = FileId(uuid_of(request, "id"))

    async def look(con: Connection, context: Context) -> Answer:
        found = await service.content(con, context, file)
        request[ITEMS] = found.records
        headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
        return Answer(status=200, body=found.data, content_type="application/octet-stream", headers=headers)

    return await read(request, look)
