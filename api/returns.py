# SPDX-License-Identifier: Apache-2.0
"""Files that come back from the payers, acknowledgements (ARL) and returns (RSP), and what is kept of those that are refused."""

from typing import Final

from aiohttp import web

from api.body import flag, number, uuid_of
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, write_or_try
from desmos_fast.base.errors import DesmosError
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.returns import service
from desmos_fast.returns.dead import service as dead
from desmos_fast.returns.letters.model import PAGE, STATES, DeadState

routes: Final = web.RouteTableDef()
BYTES: Final = "application/octet-stream"


@routes.post("/v1/returns")
async def import_file(request: web.Request) -> web.StreamResponse:
    """Import one file, recognised by its content; the same bytes again change nothing. What is refused is kept as a dead letter.

    With `?validate_only=true` nothing is kept, not even what is refused.
    """
    real = not flag(request, "validate_only")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.import_file(con, context, body, real=real))

    async def rescue(con: Connection, context: Context, body: bytes, error: DesmosError) -> DesmosError:
        kept = await dead.keep(con, context, body, error)
        if kept is not None:
            error.hint = f"{error.hint}; kept as the dead letter {kept}" if error.hint else f"kept as the dead letter {kept}"
        return error

    return await write_or_try(request, effect, bulk=True, rescue=rescue)


@routes.get("/v1/returns/dead")
async def index(request: web.Request) -> web.StreamResponse:
    """List the returns that were refused and the orders that came before, the latest first."""
    state, before, limit = state_of(request), read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await dead.listed(con, context, state, before, limit, write_cursor))

    return await read(request, look)


def state_of(request: web.Request) -> DeadState | None:
    """Return the state that the query asks for, None for any. Raises BadParameter."""
    given = request.query.get("state")
    if given is None:
        return None
    for state in STATES:
        if state == given:
            return state
    raise BadParameter(f"state is one of {', '.join(STATES)}")


@routes.get("/v1/returns/dead/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show a dead letter with its faults."""
    letter = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await dead.show(con, context, letter))

    return await read(request, look)


@routes.get("/v1/returns/dead/{id}/content")
async def content(request: web.Request) -> web.StreamResponse:
    """Take the bytes of a dead letter as they came."""
    letter = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return Answer(200, await dead.content(con, context, letter), BYTES)

    return await read(request, look)


@routes.post("/v1/returns/dead/{id}:retry")
async def retry(request: web.Request) -> web.StreamResponse:
    """Import a dead letter after all, under the layouts of now and with what a person accepts; with `?validate_only=true` keep nothing."""
    real = not flag(request, "validate_only")
    letter = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await dead.retry(con, context, letter, body, real=real))

    async def rescue(con: Connection, context: Context, _body: bytes, error: DesmosError) -> DesmosError:
        await dead.tried(con, context, letter, error)
        return error

    return await write_or_try(request, effect, empty=True, rescue=rescue)


@routes.post("/v1/returns/dead/{id}:discard")
async def discard(request: web.Request) -> web.StreamResponse:
    """Give a dead letter up, by a person's word; its bytes stay."""
    letter = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await dead.discard(con, context, letter, body))

    return await write_or_try(request, effect)
