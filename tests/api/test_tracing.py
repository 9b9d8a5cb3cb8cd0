# SPDX-License-Identifier: Apache-2.0
"""Spans of requests as a collector receives them; without the setting nothing is loaded."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.app import make_app
from desmos_fast.base.settings import BadSetting, load
from desmos_fast.db.keyring import Keyring
from tests.api.conftest import MASTER, Desk, person

Client = TestClient[web.Request, web.Application]


@dataclass
class Collector:
    """Keeps what is sent to it, raw and read."""

    raw: bytes = b""
    status: int = 200

    def __post_init__(self) -> None:
        self.spans: list[Span] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(status=self.status)


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    kept = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", kept.take)
    async with TestServer(app) as server:
        yield kept, str(server.make_url("/v1/traces"))


def attributes(span: Span) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in span.attributes}


async def test_each_request_is_one_span_and_names_nobody(desk: Desk, collector: tuple[Collector, str]) -> None:
    kept, url = collector
    key = {"Authorization": f"Bearer {desk.key}"}
    nir = person(77)
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    async with TestClient(TestServer(make_app(replace(load(), otlp=url), desk.house.pool, Keyring(MASTER)))) as client:
        made = await client.post("/v1/invoices", json=desk.invoice(insured_nir=nir), headers={**key, "Idempotency-Key": "one"})
        assert made.status == 201
        name = (await made.json())["id"]
        assert (await client.get(f"/v1/invoices/{name}", headers=key | parent)).status == 200
        assert (await client.get("/v1/lots")).status == 401
        assert (await client.get("/livez")).status == 200
    told = {span.name: span for span in kept.spans}
    assert sorted(told) == ["GET /v1/invoices/{id}", "GET /v1/lots", "POST /v1/invoices"] and len(kept.spans) == 3
    assert attributes(told["POST /v1/invoices"]) == {
        "http.request.method": "POST", "http.route": "/v1/invoices", "http.response.status_code": 201, "desmos.centre": str(desk.tenant),
        "desmos.request_id": made.headers["X-Request-Id"],
    }  # fmt: skip
    seen = told["GET /v1/invoices/{id}"]
    assert (seen.trace_id.hex(), seen.parent_span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert attributes(told["GET /v1/lots"])["http.response.status_code"] == 401
    assert nir.encode() not in kept.raw and nir[:13].encode() not in kept.raw and name.encode() not in kept.raw
    assert desk.key.encode() not in kept.raw


async def test_a_collector_that_fails_costs_no_request(desk: Desk, collector: tuple[Collector, str]) -> None:
    kept, url = collector
    kept.status = 400
    async with TestClient(TestServer(make_app(replace(load(), otlp=url), desk.house.pool, Keyring(MASTER)))) as client:
        assert (await client.get("/v1/lots", headers={"Authorization": f"Bearer {desk.key}"})).status == 200
    away = "http://127.0.0.1:9/v1/traces"
    async with TestClient(TestServer(make_app(replace(load(), otlp=away), desk.house.pool, Keyring(MASTER)))) as client:
        assert (await client.get("/v1/lots", headers={"Authorization": f"Bearer {desk.key}"})).status == 200


async def test_without_the_setting_nothing_of_it_is_loaded() -> None:
    code = "import sys, api.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], timeout=60)
    assert done.returncode == 0


def test_the_setting_is_a_url() -> None:
    assert load({"HOME": "/root", "DESMOS_OTLP": "http://127.0.0.1:4318/v1/traces"}).otlp == "http://127.0.0.1:4318/v1/traces"
    with pytest.raises(BadSetting):
        load({"HOME": "/root", "DESMOS_OTLP": "127.0.0.1:4318"})
