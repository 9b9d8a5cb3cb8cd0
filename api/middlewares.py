# SPDX-License-Identifier: Apache-2.0
"""What happens around every request: its id, who calls, errors into problems, metrics, one line of log.

One middleware, not six: each layer costs a coroutine on every request.
"""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

import structlog
from aiohttp import web

from api import auth, body, conditions, deadlines, limits, options, problems, sparse
from api.ending import ENDING
from api.keys import CALLER, CLOCK, HOURS, LIFE, POOL, REQUEST_ID
from api.logs import is_told
from api.writes import context_of
from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Found, Kind, Odd
from desmos_fast.base.errors import DesmosError, OutsideFailed
from desmos_fast.db.pool import UNSAYABLE, DatabaseDown
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.lookups import service as lookups
from desmos_fast.identity.lookups.model import CeilingReached
from desmos_fast.identity.rights import OPEN
from monitoring import metrics

log: Final = structlog.get_logger("desmos.api")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# What anybody may ask for, or what looks itself at who asks, and does not answer with a problem.
PUBLIC: Final = frozenset({
    "/livez", "/readyz", "/metrics", "/v1/openapi.json", "/docs", "/docs/{file}", "/v1/agents/channel", "/poste", "/poste/lecteurs",
    "/poste/{file}",
})  # fmt: skip
SPARSE: Final = frozenset({sparse.NAME})
NOTHING: Final[frozenset[str]] = frozenset()
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Server": "desmos-fast",
    "X-Content-Type-Options": "nosniff",
}


async def _answer(request: web.Request, handler: Handler, rid: str, route: str) -> web.StreamResponse:
    """Run the handler and turn whatever it raises into a problem."""
    try:
        if route in PUBLIC:
            return await handler(request)
        async with deadlines.of(request, route):
            return await _inside(request, handler, route)
    except web.HTTPException as error:
        return problems.of_http(error, rid)
    except DesmosError as error:
        response = fault_of(error, rid, route)
        if isinstance(error, Odd):
            await _note(request, error.anomaly)
        elif isinstance(error, CeilingReached) and error.first:
            await _note(request, _too_much(request, error))
        return response
    except Exception as error:
        return fault_of(error, rid, route)


def fault_of(error: BaseException, rid: str, route: str) -> web.Response:
    """Turn what was raised into a problem, counted, and told where it is nothing that the caller did."""
    if isinstance(error, UNSAYABLE):
        error = problems.ApiError("a text holds the character U+0000", hint="send it without")
    if not isinstance(error, DesmosError):
        metrics.count_problem("internal")
        log.error("our mistake", request_id=rid, route=route, exc_info=error)
        return problems.respond("internal", "The fault is recorded under this request id.", rid)
    response = problems.of_error(error, rid)
    metrics.count_problem(error.code)
    if isinstance(error, OutsideFailed):
        if isinstance(error, DatabaseDown):
            metrics.database_unavailable.inc()
        log.warning("outside failed", request_id=rid, route=route, code=error.code, detail=error.detail)
    elif response.status >= 500:
        log.error("our mistake", request_id=rid, route=route, code=error.code, exc_info=error)
    return response


async def _inside(request: web.Request, handler: Handler, route: str) -> web.StreamResponse:
    """Answer whom a key or a session lets in and whose role it is, once what they are about to see is kept."""
    if request.app[LIFE].closed:
        raise problems.Stopping("the service is stopping", hint="send again with the same key, to another process")
    rule = None
    if (request.method, route) not in OPEN:
        request[CALLER] = await auth.authenticate(request, by_itself=route in auth.BY_ITSELF)
        rule = auth.allow(request, route)
        await options.check(request, route)
    conditions.refuse_unsound(request)
    asked = None
    if request.rel_url.raw_query_string:
        sparse_too = sparse.takes(request, route)
        body.check_query(request, SPARSE if sparse_too else NOTHING)
        asked = sparse.wanted(request, route)
    response = await handler(request)
    if rule is not None:
        await auth.note(request, rule, route, response)
    return _shaped(request, response, asked)


def _shaped(request: web.Request, response: web.StreamResponse, asked: sparse.Wanted | None) -> web.StreamResponse:
    """Leave out what was not asked for, and what the caller has already; what was seen is noted by then, whole."""
    if asked is not None and response.status == 200 and isinstance(response, web.Response) and isinstance(response.body, bytes):
        response.body = sparse.cut(response.body, asked)
    return conditions.tagged(request, response)


def _too_much(request: web.Request, error: CeilingReached) -> Found:
    account = "key" if request[CALLER].person is None else "user"
    found = {"account": account, "span": error.refused.span, "ceiling": error.refused.ceiling, "asked": error.look.items}
    return Found(Kind.LOOK_UP_CEILING, error.look.actor, found=found)


async def _note(request: web.Request, anomaly: Found) -> None:
    """Keep an anomaly that was found by a request, of which nothing else is kept."""
    context = context_of(request)
    try:
        async with transaction(request.app[POOL], context.tenant) as con:
            if anomaly.kind is Kind.LOOK_UP_CEILING:
                named = {"name": await lookups.name(con, context.tenant, anomaly.subject)}
                anomaly = anomaly._replace(found=named | dict(anomaly.found or {}))
            await anomalies.note(con, context.tenant, context.now, [anomaly], by=context.actor)
    except DatabaseDown:
        log.error("an anomaly could not be noted", kind=anomaly.kind, subject=str(anomaly.subject))


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wrap one request: nothing leaves without an id, a problem body when it fails, and its count."""
    started = perf_counter()
    rid = request[REQUEST_ID] = body.request_id(request)
    route = body.route_of(request)
    life = request.app[LIFE]
    life.begin()
    metrics.http_requests_running.inc()
    try:
        response = await _answer(request, handler, rid, route)
    finally:
        metrics.http_requests_running.dec()
        life.end()
    if not response.prepared:
        response.headers["X-Request-Id"] = rid
        response.headers.update(HEADERS)
        limits.dress(request, response)
        if ENDING and (ends := ENDING.get((request.method, route))) is not None:
            response.headers.update(ends)
        if life.leaving:
            response.force_close()
    seconds = perf_counter() - started
    metrics.observe_request(request.method, route, response.status, seconds)
    if route not in PUBLIC and route not in deadlines.WAITING:
        metrics.count_availability(response.status, seconds, is_open=request.app[HOURS].is_open(request.app[CLOCK]()))
    caller = request.get(CALLER)
    if is_told("info"):
        log.info(
            "request",
            request_id=rid,
            method=request.method,
            route=route,
            status=response.status,
            milliseconds=round(seconds * 1000, 2),
            centre=None if caller is None else str(caller.tenant),
        )
    return response
