# SPDX-License-Identifier: Apache-2.0
"""Card readers of workstations: which there are, what happens at them, and the card in one of them."""

import asyncio
import contextlib
import time
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from api.admission import Busy
from api.agents import AGENCY, of_house
from api.auth import allow, authenticate
from api.body import LIMIT, number, read_body, route_of, uuid_of
from api.keys import CALLER, LIFE, POOL
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import context_of, json_answer, read, respond
from desmos_fast.agents import service
from desmos_fast.agents.model import PAGE, AgentRefused, CardRead, ReadAsked, ReaderEvent, failure
from desmos_fast.agents.rules import Models
from desmos_fast.agents.wire import Read, ReadDone, ReadFailed
from desmos_fast.base.errors import DesmosError
from desmos_fast.base.types import uuid7
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from monitoring import metrics

routes: Final = web.RouteTableDef()
LONGEST_S: Final = 300
DEFAULT_S: Final = 60
# A proxy in between hears something before it gives a silent connection up. The key is looked at again then, and before anything is told.
QUIET_S: Final = 10.0
LOOK_S: Final = 0.5
AT_ONCE: Final = 100
MODELS: Final = Models()


@routes.get("/v1/readers")
async def index(request: web.Request) -> web.StreamResponse:
    """List the slots that workstations of the kind that asks told of, by workstation."""
    after, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.readers(con, of_house(request, context), after, limit, write_cursor))

    return await read(request, look)


@routes.post("/v1/readers/{id}:read")
async def read_card(request: web.Request) -> web.StreamResponse:
    """Read the card in a reader, now or as soon as it comes.

    What it says goes through memory alone and is kept nowhere; that it was looked at is in the audit.
    """
    name, body = uuid_of(request, "id"), await read_body(request, LIMIT, empty=True)
    try:
        asked = msgspec.json.decode(body or b"{}", type=ReadAsked)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AgentRefused("the body is an object with deadline_s, 1 to 30 seconds") from error
    context = of_house(request, context_of(request))
    async with transaction(request.app[POOL], context.tenant) as con:
        agent, reader = await service.find_reader(con, context, name)
    began, model, outcome = time.monotonic(), MODELS.of(reader), "done"
    try:
        return respond(json_answer(await _read(request, name, agent, reader, asked.deadline_s)))
    except DesmosError as error:
        outcome = error.code
        raise
    finally:
        metrics.observe_card_read(model, outcome, time.monotonic() - began)


async def _read(request: web.Request, name: UUID, agent: UUID, reader: str, deadline_s: float) -> CardRead:
    found = await request.app[AGENCY].relay.ask(agent, Read(request=uuid7(), reader=reader, deadline_s=deadline_s))
    if not isinstance(found, ReadDone):
        raise failure(found.code if isinstance(found, ReadFailed) else "")
    return CardRead(reader=name, atr=found.atr, card=found.card, identity=found.identity)


@routes.get("/v1/readers/events")
async def follow(request: web.Request) -> web.StreamResponse:
    """Tell what happens at the readers as server-sent events, from now on, or after the number in `Last-Event-ID`.

    The stream ends after `seconds`; a browser comes back by itself, and misses nothing that is less than a week old.
    """
    agency, context = request.app[AGENCY], context_of(request)
    until = time.monotonic() + number(request, "seconds", DEFAULT_S, LONGEST_S)
    after = _after(request)
    if agency.relay.listeners(context.tenant) >= AT_ONCE:
        raise Busy("too many follow the readers of this centre already")
    await agency.relay.ready()
    with agency.relay.listening(context.tenant) as told:
        if after is None:
            async with transaction(request.app[POOL], context.tenant) as con:
                after = await service.last_news(con, context)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # A client that leaves ends its stream; a key that ended and a database that is away end it too, and can say so no more.
        with contextlib.suppress(ConnectionError, DesmosError):
            await response.prepare(request)
            await _stream(request, response, told, after, until)
    return response


async def _stream(request: web.Request, response: web.StreamResponse, told: asyncio.Event, after: int, until: float) -> None:
    await response.write(b"retry: 1000\n\n")
    quiet = time.monotonic()
    told.set()
    while (now := time.monotonic()) < until and not request.app[LIFE].leaving:
        if (news := told.is_set()) or now - quiet >= QUIET_S:
            request[CALLER] = await authenticate(request, by_itself=True)
            allow(request, route_of(request))
            quiet = now
            if news:
                told.clear()
                after = await _tell(request, response, after)
            else:
                await response.write(b": quiet\n\n")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_S, max(0.0, until - time.monotonic()))):
                await told.wait()


async def _tell(request: web.Request, response: web.StreamResponse, after: int) -> int:
    while True:
        async with transaction(request.app[POOL], request[CALLER].tenant) as con:
            found = await service.news(con, context_of(request), after, PAGE)
        if not found:
            return after
        await response.write(b"".join(_frame(event) for event in found))
        after = found[-1].seq


def _frame(event: ReaderEvent) -> bytes:
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {msgspec.json.encode(event).decode()}\n\n".encode()


def _after(request: web.Request) -> int | None:
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise BadParameter("Last-Event-ID is the number of an event")
    return int(given)
