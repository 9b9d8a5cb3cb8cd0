# SPDX-License-Identifier: Apache-2.0
"""Quotes: what care would cost and who would pay it; nothing is kept."""

from typing import Final

from aiohttp import web

from api.body import LIMIT, day, read_body
from api.keys import TARIFFS
from api.writes import json_answer, read
from desmos_fast.billing import service
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context

routes: Final = web.RouteTableDef()


@routes.post("/v1/quotes")
async def create(request: web.Request) -> web.StreamResponse:
    """Quote one invoice, as if every act were of the day `?on=` when there is one; it needs no Idempotency-Key."""
    on = day(request, "on")
    body = await read_body(request, LIMIT)

    async def look(con: Connection, context: Context) -> Answer:
        terms = Terms(await request.app[TARIFFS].current(con), allow_late=True, on=on)
        return json_answer(service.quote(context, body, terms))

    return await read(request, look)
