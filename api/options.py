# SPDX-License-Identifier: Apache-2.0
"""`/v1/options`: what the centre subscribed to; what it did not is refused in one place, before any route."""

from typing import Final

from aiohttp import web

from api.keys import CALLER, CLOCK, OPTIONS
from api.writes import json_answer, read
from desmos_fast.base.clock import at, paris_date
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.identity.options import service
from desmos_fast.identity.options.rules import option_of

routes: Final = web.RouteTableDef()


async def check(request: web.Request, route: str) -> None:
    """Refuse a route of an option that the centre has not today. Raises OptionNotSubscribed, DatabaseDown."""
    option = option_of(route)
    if option is not None:
        tenant = request[CALLER].tenant
        await request.app[OPTIONS].check(tenant, option, paris_date(at(request.app[CLOCK], tenant)))


@routes.get("/v1/options")
async def index(request: web.Request) -> web.StreamResponse:
    """List every option, and whether the centre has it today."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context))

    return await read(request, look)
