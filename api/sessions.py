# SPDX-License-Identifier: Apache-2.0
"""People sign in and out, and keep their password and their code generator.

Nothing here takes an Idempotency-Key: what was answered under one is kept, and tokens and codes are not.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec
import structlog
from aiohttp import web

from api.auth import COOKIE, check_origin, person_of
from api.body import LIMIT, read_body, refuse_doubles, uuid_of
from api.keys import CALLER, CLOCK, DOOR, POOL
from api.writes import context_of, json_answer, read, respond
from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection, DatabaseDown
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.people.errors import SignInForm, SignInRefused
from desmos_fast.identity.people.model import CodeGiven, FirstPassword, PasswordChange, Scope, SessionMade, SignIn

routes: Final = web.RouteTableDef()
SUBSCRIBER: Final = 64
TELLING: Final[web.AppKey[set[asyncio.Task[None]]]] = web.AppKey("telling")
log: Final = structlog.get_logger("desmos.api")
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


@routes.post("/v1/sessions")
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Open a session; its token is in this answer and in no other, or in a cookie that no script reads."""
    asked = await _asked(request, SignIn)
    if asked.cookie:
        check_origin(request)
    door, now = request.app[DOOR], request.app[CLOCK]()
    made, scopes = await _told(request, lambda: door.sign_in(asked, _address(request), now))
    await _settled(request.app, scopes, now)
    return opened(made, cookie=asked.cookie)


def opened(made: SessionMade, *, cookie: bool) -> web.Response:
    """Return the answer of a session that was opened."""
    if not cookie:
        return respond(json_answer(made, 201))
    response = respond(json_answer(msgspec.structs.replace(made, token=None), 201))
    response.set_cookie(COOKIE, made.token or "", path="/", secure=True, httponly=True, samesite="Strict")
    return response


@routes.post("/v1/passwords")
async def set_password(request: web.Request) -> web.StreamResponse:
    """Set a password with the code of an administrator."""
    asked = await _asked(request, FirstPassword)
    await _told(request, lambda: request.app[DOOR].set_password(asked, _address(request), request.app[CLOCK]()))
    return web.Response(status=204)


@routes.get("/v1/sessions")
async def index(request: web.Request) -> web.StreamResponse:
    """List one's sessions in this centre that last."""
    caller, person = request[CALLER], person_of(request)
    return await read(request, lambda con, _: _json(request.app[DOOR].sessions(con, caller, person)))


@routes.delete("/v1/sessions")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session that asks."""
    caller, person = request[CALLER], person_of(request)
    await _change(request, lambda con, context: _done(request.app[DOOR].end_session(con, caller, person.session, request.app[CLOCK]())))
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return response


@routes.delete("/v1/sessions/{id}")
async def end(request: web.Request) -> web.StreamResponse:
    """End one of one's sessions."""
    caller, name = request[CALLER], uuid_of(request, "id")
    person_of(request)
    return await _change(request, lambda con, context: _done(request.app[DOOR].end_session(con, caller, name, request.app[CLOCK]())))


@routes.post("/v1/sessions:end-all")
async def end_all(request: web.Request) -> web.StreamResponse:
    """End every session of oneself in every centre, as on a suspicion that somebody else has the password."""
    person = person_of(request)
    return await _change(request, lambda con, context: _done(request.app[DOOR].end_all(con, person, request.app[CLOCK]())))


@routes.get("/v1/me")
async def myself(request: web.Request) -> web.StreamResponse:
    """Say who asks."""
    caller, person = request[CALLER], person_of(request)
    return await read(request, lambda con, _: _json(request.app[DOOR].myself(con, caller, person)))


@routes.post("/v1/me/password")
async def change_password(request: web.Request) -> web.StreamResponse:
    """Change one's password; every session ends, the one that asks too."""
    caller, person = request[CALLER], person_of(request)
    asked, now = await _asked(request, PasswordChange), request.app[CLOCK]()
    await _told(request, lambda: request.app[DOOR].change_password(caller, person, asked, _address(request), now))
    return web.Response(status=204)


@routes.post("/v1/me/totp")
async def enrol(request: web.Request) -> web.StreamResponse:
    """Begin with a code generator; its secret is in this answer and in no other."""
    # Code generators go by the clock of the house, wherever that of a test centre is.
    caller, person, now = request[CALLER], person_of(request), request.app[CLOCK]()
    return await _change(request, lambda con, _: _json(request.app[DOOR].enrol(con, caller, person, now)))


@routes.post("/v1/me/totp:confirm")
async def confirm(request: web.Request) -> web.StreamResponse:
    """Let a code generator count, with its first code; recovery codes are in this answer and in no other."""
    caller, person = request[CALLER], person_of(request)
    asked, now = await _asked(request, CodeGiven), request.app[CLOCK]()
    return await _change(request, lambda con, _: _json(request.app[DOOR].confirm(con, caller, person, asked.code, now)))


async def _change(request: web.Request, work: Callable[[Connection, Context], Awaitable[Answer]]) -> web.Response:
    """Do something in a transaction of the centre, without an Idempotency-Key."""
    context = context_of(request)
    async with transaction(request.app[POOL], context.tenant) as con:
        answer = await work(con, context)
    return respond(answer)


async def _asked(request: web.Request, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(refuse_doubles(await read_body(request, LIMIT)), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Without the cause: what was typed would be in the traceback.
        raise SignInForm(f"the body is an object with {', '.join(shape.__struct_fields__)}, each in its form") from None


async def _told(request: web.Request, work: Callable[[], Awaitable[T]]) -> T:
    """Do what may be refused for a wrong password, and tell the centres of whom one try too many makes wait.

    They are told beside the answer, which takes no longer for a login that somebody has.
    """
    try:
        return await work()
    except SignInRefused as error:
        if error.locked is not None:
            telling = request.app[TELLING]
            task = asyncio.create_task(_tell(request.app, error.locked, error.tries))
            telling.add(task)
            task.add_done_callback(telling.discard)
        raise


async def _settled(app: web.Application, scopes: Sequence[Scope], now: datetime) -> None:
    """End what each centre of a person was told of wrong tries; the session is open by now, and whoever opened it must get its token."""
    try:
        for one in scopes:
            async with transaction(app[POOL], one.tenant) as con:
                await anomalies.clear(con, one.tenant, now, Kind.SIGN_IN_LOCKED, [one.member], by=str(one.member))
    except DatabaseDown as error:
        log.error("an anomaly could not be ended", kind=Kind.SIGN_IN_LOCKED.value, error=error.detail)


async def _tell(app: web.Application, account: UUID, tries: int) -> None:
    try:
        for scope in await app[DOOR].scopes(account):
            found = Found(Kind.SIGN_IN_LOCKED, scope.member, found={"login": scope.login, "tries": tries})
            async with transaction(app[POOL], scope.tenant) as con:
                await anomalies.note(con, scope.tenant, app[CLOCK](), [found], by=str(scope.member))
    except DatabaseDown as error:
        log.error("an anomaly could not be noted", kind=Kind.SIGN_IN_LOCKED.value, error=error.detail)


async def telling(app: web.Application) -> AsyncIterator[None]:
    """Wait, when the application ends, until everybody is told."""
    app[TELLING] = set()
    yield
    await asyncio.gather(*app[TELLING])


def _address(request: web.Request) -> str:
    return place_of(request.remote or "")


def place_of(address: str) -> str:
    """Return what tries from an address are counted under: itself, or the network that one subscriber has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        # Written so where one socket takes both; all of IPv4 is one network there.
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, SUBSCRIBER), strict=False)) if found.version == 6 else str(found)


async def _json(work: Awaitable[msgspec.Struct]) -> Answer:
    return json_answer(await work)


async def _done(work: Awaitable[None]) -> Answer:
    await work
    return Answer(status=204, body=b"")
