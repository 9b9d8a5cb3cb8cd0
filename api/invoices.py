# SPDX-License-Identifier: Apache-2.0
"""Invoices: signed one by one, by batches of lines, checked only, or shown."""

from typing import Final

from aiohttp import web

from api.body import LIMIT, flag, read_body, uuid_of
from api.writes import json_answer, read, write, write_bulk
from desmos_fast.billing import service
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.identity.context import Context

routes: Final = web.RouteTableDef()


@routes.post("/v1/invoices")
async def create(request: web.Request) -> web.StreamResponse:
    """Sign one invoice; `?draft=true` stops before the signature, `?validate_only=true` keeps nothing and needs no key."""
    draft = flag(request, "draft")
    if flag(request, "validate_only"):
        return await check(request)

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        created = await service.create_one(con, context, body, draft=draft)
        return json_answer(created, 201, {"Location": f"/v1/invoices/{created.id}"})

    return await write(request, effect)


async def check(request: web.Request) -> web.Response:
    """Answer what a real request would be refused for, or that it would be accepted."""
    body = await read_body(request, LIMIT)

    async def look(con: Connection, context: Context) -> Answer:
        faults = await service.check_only(con, context, body)
        if faults:
            raise FaultyInput(faults)
        return Answer(status=200, body=b'{"valid":true}')

    return await read(request, look)


@routes.post("/v1/invoices:batch")
async def batch(request: web.Request) -> web.StreamResponse:
    """Sign the invoices of an NDJSON body; the answer says line by line what was refused."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.create_batch(con, context, body))

    return await write_bulk(request, effect)


@routes.get("/v1/invoices/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one invoice of the centre; another centre's looks like one that does not exist."""
    invoice = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, invoice))

    return await read(request, look)
