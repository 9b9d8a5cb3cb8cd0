# SPDX-License-Identifier: Apache-2.0
"""The routes that are asked for most, answered where their bytes arrive: no request object, no task, no middleware.

Only the plain case is served here: one whole request at a time, of a key that was looked up within the second, with nothing in its
head but what changes nothing. Whatever else comes goes the way of all other routes, which says the same of it, errors included.
"""

import asyncio
import functools
import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from operator import itemgetter
from time import perf_counter
from typing import Any, Final, cast

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http_parser import RawRequestMessage

from api import deadlines, limits, problems
from api.admission import Busy
from api.body import idempotency_key, request_id
from api.ending import ENDING
from api.keys import CLOCK, HOURS, KEYRING, KEYS, LIFE, POOL, SHARES, TARIFFS, TOGETHER, USES
from api.lanes import Way, full
from api.logs import is_told
from api.middlewares import HEADERS, fault_of
from api.writes import JSON, OF_KIND, as_json
from desmos_fast.base.clock import ahead
from desmos_fast.base.deadline import DeadlinePassed
from desmos_fast.base.errors import DesmosError
from desmos_fast.billing import service
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer, Asked
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller, is_session
from desmos_fast.identity.options.rules import option_of
from desmos_fast.identity.rights import RULES, Rule
from monitoring import metrics

log: Final = structlog.get_logger("desmos.api")
QUOTES: Final = "/v1/quotes"
INVOICES: Final = "/v1/invoices"
# What these say is looked at here, or means nothing to these routes.
HEAD: Final = frozenset({
    b"host", b"authorization", b"idempotency-key", b"content-type", b"content-length", b"x-request-id", b"accept", b"accept-encoding",
    b"accept-language", b"user-agent", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via",
})  # fmt: skip
# Four thousand a second at most, which is a fraction of a processor.
AWAY_S: Final = 0.004
AWAY_AT_ONCE: Final = 16
BEARER: Final = "Bearer "
PLAIN_MOST: Final = 256
# A larger body is hashed in a thread, elsewhere.
MOST: Final = 256 * 1024
Send = Callable[[bytes], None]


@dataclass(slots=True)
class Asking:
    """One request that is served here."""

    route: str
    rid: str
    caller: Caller
    started: float
    send: Send


class Hot:
    """Serve what is plain of the hot routes of an application."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._life, self._clock, self._keys, self._shares, self._tariffs = app[LIFE], app[CLOCK], app[KEYS], app[SHARES], app[TARIFFS]
        self._keyring, self._hours, self._uses, self._pool = app[KEYRING], app[HOURS], app[USES], app[POOL]
        self._rules: Mapping[str, Rule] = {
            route: RULES["POST", route]
            for route in (QUOTES, INVOICES)
            if not RULES["POST", route].audited and option_of(route) is None and ("POST", route) not in ENDING
        }
        self._away: deque[Asking] = deque()
        self._second = 0
        self._stamp = b""
        self._fixed = _lines(HEADERS).encode()
        # Which names a head may hold, and in which order, of those that came so far: most callers send the same ones each time.
        self._plain: set[tuple[bytes, ...]] = set()

    def takes(self, message: RawRequestMessage) -> bool:
        """Say whether a request is of a hot route and plain in its head."""
        if message.method != "POST" or message.path not in self._rules or self._life.leaving or self._life.closed:
            return False
        if message.should_close or message.upgrade or message.chunked or message.version != HttpVersion11:
            return False
        names = tuple(map(_NAME, message.raw_headers))
        return names in self._plain or self._is_plain(names)

    def _is_plain(self, names: tuple[bytes, ...]) -> bool:
        lower = {name.lower() for name in names}
        if not lower <= HEAD or len(lower) < len(names):
            return False
        if len(self._plain) >= PLAIN_MOST:
            self._plain.clear()
        self._plain.add(names)
        return True

    def serve(self, message: RawRequestMessage, body: bytes, send: Send) -> bool:
        """Serve a request that `takes` takes, at once or once it is on disk, through `send`; False when it must go the other way.

        Nothing was done for what is given back.
        """
        started = perf_counter()
        caller = self._caller(message)
        if caller is None or not 0 < len(body) <= MOST:
            return False
        rule = self._rules[message.path]
        if rule.roles.isdisjoint(caller.roles) or ahead(self._clock, caller.tenant):
            return False
        asking = Asking(message.path, request_id(message), caller, started, send)
        served = self._quote(asking, body) if message.path == QUOTES else self._sign(asking, message, body)
        if served:
            self._uses.note(self._pool, caller, rule.roles, self._clock)
        return served

    def _caller(self, message: RawRequestMessage) -> Caller | None:
        given = message.headers.get("Authorization", "")
        secret = given[len(BEARER) :]
        if not given.startswith(BEARER) or is_session(secret):
            return None
        caller = self._keys.recall(self._pool, secret)
        return caller if caller is not None and caller.person is None else None

    def _quote(self, asking: Asking, body: bytes) -> bool:
        tariffs = self._tariffs.known()
        if tariffs is None:
            return False
        try:
            # The clock of this centre is not ahead.
            context = Context(asking.caller, self._keyring.of(asking.caller.tenant), self._clock())
            answer = as_json(service.quote(context, body, Terms(tariffs, allow_late=True)))
        except Exception:
            # Who finds a fault once more says what it is.
            return False
        # Begun and ended before anybody could see it run.
        self._end(asking, 200, JSON, "", answer)
        return True

    def _sign(self, asking: Asking, message: RawRequestMessage, body: bytes) -> bool:
        together, tenant = self._app[TOGETHER], asking.caller.tenant
        try:
            key = idempotency_key(message)
        except DesmosError:
            return False
        self._begin()
        if not together.has_room(tenant):
            self._turn_away(asking)
            return True
        name = hashlib.sha256(CANONICAL + OF_KIND[asking.caller.kind] + body).digest()
        try:
            done = together.submit(Way(asking.caller, False, False, False), Asked(key, name), body)
        except DesmosError as error:
            self._refuse(asking, error)
            return True
        late = asyncio.get_running_loop().call_later(deadlines.limit_of(self._app, INVOICES), _give_up, done)
        done.add_done_callback(partial(self._signed, asking, late))
        return True

    def _turn_away(self, asking: Asking) -> None:
        """Refuse a request for want of room, a few at a time: who signs invoices has the loop before who is sent away.

        A connection asks for nothing more until it is answered, so no more than there are connections wait.
        """
        self._away.append(asking)
        if len(self._away) == 1:
            asyncio.get_running_loop().call_later(AWAY_S, self._turn_some_away)

    def _turn_some_away(self) -> None:
        for _ in range(min(len(self._away), AWAY_AT_ONCE)):
            asking = self._away.popleft()
            metrics.count_problem(Busy.code)
            body = _FULL.replace(_SOMEBODY, asking.rid.encode())
            self._close(asking, 503, problems.CONTENT_TYPE, f"Retry-After: {problems.retry_after()}\r\n", body)
        if self._away:
            asyncio.get_running_loop().call_later(AWAY_S, self._turn_some_away)

    def _signed(self, asking: Asking, late: asyncio.TimerHandle, done: "asyncio.Future[Answer]") -> None:
        late.cancel()
        error = DeadlinePassed(TOO_LONG, hint=AGAIN) if done.cancelled() else done.exception()
        if error is None:
            self._answer(asking, done.result())
        else:
            self._refuse(asking, error)

    def _begin(self) -> None:
        self._life.begin()
        metrics.http_requests_running.inc()

    def _answer(self, asking: Asking, answer: Answer) -> None:
        extra = _lines(answer.headers)
        if answer.replayed:
            metrics.idempotent_replays.labels(asking.route).inc()
            extra += "Idempotency-Replayed: true\r\n"
        self._close(asking, answer.status, answer.content_type, extra, answer.body)

    def _refuse(self, asking: Asking, error: BaseException) -> None:
        self._problem(asking, fault_of(error, asking.rid, asking.route))

    def _problem(self, asking: Asking, response: web.Response) -> None:
        extra = _lines({name: value for name, value in response.headers.items() if name != "Content-Type"})
        body = response.body
        self._close(asking, response.status, response.content_type, extra, body if isinstance(body, bytes) else b"")

    def _close(self, asking: Asking, status: int, content_type: str, extra: str, body: bytes) -> None:
        self._life.end()
        metrics.http_requests_running.dec()
        self._end(asking, status, content_type, extra, body)

    def _end(self, asking: Asking, status: int, content_type: str, extra: str, body: bytes) -> None:
        left = limits.writes_left(self._shares, asking.caller.tenant)
        head = f"{_opening(status, content_type)}{len(body)}\r\nX-Request-Id: {asking.rid}\r\n{extra}{left}"
        answer = b"".join((head.encode("latin-1"), self._fixed, self._now(), body))
        # Once all that has arrived is read: to wake who waits for an answer costs more than the answer, unless he is awake already.
        asyncio.get_running_loop().call_soon(asking.send, answer)
        seconds = perf_counter() - asking.started
        metrics.observe_request("POST", asking.route, status, seconds)
        metrics.count_availability(status, seconds, is_open=self._hours.is_open(self._clock()))
        if is_told("info"):
            log.info(
                "request", request_id=asking.rid, method="POST", route=asking.route, status=status,
                milliseconds=round(seconds * 1000, 2), centre=str(asking.caller.tenant),
            )  # fmt: skip

    def _now(self) -> bytes:
        """Return the header that says when, and the end of the head."""
        second = int(time.time())
        if second != self._second:
            self._second, self._stamp = second, f"Date: {formatdate(second, usegmt=True)}\r\n\r\n".encode()
        return self._stamp


# What is answered while enough wait, but for the id of the request.
_SOMEBODY: Final = b"00000000-0000-0000-0000-000000000000"
_FULL: Final = cast(bytes, problems.of_error(full(), _SOMEBODY.decode()).body)
_NAME: Final = itemgetter(0)
CANONICAL: Final = f"POST {INVOICES}?\n".encode()
TOO_LONG: Final = "it took longer than it may and was given up"
AGAIN: Final = "send again with the same key in a moment"


@functools.cache
def _opening(status: int, content_type: str) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {content_type}\r\nContent-Length: "


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def _give_up(done: "asyncio.Future[Any]") -> None:
    done.cancel()
