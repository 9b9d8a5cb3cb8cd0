# SPDX-License-Identifier: Apache-2.0
"""API keys of the centre, the review of rights, and the trail of who looked at what: by the clock of the house, as keys are looked at."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from api.body import day, number, uuid_of
from api.keys import CLOCK, KEYS
from api.paging import read_cursor, write_cursor
from api.writes import json_answer, read, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity import service
from desmos_fast.identity.audit import service as audit
from desmos_fast.identity.audit.model import PAGE as ROWS
from desmos_fast.identity.audit.model import Wanted
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import PAGE, KeyMade
from desmos_fast.identity.review import service as review
from desmos_fast.identity.review.model import DAYS, LONGEST

routes: Final = web.RouteTableDef()


def _made(key: KeyMade) -> Answer:
    kept = msgspec.json.encode(msgspec.structs.replace(key, secret=None))
    return Answer(status=201, body=msgspec.json.encode(key), kept=kept, headers={"Location": "/v1/keys"})


@routes.get("/v1/keys")
async def index(request: web.Request) -> web.StreamResponse:
    """List the centre's keys of the kind that asks, the newest first; no secret can be shown."""
    before, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.list_keys(con, context.tenant, context.kind, before, limit, write_cursor))

    return await read(request, look)


@routes.post("/v1/keys")
async def make(request: web.Request) -> web.StreamResponse:
    """Make a key of the kind that asks; its secret is in this answer and in no other."""
    pepper = request.app[KEYS].pepper

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_asked(body)
        made = await service.make_key(con, context.tenant, context.kind, asked, request.app[CLOCK](), by=context.actor, pepper=pepper)
        return _made(made)

    return await write(request, effect)


@routes.post("/v1/keys/{id}:rotate")
async def rotate(request: web.Request) -> web.StreamResponse:
    """Make a key like another one, which still works for a while; the new secret is in this answer and in no other."""
    name, pepper = uuid_of(request, "id"), request.app[KEYS].pepper

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        overlap: timedelta = service.read_rotation(body)
        made = await service.rotate_key(
            con, context.tenant, context.kind, name, overlap, request.app[CLOCK](), by=context.actor, pepper=pepper
        )  # fmt: skip
        return _made(made)

    return await write(request, effect, empty=True)


@routes.delete("/v1/keys/{id}")
async def revoke(request: web.Request) -> web.StreamResponse:
    """End a key: every process refuses it within a second."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        await service.revoke_key(con, context.tenant, context.kind, name, request.app[CLOCK](), by=context.actor)
        return Answer(status=204, body=b"")

    return await write(request, effect, empty=True)


@routes.get("/v1/access/review")
async def reviewed(request: web.Request) -> web.StreamResponse:
    """Say which keys and users of the kind that asks, and which of their roles, were not used for so many days."""
    days = number(request, "days", DAYS, LONGEST)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await review.look(con, context.tenant, context.kind, days, request.app[CLOCK]()))

    return await read(request, look)


@routes.get("/v1/audit")
async def trail(request: web.Request) -> web.StreamResponse:
    """List who looked at what, the newest first."""
    place = read_cursor(request)
    wanted = Wanted(
        actor=request.query.get("actor"),
        action=request.query.get("action"),
        subject=request.query.get("subject"),
        since=day(request, "from"),
        until=day(request, "to"),
        before=None if place is None else min(place.int, 2**63 - 1),
        limit=number(request, "limit", ROWS, ROWS),
    )

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await audit.listed(con, context.tenant, wanted, lambda seq: write_cursor(UUID(int=seq))))

    return await read(request, look)
