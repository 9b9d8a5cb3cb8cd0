# SPDX-License-Identifier: Apache-2.0
"""Incidents of the service and maintenance: declared, attended to, over."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from aiohttp import web

from api.body import flag, number, uuid_of
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.incidents import service
from desmos_fast.incidents.model import KINDS, PAGE, Attribution, Incident, IncidentTold, MaintenanceTold, Moment

routes: Final = web.RouteTableDef()
T = TypeVar("T", bound=msgspec.Struct)


@routes.get("/v1/incidents")
async def index(request: web.Request) -> web.StreamResponse:
    """List incidents and maintenance, the last declared first; `running=true` leaves out what is over."""
    kind = request.query.get("kind")
    if kind is not None and kind not in KINDS:
        raise BadParameter(f"kind is one of {', '.join(KINDS)}")
    before, limit, running = read_cursor(request), number(request, "limit", PAGE, PAGE), flag(request, "running")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context, kind, before, limit, write_cursor, running=running))

    return await read(request, look)


@routes.post("/v1/incidents")
async def declare(request: web.Request) -> web.StreamResponse:
    """Declare that the service is down or degraded; its clocks run from the moment it began."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        made = await service.declare(con, context, service.read_told(body, IncidentTold))
        return json_answer(made, 201, {"Location": "/v1/incidents"})

    return await write_or_try(request, effect)


@routes.post("/v1/maintenance")
async def announce(request: web.Request) -> web.StreamResponse:
    """Declare maintenance; availability leaves it out only as the contract says."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        made = await service.announce(con, context, service.read_told(body, MaintenanceTold))
        return json_answer(made, 201, {"Location": "/v1/incidents"})

    return await write_or_try(request, effect)


@routes.post("/v1/incidents/{id}:acknowledge")
async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Say that somebody attends to it: the clock of intervention stops."""
    return await _step(request, service.acknowledge, Moment)


@routes.post("/v1/incidents/{id}:degrade")
async def degrade(request: web.Request) -> web.StreamResponse:
    """Say that the service runs again, degraded: the clock of recovery stops."""
    return await _step(request, service.degrade, Moment)


@routes.post("/v1/incidents/{id}:restore")
async def restore(request: web.Request) -> web.StreamResponse:
    """Say that the service runs as it should."""
    return await _step(request, service.restore, Moment)


@routes.post("/v1/incidents/{id}:attribute")
async def attribute(request: web.Request) -> web.StreamResponse:
    """Say whose it is, and why."""
    return await _step(request, service.attribute, Attribution, empty=False)


@routes.post("/v1/incidents/{id}:cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Take back maintenance that did not begin."""
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        return json_answer(await service.cancel(con, context, name))

    return await write_or_try(request, effect, empty=True)


async def _step(
    request: web.Request, step: Callable[[Connection, Context, UUID, T], Awaitable[Incident]], kind: type[T], *, empty: bool = True
) -> web.StreamResponse:
    name = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await step(con, context, name, service.read_told(body, kind)))

    return await write_or_try(request, effect, empty=empty)
