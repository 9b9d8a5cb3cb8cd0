# SPDX-License-Identifier: Apache-2.0
"""Contacts: the people of a centre who are told by mail of what is out of the ordinary."""

from typing import Final

from aiohttp import web

from api.body import uuid_of
from api.keys import MAILER
from api.writes import json_answer, read, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.notices import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/contacts")
async def add(request: web.Request) -> web.StreamResponse:
    """Write somebody down to be told."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        made = await service.add(con, context, service.read_person(body))
        return json_answer(made, status=201, headers={"Location": "/v1/contacts"})

    return await write(request, effect)


@routes.get("/v1/contacts")
async def index(request: web.Request) -> web.StreamResponse:
    """List those who are told, and when each was told last."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, mail=request.app[MAILER] is not None))

    return await read(request, look)


@routes.delete("/v1/contacts/{id}")
async def end(request: web.Request) -> web.StreamResponse:
    """Tell somebody nothing more."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        await service.end(con, context, name)
        return Answer(status=204, body=b"")

    return await write(request, effect, empty=True)


@routes.post("/v1/contacts/{id}:test")
async def trial(request: web.Request) -> web.StreamResponse:
    """Mail somebody now, to see that mails arrive."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        return json_answer(await service.trial(con, context, name, request.app[MAILER]))

    return await write(request, effect, empty=True)
