# SPDX-License-Identifier: Apache-2.0
"""Decisions: what people say of matches, lines, credits and shares, each kept for ever."""

from typing import Final, get_args

from aiohttp import web

from api.body import flag, number
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, trial, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.correcting import service
from desmos_fast.settlement.decisions.model import Kind
from desmos_fast.settlement.matches import service as matches
from desmos_fast.settlement.matches.model import PAGE

routes: Final = web.RouteTableDef()


@routes.post("/v1/decisions")
async def decide(request: web.Request) -> web.StreamResponse:
    """Decide one thing; with `?validate_only=true` say what that would be, without a key."""
    if flag(request, "validate_only"):

        async def attempt(con: Connection, context: Context, body: bytes) -> Answer:
            return json_answer(await service.trial(con, context, body))

        return await trial(request, attempt)

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.decide(con, context, body), 201)

    return await write(request, effect)


@routes.get("/v1/decisions")
async def index(request: web.Request) -> web.StreamResponse:
    """List decisions, the newest first."""
    kind, subject = request.query.get("kind"), request.query.get("subject")
    if kind is not None and kind not in get_args(Kind):
        raise BadParameter(f"kind is one of {', '.join(get_args(Kind))}")
    before, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await matches.decisions(con, context, kind, subject, before, limit, write_cursor))

    return await read(request, look)
