# SPDX-License-Identifier: Apache-2.0
"""Webhooks: where a centre is told of what happens, what was told, and all of it again."""

import re
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from api.body import instant, number, uuid_of
from api.keys import CLOCK, WEBHOOK_HOSTS
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.webhooks import service
from desmos_fast.webhooks.model import PAGE, STATES
from desmos_fast.webhooks.sender import check_host

UUID_FORM: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
routes: Final = web.RouteTableDef()


@routes.post("/v1/webhooks")
async def add(request: web.Request) -> web.StreamResponse:
    """Make a webhook; its secret is in this answer and in no other."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_subscription(body)
        await check_host(asked.url, request.app[WEBHOOK_HOSTS])
        made = await service.add(con, context, asked)
        kept = msgspec.json.encode(msgspec.structs.replace(made, secret=None))
        return Answer(status=201, body=msgspec.json.encode(made), kept=kept, headers={"Location": "/v1/webhooks"})

    return await write(request, effect)


@routes.get("/v1/webhooks")
async def index(request: web.Request) -> web.StreamResponse:
    """List the webhooks of the centre and how they stand."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, request.app[CLOCK]()))

    return await read(request, look)


@routes.delete("/v1/webhooks/{id}")
async def end(request: web.Request) -> web.StreamResponse:
    """End a webhook; what it was still to be told is dropped."""
    webhook = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        await service.end(con, context, webhook)
        return Answer(status=204, body=b"")

    return await write(request, effect, empty=True)


@routes.get("/v1/webhooks/{id}/deliveries")
async def deliveries(request: web.Request) -> web.StreamResponse:
    """List what a webhook was told or is to be told, the newest first."""
    webhook, limit, place = uuid_of(request, "id"), number(request, "limit", PAGE, PAGE), read_cursor(request)
    state = request.query.get("state")
    if state is not None and state not in STATES:
        raise BadParameter(f"state is one of {', '.join(STATES)}")
    before = None if place is None else min(place.int, 2**63 - 1)

    async def look(con: Connection, context: Context) -> Answer:
        page = await service.deliveries(con, context, webhook, before=before, state=state, limit=limit, cursor=_cursor)
        return json_answer(page)

    return await read(request, look)


def _cursor(seq: int) -> str:
    return write_cursor(UUID(int=seq))


@routes.post("/v1/webhooks/{id}:rotate")
async def rotate(request: web.Request) -> web.StreamResponse:
    """Change the secret of a webhook; it is in this answer and in no other, and the former one signs too for a while."""
    webhook = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        made = await service.rotate(con, context, webhook, service.read_secret_asked(body), request.app[CLOCK]())
        kept = msgspec.json.encode(msgspec.structs.replace(made, secret=None))
        return Answer(status=200, body=msgspec.json.encode(made), kept=kept)

    return await write(request, effect, empty=True)


@routes.post("/v1/webhooks/{id}:replay")
async def replay(request: web.Request) -> web.StreamResponse:
    """Tell a webhook again of everything from `from` on, up to `to`, or of one `event`."""
    webhook, what = uuid_of(request, "id"), _again(request)

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        return json_answer(await service.replay(con, context, webhook, what))

    return await write(request, effect, empty=True)


def _again(request: web.Request) -> service.Again:
    event = request.query.get("event")
    if event is None:
        return instant(request, "from"), instant(request, "to") if "to" in request.query else None
    if "from" in request.query or "to" in request.query:
        raise BadParameter("event stands alone, or from with or without to")
    if UUID_FORM.fullmatch(event) is None:
        raise BadParameter("event is the id of an event")
    return UUID(event)
