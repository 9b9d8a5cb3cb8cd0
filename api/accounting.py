# SPDX-License-Identifier: Apache-2.0
"""The books for accounting: settings, periods that are closed, and their files in every format."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec
from aiohttp import web

from api.body import uuid_of
from api.keys import BULK, ITEMS, POOL
from api.problems import BadParameter
from api.writes import context_of, json_answer, read, shrink, write
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.settlement.accounting import service
from desmos_fast.settlement.accounting.model import FORMATS, Format
from desmos_fast.settlement.accounting.service import Volume

routes: Final = web.RouteTableDef()
IN_MEMORY: Final = 8 << 20
SEPARATORS: Final[dict[str, Literal["\t", "|"]]] = {"tab": "\t", "pipe": "|"}


@routes.get("/v1/accounting/settings")
async def show_settings(request: web.Request) -> web.StreamResponse:
    """Show what the centre says of its books, with the defaults of what it leaves out."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show_settings(con, context))

    return await read(request, look)


@routes.put("/v1/accounting/settings")
async def put_settings(request: web.Request) -> web.StreamResponse:
    """Set them anew; periods that are closed keep theirs."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.put_settings(con, context, body))

    return await write(request, effect)


@routes.post("/v1/accounting/exports")
async def close(request: web.Request) -> web.StreamResponse:
    """Close a period."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer((await service.close(con, context, service.read_asked(body))).export, status=201)

    return await write(request, effect)


@routes.get("/v1/accounting/exports")
async def index(request: web.Request) -> web.StreamResponse:
    """List the periods that are closed, the latest first."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context))

    return await read(request, look)


@routes.get("/v1/accounting/exports/{id}/file")
async def file(request: web.Request) -> web.StreamResponse:
    """Give a closed period in a format, the same bytes each time."""
    export = uuid_of(request, "id")
    return await _file(request, lambda con, context: service.again(con, context, export))


@routes.get("/v1/accounting/draft")
async def draft(request: web.Request) -> web.StreamResponse:
    """Give a period that may still change in a format; nothing is closed."""
    given = {name: request.query.get(name) for name in ("period", "first", "last")}
    asked = service.read_asked(msgspec.json.encode({**given, "draft": True}))
    return await _file(request, lambda con, context: service.close(con, context, asked))


async def _file(request: web.Request, find: Callable[[Connection, Context], Awaitable[Volume]]) -> web.Response:
    """Answer with a file, which is whole before the first byte leaves."""
    wanted, separator = _format(request), SEPARATORS.get(request.query.get("separator", "tab"))
    if separator is None:
        raise BadParameter(f"separator is one of {', '.join(SEPARATORS)}")
    context = context_of(request)
    # Closed by the library once it is sent.
    spool = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    try:
        async with request.app[BULK].slot_of(context.tenant), transaction(request.app[POOL], context.tenant) as con:
            volume = await find(con, context)
            request[ITEMS] = volume.export.lines
            name = service.file_name(volume, wanted)
            async for block in service.write(con, context, volume, wanted, separator):
                await asyncio.to_thread(spool.write, block)
        size = spool.tell()
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = web.Response(body=spool, content_type="application/octet-stream", headers=headers)
    shrink(request, response, size)
    return response


def _format(request: web.Request) -> Format:
    given = request.query.get("format", "fec")
    for known in FORMATS:
        if given == known:
            return known
    raise BadParameter(f"format is one of {', '.join(FORMATS)}")
