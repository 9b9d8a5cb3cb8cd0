# SPDX-License-Identifier: Apache-2.0
"""Agents of workstations are let in by a code, looked at, shut out."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from aiohttp import web

from api.body import LIMIT, number, read_body, refuse_doubles, uuid_of
from api.keys import CLOCK, DOOR, KEYS, POOL
from api.paging import read_cursor, write_cursor
from api.sessions import place_of
from api.writes import context_of, json_answer, read, respond, write
from desmos_fast.agents import service
from desmos_fast.agents.asking import examine
from desmos_fast.agents.authority import Authority, open_authority
from desmos_fast.agents.model import PAGE, AgentRefused, CodeAsked, CodeMade, DoctorAsked, EnrolmentLimited
from desmos_fast.agents.relay import Relay
from desmos_fast.agents.rules import TRIES, TRIES_S, Tries
from desmos_fast.agents.wire import ENROL_PATH, EnrolAsked
from desmos_fast.base.settings import Settings
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context

routes: Final = web.RouteTableDef()


@dataclass
class Agency:
    """What the routes of agents and readers share in one process."""

    authority: Authority
    relay: Relay
    tries: Tries


AGENCY: Final = web.AppKey("agency", Agency)


def set_up(app: web.Application, settings: Settings, pool: Pool) -> None:
    """Let an application have agents."""
    relay = Relay(pool, secret(settings, "agent_relay"))
    app[AGENCY] = Agency(open_authority(settings.data_dir), relay, Tries())
    app.cleanup_ctx.append(_closing)


async def _closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[AGENCY].relay.close()


def of_house(request: web.Request, context: Context) -> Context:
    """Return a context by the clock of the house: machines and certificates know no other, that of a test centre may be ahead."""
    return replace(context, now=request.app[CLOCK]())


def _made(code: CodeMade) -> Answer:
    kept = msgspec.json.encode(msgspec.structs.replace(code, code=None))
    return Answer(status=201, body=msgspec.json.encode(code), kept=kept, headers={"Location": "/v1/agents"})


@routes.post("/v1/agents/codes")
async def make_code(request: web.Request) -> web.StreamResponse:
    """Make a code that lets one workstation in, once, within 15 minutes; it is in this answer and in no other."""
    pepper = request.app[KEYS].pepper

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        try:
            asked = msgspec.json.decode(body, type=CodeAsked)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise AgentRefused("the body is an object with desk, a name of 1 to 100 characters") from error
        return _made(await service.make_code(con, of_house(request, context), asked, context.kind, pepper))

    return await write(request, effect)


@routes.post(ENROL_PATH)
async def enrol(request: web.Request) -> web.StreamResponse:
    """Let a workstation in that comes with a code, and sign the certificate of its key.

    Why a code does not let in is not said. Ten tries a minute may come from one address to one process, and ten in vain to all of them.
    """
    agency, door, place = request.app[AGENCY], request.app[DOOR], place_of(request.remote or "")
    # What one process knows by itself costs the database nothing.
    agency.tries.count(place, time.monotonic)
    if wait_s := await door.limit(f"enrolment {place}", TRIES, TRIES_S, request.app[CLOCK]()):
        raise EnrolmentLimited("too many tries came from this place", wait_s)
    try:
        asked = msgspec.json.decode(refuse_doubles(await read_body(request, LIMIT)), type=EnrolAsked)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Without the cause: the code would be in the traceback.
        raise AgentRefused("the body is an object with code and csr") from None
    enrolled = await service.enrol(request.app[POOL], asked, agency.authority, request.app[KEYS].pepper, request.app[CLOCK]())
    await door.forgive(f"enrolment {place}")
    return respond(json_answer(enrolled, 201))


@routes.get("/v1/agents")
async def index(request: web.Request) -> web.StreamResponse:
    """List the workstations of the kind that asks, the last enrolled first, those that are blocked too."""
    before, limit = read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, of_house(request, context), context.kind, before, limit, write_cursor))

    return await read(request, look)


@routes.get("/v1/agents/{id}/doctor")
async def last_report(request: web.Request) -> web.StreamResponse:
    """Say what a workstation last said of itself: whether it is as the contract's annex asks, and what is in the way."""
    name = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.report(con, context, name, context.kind))

    return await read(request, look)


@routes.post("/v1/agents/{id}/doctor")
async def doctor(request: web.Request) -> web.StreamResponse:
    """Have a workstation look how it is, and say what it found; what it said before is forgotten.

    It touches no card. Who asked is in the audit.
    """
    name, body = uuid_of(request, "id"), await read_body(request, LIMIT, empty=True)
    try:
        asked = msgspec.json.decode(body or b"{}", type=DoctorAsked)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AgentRefused("the body is an object with mobile, true or false") from error
    context = of_house(request, context_of(request))
    async with transaction(request.app[POOL], context.tenant) as con:
        await service.ask_examined(con, context, name, context.kind)
    await examine(request.app[AGENCY].relay, name, mobile=asked.mobile)
    async with transaction(request.app[POOL], context.tenant) as con:
        return respond(json_answer(await service.report(con, context, name, context.kind)))


@routes.post("/v1/agents/{id}:block")
async def block(request: web.Request) -> web.StreamResponse:
    """Shut a workstation out for good, as when it is lost or stolen: its channel ends at once, a minute later at most."""
    name, relay = uuid_of(request, "id"), request.app[AGENCY].relay

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        blocked = await service.block(con, of_house(request, context), name, context.kind)
        await relay.shut(con, name)
        return json_answer(blocked)

    return await write(request, effect, empty=True)
