# SPDX-License-Identifier: Apache-2.0
"""Matches: what goes with what, why, and what was not chosen."""

from typing import Final, get_args

from aiohttp import web

from api.body import flag, number, uuid_of
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.matches import service
from desmos_fast.settlement.matches.model import PAGE, STATUSES, Wanted
from desmos_fast.settlement.model import Outcome

routes: Final = web.RouteTableDef()


@routes.get("/v1/matches")
async def index(request: web.Request) -> web.StreamResponse:
    """List records, the newest first: those that hold, and with `?history=true` the others too."""
    query = request.query
    problem, status, outcome = query.get("problem"), query.get("status"), query.get("outcome")
    if problem not in (None, "A", "B"):
        raise BadParameter("problem is A or B")
    if status is not None and status not in STATUSES:
        raise BadParameter(f"status is one of {', '.join(STATUSES)}")
    if outcome is not None and outcome not in get_args(Outcome):
        raise BadParameter(f"outcome is one of {', '.join(get_args(Outcome))}")
    asked = Wanted(
        problem=problem,
        status=status,
        rule=query.get("rule"),
        payer=query.get("payer"),
        invoice=query.get("invoice"),
        credit=query.get("credit"),
        outcome=outcome,
        history=flag(request, "history") or status == "undone",
        before=read_cursor(request),
        limit=number(request, "limit", PAGE, PAGE),
    )

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context, asked, write_cursor))

    return await read(request, look)


@routes.get("/v1/matches/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one record: its evidence, who decided it, and the way from the books over match and order to the invoice."""
    record = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.shown(con, context, record))

    return await read(request, look)
