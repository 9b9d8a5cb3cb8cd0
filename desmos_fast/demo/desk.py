# SPDX-License-Identifier: Apache-2.0
"""The centre's side of the service: each route with the type of its answer, asked again under the same key until it answers."""

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.billing.model import BatchResult, InvoiceView
from desmos_fast.client import BYTES, JSON, NDJSON, Client, Unreachable, new_key
from desmos_fast.lots.model import BuildRequest, Built
from desmos_fast.returns.model import Imported
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.settlement.model import RunAnswer, StatementAnswer

PAUSE_S: Final = 0.2
T = TypeVar("T")


class Desk:
    """What a centre does all day; `patience_s` is how long a service that is away is waited for, at each request."""

    def __init__(self, client: Client, patience_s: float) -> None:
        self._client = client
        self._patience_s = patience_s

    async def sign(self, lines: bytes) -> BatchResult:
        """Sign the invoices of an NDJSON body."""
        return await self._post("/v1/invoices:batch", BatchResult, lines, NDJSON)

    async def build_lots(self, request: BuildRequest) -> Built:
        """Put all that waits into lots and files."""
        return await self._post("/v1/lots:build", Built, msgspec.json.encode(request), JSON)

    async def content(self, file: UUID) -> bytes:
        """Return a claim file as it is sent."""
        reply = await self._insist(lambda: self._client.send("GET", f"/v1/files/{file}/content"))
        return reply.body

    async def import_return(self, data: bytes) -> Imported:
        """Import one acknowledgement or return."""
        return await self._post("/v1/returns", Imported, data, BYTES)

    async def import_statement(self, data: bytes) -> StatementAnswer:
        """Import one bank statement."""
        return await self._post("/v1/bank-statements", StatementAnswer, data, BYTES)

    async def reconcile(self) -> RunAnswer:
        """Match all that is free."""
        return await self._post("/v1/reconciliations", RunAnswer, b"{}", JSON)

    async def dashboard(self) -> Dashboard:
        """Return the figures of the centre."""
        return await self._insist(lambda: self._client.get("/v1/dashboard", Dashboard))

    async def invoice(self, invoice: UUID) -> InvoiceView:
        """Return one invoice with its shares and its timeline."""
        return await self._insist(lambda: self._client.get(f"/v1/invoices/{invoice}", InvoiceView))

    async def _post(self, path: str, into: type[T], body: bytes, content_type: str) -> T:
        key = new_key()
        return await self._insist(lambda: self._client.post(path, into, body=body, content_type=content_type, key=key))

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return await call()
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            await sleep(PAUSE_S)
