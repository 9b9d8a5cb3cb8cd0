# SPDX-License-Identifier: Apache-2.0
"""One span for each request, sent by OTLP over HTTP; imported only where it is asked for, so that it costs nothing elsewhere.

A span holds the pattern of the route and never the path: ids of invoices and of people stay out, as they stay out of metrics.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from api.body import route_of
from api.keys import CALLER, REQUEST_ID
from api.middlewares import PUBLIC
from desmos_fast.base.errors import InvalidInput

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise InvalidInput("traces need a library that is not installed", hint='pip install "desmos-fast[tracing]"') from error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EXPORT_S: Final = 5.0


def set_up(app: web.Application, url: str) -> None:
    """Trace every request of an application to `url`, from before anything else is done for it until its answer is made."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "desmos-fast"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=EXPORT_S)))
    tracer = provider.get_tracer("desmos_fast")
    propagator = TraceContextTextMapPropagator()

    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request)
        if route in PUBLIC:
            return await handler(request)
        parent = propagator.extract(request.headers)
        with tracer.start_as_current_span(f"{request.method} {route}", parent, SpanKind.SERVER, record_exception=False) as span:
            response = await handler(request)
            caller = request.get(CALLER)
            span.set_attributes({
                "http.request.method": request.method, "http.route": route, "http.response.status_code": response.status,
                "desmos.request_id": request[REQUEST_ID], "desmos.centre": "" if caller is None else str(caller.tenant),
            })  # fmt: skip
            if response.status >= 500:
                span.set_status(StatusCode.ERROR)
        return response

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        # What waits is sent, for as long as one sending may take; the loop goes on meanwhile.
        await asyncio.to_thread(provider.shutdown)

    app.middlewares.insert(0, traced)
    app.cleanup_ctx.append(closing)
