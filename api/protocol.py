# SPDX-License-Identifier: Apache-2.0
"""Requests that never reach a route: what is not HTTP gets a problem too, and nothing of it is repeated or logged."""

from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from api import problems
from api.middlewares import HEADERS
from desmos_fast.base.types import uuid7
from monitoring import metrics

log: Final = structlog.get_logger("desmos.protocol")


def _dressed(response: web.Response, rid: str) -> web.Response:
    response.headers["X-Request-Id"] = rid
    response.headers.update(HEADERS)
    return response


class Handler(RequestHandler):
    """A connection whose faults are told as problems: the library's own answer and log line quote what was received, keys included."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what could not be read, or could not be answered otherwise; the connection ends then."""
        rid = str(uuid7())
        unreadable = isinstance(exc, HttpProcessingError)
        code = "bad_request" if unreadable else "internal"
        if unreadable:
            log.info("what arrived is not a request", request_id=rid, error=type(exc).__name__)
        else:
            log.error("our mistake", request_id=rid, exc_info=exc)
        metrics.count_problem(code)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun and cannot be replaced")
        detail = "What arrived is not a request of HTTP/1.1." if unreadable else "The fault is recorded under this request id."
        response = _dressed(problems.respond(code, detail, rid), rid)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what the library refused before our middleware, such as an `Expect` of its own, becomes a problem here."""
        if isinstance(resp, web.HTTPException):
            rid = str(uuid7())
            resp = _dressed(problems.of_http(resp, rid), rid)
        return await super().finish_response(request, resp, start_time)


class Server(web.Server):
    """Connections of our kind."""

    def __call__(self) -> Handler:
        """Return the handler of one new connection."""
        return Handler(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Run an application behind connections of our kind."""

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        return Server(made.request_handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)
