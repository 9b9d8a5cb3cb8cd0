# SPDX-License-Identifier: Apache-2.0
"""Connections: what each may take of us, whose it is behind a proxy, and requests that never reach a route.

What is not HTTP gets a problem too, and nothing of it is repeated or logged.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from api import problems
from api.hot import Hot
from api.middlewares import HEADERS, guard
from desmos_fast.base.settings import Network
from desmos_fast.base.types import uuid7_text
from monitoring import metrics

log: Final = structlog.get_logger("desmos.protocol")
# A proxy in front cuts after five seconds: who comes through one never meets this.
HEAD_S: Final = 10.0
MOST_CONNECTIONS: Final = 2000
# Who does not take an answer for so long is hung up on; the system sees to it.
UNTAKEN_MS: Final = 30_000
UNREADABLE: Final = "What arrived is not a request of HTTP/1.1."


def _dressed(response: web.Response, rid: str) -> web.Response:
    response.headers["X-Request-Id"] = rid
    response.headers.update(HEADERS)
    return response


class Handler(RequestHandler):
    """A connection whose faults are told as problems: the library's own answer and log line quote what was received, keys included.

    The head of a request must be whole within `HEAD_S` of the connection or of its first byte; the library has no limit for that.
    """

    __slots__ = ("_finished", "_heads", "_held", "_hot", "_serving", "_slow")

    def __init__(self, manager: "Server", **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._hot = manager.hot
        # How many requests of this connection are answered; whether one is being served that the library does not hear of,
        # and what arrived meanwhile.
        self._finished = 0
        self._serving = False
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._heads = 0
        self._slow: asyncio.TimerHandle | None = None
        connection = cast(asyncio.Transport, transport)
        taken = connection.get_extra_info("socket")
        if taken is not None and taken.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
        if self._manager is not None and len(self._manager._connections) > MOST_CONNECTIONS:
            self._cut("too_many")
            connection.write(_full())
            self.force_close()
            return
        self._slow = self._loop.call_later(HEAD_S, self._too_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget a connection."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, see whether a head is whole, and serve what is hot."""
        if self._serving:
            # Requests of one connection are answered in their order: what comes after this one is not looked at yet.
            if not self._held:
                self._pause(True)
            self._held += data
            return
        if self._hot is None or self._request_count != self._finished or self._paused:
            super().data_received(data)
        else:
            self._receive(self._hot, data)
        if self._request_count != self._heads:
            self._heads = self._request_count
            self._in_time()
        elif data and self._slow is None and self._waiter is not None and not self._waiter.done():
            # Nothing is being answered, so this begins another head.
            self._slow = self._loop.call_later(HEAD_S, self._too_slow)

    def _receive(self, hot: Hot, data: bytes) -> None:
        """Take what arrived while nothing is being answered; the library is told of it unless it is served here."""
        waiter, self._waiter = self._waiter, None
        super().data_received(data)
        self._waiter = waiter
        if self._messages and not self._serve_hot(hot) and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _serve_hot(self, hot: Hot) -> bool:
        """Serve the one message that waits, if it is plain and whole."""
        message, payload = self._messages[0]
        if len(self._messages) > 1 or not isinstance(payload, StreamReader) or not isinstance(message, RawRequestMessage):
            return False
        # Of a body of no length the library gives a reader that has nothing to be looked into.
        if not payload.total_bytes or not payload.is_eof() or not hot.takes(message):
            return False
        self._messages.clear()
        self._serving = self._request_in_progress = True
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if hot.serve(message, b"".join(payload._buffer), self._answered):
            return True
        self._serving = self._request_in_progress = False
        self._messages.append((message, payload))
        return False

    def _answered(self, answer: bytes) -> None:
        """Send what was answered without the library, and go on."""
        self._serving = self._request_in_progress = False
        self._finished += 1
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self._manager is None or self._parser is None or self.transport is None:
            return
        self._manager.requests_count += 1
        self._parser.message_consumed()
        self.transport.write(answer)
        until = self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(until, self._process_keepalive)
        if self._held:
            held, self._held = self._held, b""
            self._pause(False)
            self.data_received(held)

    def _pause(self, pause: bool) -> None:
        """Let nothing more arrive, or all; the library does so only in the middle of a body."""
        connection = cast(asyncio.Transport, self.transport)
        if connection.is_closing() or connection.is_reading() != pause:
            return
        if pause:
            connection.pause_reading()
        else:
            connection.resume_reading()

    async def _handle_request(self, *arguments: Any) -> tuple[web.StreamResponse, bool]:
        try:
            return await super()._handle_request(*arguments)
        finally:
            self._finished += 1

    def _in_time(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        self._slow = None
        self._cut("slow_head")
        self.force_close()

    def _cut(self, reason: str) -> None:
        metrics.connections_cut.labels(reason).inc()
        log.info("a connection was cut", reason=reason)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what could not be read, or could not be answered otherwise; the connection ends then."""
        rid = uuid7_text()
        unreadable = isinstance(exc, HttpProcessingError)
        code = "bad_request" if unreadable else "internal"
        if unreadable:
            log.info("what arrived is not a request", request_id=rid, error=type(exc).__name__)
        else:
            log.error("our mistake", request_id=rid, exc_info=exc)
        metrics.count_problem(code)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun and cannot be replaced")
        detail = UNREADABLE if unreadable else "The fault is recorded under this request id."
        response = _dressed(problems.respond(code, detail, rid), rid)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what the library refused before our middleware, such as an `Expect` of its own, becomes a problem here."""
        if isinstance(resp, web.HTTPException):
            rid = uuid7_text()
            resp = _dressed(problems.of_http(resp, rid), rid)
        return await super().finish_response(request, resp, start_time)


def _refused(request: web.BaseRequest) -> web.Response:
    rid = uuid7_text()
    metrics.count_problem("bad_request")
    log.info("what arrived is not a request", request_id=rid, error="TransferEncoding")
    response = _dressed(problems.respond("bad_request", UNREADABLE, rid), rid)
    response.force_close()
    return response


def _full() -> bytes:
    """Return the answer to a connection that is one too many, as it is sent."""
    rid = uuid7_text()
    metrics.count_problem("busy")
    response = _dressed(problems.respond("busy", "Too many connections are open.", rid), rid)
    body = cast(bytes, response.body)
    response.headers.update({"Connection": "close", "Content-Length": str(len(body)), "Retry-After": problems.retry_after()})
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{head}\r\n".encode() + body


def came_from(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """Return whose request it is: the last address of `X-Forwarded-For` that no trusted proxy has, the peer's when it is no such proxy."""
    address = peer
    for given in [one.strip() for line in forwarded for one in line.split(",")][::-1]:
        if not _trusted(address, proxies):
            break
        # What a trusted proxy did not write as an address is no address, and nothing before it counts.
        address = given if _address(given) is not None else None
    return address


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if text is None else ipaddress.ip_address(text)
    except ValueError:
        return None


def _trusted(text: str | None, proxies: Sequence[Network]) -> bool:
    address = _address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in proxies)


class Server(web.Server):
    """Connections of our kind, and what serves the hot routes of all of them, if anything does."""

    hot: Hot | None = None

    def __call__(self) -> Handler:
        """Return the handler of one new connection."""
        return Handler(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Run an application behind connections of our kind, and behind proxies that are believed when they say whose a request is."""

    def __init__(self, app: web.Application, *, proxies: Sequence[Network] = (), **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._proxies = proxies

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        factory = made.request_factory

        def behind_proxies(*arguments: Any) -> web.BaseRequest:
            request = factory(*arguments)
            if "X-Forwarded-For" not in request.headers:
                return request
            forwarded = request.headers.getall("X-Forwarded-For")
            return request.clone(remote=came_from(request.remote, forwarded, self._proxies) or "")

        async def checked(request: web.BaseRequest) -> web.StreamResponse:
            # The library takes a coding that is empty for none; another reader may not.
            if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
                return _refused(request)
            response = await made.request_handler(request)
            if "Upgrade" in request.headers and not response.prepared:
                # We speak nothing else; what follows such a request is not read as one.
                response.force_close()
            return response

        chosen = behind_proxies if self._proxies else factory
        served = Server(checked, request_factory=chosen, loop=made._loop, **made._kwargs)
        # Who looks at every request, to trace it, must see these too.
        served.hot = Hot(self.app) if list(self.app.middlewares) == [guard] else None
        return served
