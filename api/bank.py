# SPDX-License-Identifier: Apache-2.0
"""Statements of the bank, and how the CSV of a bank is read."""

from typing import Final, cast, get_args

from aiohttp import web

from api.body import flag
from api.problems import BadParameter
from api.writes import json_answer, read, write, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import service
from desmos_fast.settlement.bank import Format
from desmos_fast.settlement.bank import service as bank

routes: Final = web.RouteTableDef()
FORMATS: Final[tuple[str, ...]] = get_args(Format)


@routes.post("/v1/bank-statements")
async def import_statement(request: web.Request) -> web.StreamResponse:
    """Import one statement; a line that is already there is marked as a duplicate; with `?validate_only=true` keep nothing."""
    real = not flag(request, "validate_only")
    wanted, mapping = request.query.get("format", "auto"), request.query.get("mapping")
    if wanted not in FORMATS:
        raise BadParameter(f"format is one of {', '.join(FORMATS)}")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.import_statement(con, context, body, cast(Format, wanted), mapping, real=real))

    return await write_or_try(request, effect, bulk=True)


@routes.put("/v1/bank-mappings/{name}")
async def put_mapping(request: web.Request) -> web.StreamResponse:
    """Set how a CSV is read, in the place of a mapping of that name: TOML or JSON."""
    name = request.match_info["name"]

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await bank.put_mapping(con, context, name, body))

    return await write(request, effect)


@routes.get("/v1/bank-mappings")
async def list_mappings(request: web.Request) -> web.StreamResponse:
    """List the mappings of the centre."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await bank.show_mappings(con, context))

    return await read(request, look)


@routes.get("/v1/bank-mappings/{name}")
async def show_mapping(request: web.Request) -> web.StreamResponse:
    """Show a mapping of the centre."""
    name = request.match_info["name"]

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await bank.mapping(con, context, name))

    return await read(request, look)
