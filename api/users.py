# SPDX-License-Identifier: Apache-2.0
"""Users of the centre, of the kind that asks: who they are, what they may do, until when."""

from typing import Final

import msgspec
from aiohttp import web

from api.body import number, uuid_of
from api.keys import CLOCK, DOOR, KEYS
from api.paging import read_cursor, write_cursor
from api.writes import json_answer, read, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.identity.people import service
from desmos_fast.identity.people.model import PAGE, ResetAsked, UserAsked, UserChange, UserMade

routes: Final = web.RouteTableDef()


def _made(user: UserMade, status: int) -> Answer:
    kept = msgspec.json.encode(msgspec.structs.replace(user, code=None))
    headers = {"Location": "/v1/users"} if status == 201 else {}
    return Answer(status=status, body=msgspec.json.encode(user), kept=kept, headers=headers)


@routes.get("/v1/users")
async def index(request: web.Request) -> web.StreamResponse:
    """List the centre's users of the kind that asks, the newest first, those that ended too."""
    before, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.list_users(con, context.tenant, context.kind, before, limit, write_cursor))

    return await read(request, look)


@routes.post("/v1/users")
async def make(request: web.Request) -> web.StreamResponse:
    """Make a user; the code that sets the password is in this answer and in no other."""
    pepper, policy = request.app[KEYS].pepper, request.app[DOOR].policy

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_body(body, UserAsked)
        made = await service.make_user(
            con, context.tenant, context.kind, asked, request.app[CLOCK](), by=context.actor, pepper=pepper, policy=policy
        )
        return _made(made, 201)

    return await write(request, effect)


@routes.post("/v1/users/{id}:change")
async def change(request: web.Request) -> web.StreamResponse:
    """Give a user another name or other roles."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_body(body, UserChange)
        return json_answer(
            await service.change_user(con, context.tenant, context.kind, name, asked, request.app[CLOCK](), by=context.actor)
        )

    return await write(request, effect)


@routes.post("/v1/users/{id}:reset")
async def reset(request: web.Request) -> web.StreamResponse:
    """Take a user's password and end every session; the code that sets a new one is in this answer and in no other."""
    name, pepper, policy = uuid_of(request, "id"), request.app[KEYS].pepper, request.app[DOOR].policy

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        asked = service.read_body(body, ResetAsked)
        made = await service.reset_user(
            con, context.tenant, context.kind, name, asked, request.app[CLOCK](), by=context.actor, pepper=pepper, policy=policy
        )
        return _made(made, 200)

    return await write(request, effect, empty=True)


@routes.post("/v1/users/{id}:release")
async def release(request: web.Request) -> web.StreamResponse:
    """Let a user try again at once after wrong tries."""
    name, pepper = uuid_of(request, "id"), request.app[KEYS].pepper

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        return json_answer(
            await service.release_user(con, context.tenant, context.kind, name, request.app[CLOCK](), by=context.actor, pepper=pepper)
        )

    return await write(request, effect, empty=True)


@routes.delete("/v1/users/{id}")
async def end(request: web.Request) -> web.StreamResponse:
    """End a user, and with them their sessions in this centre: every process refuses them within a second."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        await service.end_user(con, context.tenant, context.kind, name, request.app[CLOCK](), by=context.actor)
        return Answer(status=204, body=b"")

    return await write(request, effect, empty=True)
