# SPDX-License-Identifier: Apache-2.0
"""What is to be followed up: what is due and for how long, penalties, forclusion, sums taken back, reminders, audits."""

from typing import Final

from aiohttp import web

from api.body import number
from api.problems import BadCursor, BadParameter
from api.writes import json_answer, read, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.dunning import service
from desmos_fast.settlement.dunning.model import FILTERS, PAGE, Wanted
from desmos_fast.settlement.dunning.rules import is_kind

routes: Final = web.RouteTableDef()


def _wanted(request: web.Request, name: str) -> Wanted:
    parameter, words = FILTERS[name]
    kind = request.query.get(parameter) if parameter else None
    if kind is not None and not is_kind(name, kind):
        raise BadParameter(f"{parameter} is one of {', '.join(words)}")
    cursor = request.query.get("cursor")
    after = None if cursor is None else service.read_place(cursor)
    if cursor is not None and after is None:
        raise BadCursor("a cursor is taken as it was given, from `next`")
    return Wanted(after=after, limit=number(request, "limit", PAGE, PAGE), payer=request.query.get("payer"), kind=kind)


def _list(name: str) -> None:
    @routes.get(f"/v1/follow-up/{name}")
    async def listed(request: web.Request) -> web.StreamResponse:
        wanted = _wanted(request, name)

        async def look(con: Connection, context: Context) -> Answer:
            return json_answer(await service.listed(con, context, name, wanted))

        return await read(request, look)


for _name in FILTERS:
    _list(_name)


@routes.get("/v1/follow-up/settings")
async def settings(request: web.Request) -> web.StreamResponse:
    """Show the delays, penalties and schedules that hold today, and where each comes from."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show_terms(con, context))

    return await read(request, look)


@routes.post("/v1/follow-up/settings")
async def set_setting(request: web.Request) -> web.StreamResponse:
    """Make a setting of the centre's own."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.set_term(con, context, body), 201)

    return await write_or_try(request, effect)


@routes.post("/v1/follow-up/indus:dispute")
async def dispute(request: web.Request) -> web.StreamResponse:
    """Say that a sum which was taken back is disputed, or not any more."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.dispute(con, context, body))

    return await write_or_try(request, effect)
