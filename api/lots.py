# SPDX-License-Identifier: Apache-2.0
"""Lots: the claims that wait become numbered lots and files; lots are looked through."""

from typing import Final

from aiohttp import web

from api.body import uuid_of
from api.paging import wanted, write_cursor
from api.writes import json_answer, read, trial, write
from desmos_fast.base.types import LotId
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service
from desmos_fast.lots.listing import service as listing
from desmos_fast.lots.model import LotState
from desmos_fast.lots.preview import preview as try_out

routes: Final = web.RouteTableDef()


@routes.post("/v1/lots:build")
async def build(request: web.Request) -> web.StreamResponse:
    """Group what waits into lots, lay out the files and queue them."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.build(con, context, body))

    return await write(request, effect)


@routes.post("/v1/lots:preview")
async def preview(request: web.Request) -> web.StreamResponse:
    """Say what a build would make now; nothing is done, so no key is needed."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await try_out(con, context, body))

    return await trial(request, effect)


@routes.get("/v1/lots")
async def index(request: web.Request) -> web.StreamResponse:
    """List the lots of the centre, the newest first."""
    asked = wanted(request, [state.value for state in LotState])

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await listing.lots(con, context, asked, write_cursor))

    return await read(request, look)


@routes.get("/v1/lots/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one lot, the invoices in it, and what happened to it."""
    lot = LotId(uuid_of(request, "id"))

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await listing.lot(con, context, lot))

    return await read(request, look)
