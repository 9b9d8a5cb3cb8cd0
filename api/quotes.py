# SPDX-License-Identifier: Apache-2.0
"""Quotes: what care would cost and who would pay it; nothing is kept."""

from typing import Final

from aiohttp import web

from api.body import LIMIT, day, read_body
from api.keys import TARIFFS
from api.writes import context_of, json_answer, read, respond
from desmos_fast.billing import service
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.tariffs import Tariffs

routes: Final = web.RouteTableDef()


@routes.post("/v1/quotes")
async def create(request: web.Request) -> web.StreamResponse:
    """Quote one invoice, as if every act were of the day `?on=` when there is one; it needs no Idempotency-Key."""
    on = day(request, "on")
    body = await read_body(request, LIMIT)

    def quoted(context: Context, tariffs: Tariffs) -> Answer:
        return json_answer(service.quote(context, body, Terms(tariffs, allow_late=True, on=on)))

    known = request.app[TARIFFS].known()
    if known is not None:
        # Nothing else of a quote is in the database.
        return respond(quoted(context_of(request), known))

    async def look(con: Connection, context: Context) -> Answer:
        return quoted(context, await request.app[TARIFFS].current(con))

    return await read(request, look)
