# SPDX-License-Identifier: Apache-2.0
"""How a centre matches: windows for all payers and for one, and the labels of its bank that people explained."""

from typing import Final
from uuid import UUID

from aiohttp import web

from api.body import number
from api.paging import read_cursor, write_cursor
from api.writes import json_answer, read, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots.listing.model import PAGE
from desmos_fast.settlement.taught import service

routes: Final = web.RouteTableDef()
# A revision is an integer of the database, a cursor may be any.
LARGEST: Final = 2**31 - 1


@routes.get("/v1/matching/settings")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the settings in force."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context))

    return await read(request, look)


@routes.put("/v1/matching/settings")
async def put(request: web.Request) -> web.StreamResponse:
    """Set them anew, whole."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.put(con, context, body))

    return await write_or_try(request, effect)


@routes.get("/v1/matching/labels")
async def labels(request: web.Request) -> web.StreamResponse:
    """List the labels that people explained, the last taught first."""
    before, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)
    revision = None if before is None else min(before.int, LARGEST)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.labels(con, context, revision, limit, lambda last: write_cursor(UUID(int=last))))

    return await read(request, look)


@routes.post("/v1/matching/labels")
async def teach(request: web.Request) -> web.StreamResponse:
    """Say who a label of an account stands for."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.teach(con, context, body), status=201)

    return await write_or_try(request, effect)


@routes.post("/v1/matching/labels:forget")
async def forget(request: web.Request) -> web.StreamResponse:
    """Let a label stand for nothing any more."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        await service.forget(con, context, body)
        return Answer(status=204, body=b"")

    return await write_or_try(request, effect)
