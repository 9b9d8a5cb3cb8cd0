# SPDX-License-Identifier: Apache-2.0
"""Files on their way and what is out of the ordinary: cancel, send again, build again, look, resolve."""

from typing import Final

from aiohttp import web

from api.body import flag, uuid_of
from api.writes import json_answer, read, write
from desmos_fast.anomalies import service as anomalies
from desmos_fast.base.types import FileId, LotId
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots.follow import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/files/{id}:cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel a file that has not left; its invoices wait for the next build."""
    file = FileId(uuid_of(request, "id"))

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.cancel(con, context, file, body))

    return await write(request, effect)


@routes.post("/v1/files/{id}:resend")
async def resend(request: web.Request) -> web.StreamResponse:
    """Send again, with the same bytes, a file whose answer is missing."""
    file = FileId(uuid_of(request, "id"))

    async def effect(con: Connection, context: Context, _body: bytes) -> Answer:
        return json_answer(await service.resend(con, context, file))

    return await write(request, effect, empty=True)


@routes.post("/v1/lots/{id}:rebuild")
async def rebuild(request: web.Request) -> web.StreamResponse:
    """Give up a lot whose answer is missing: the next build takes its invoices, under a new number."""
    lot = LotId(uuid_of(request, "id"))

    async def effect(con: Connection, context: Context, _body: bytes) -> Answer:
        return json_answer(await service.give_up(con, context, lot))

    return await write(request, effect, empty=True)


@routes.get("/v1/acknowledgements/unmatched")
async def unmatched(request: web.Request) -> web.StreamResponse:
    """Show the acknowledgements that no lot takes."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.dead_acks(con, context))

    return await read(request, look)


@routes.get("/v1/anomalies")
async def listed(request: web.Request) -> web.StreamResponse:
    """Show what is out of the ordinary; with `?resolved=true` what was, too."""
    closed = flag(request, "resolved")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await anomalies.listed(con, context, closed=closed))

    return await read(request, look)


@routes.post("/v1/anomalies/{id}:resolve")
async def resolve(request: web.Request) -> web.StreamResponse:
    """Close an anomaly that a person settled."""
    anomaly = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await anomalies.resolve(con, context, anomaly, body))

    return await write(request, effect)
