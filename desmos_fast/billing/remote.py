# SPDX-License-Identifier: Apache-2.0
"""Invoices over HTTP, typed: each function is one route, and raises what the client raises."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import date
from uuid import UUID

import msgspec

from desmos_fast.billing.listing.model import Document, InvoiceLine, InvoicePage, ShareState
from desmos_fast.billing.model import BatchResult, Created, InvoiceView, LineResult
from desmos_fast.billing.pricing.explain import Pricing
from desmos_fast.billing.pricing.quote import Quote
from desmos_fast.client import NDJSON, Client, Streamed
from desmos_fast.sending import Coding, Source


class Explained(msgspec.Struct, frozen=True):
    """An invoice that would be signed, and what made each amount when that was asked."""

    valid: bool
    pricing: Pricing | None = None


def _query(**asked: bool) -> dict[str, str]:
    return {name: "true" for name, wanted in asked.items() if wanted}


async def sign(client: Client, invoice: bytes, *, draft: bool = False, allow_late: bool = False, key: str | None = None) -> Created:
    """Sign one invoice, a JSON object; a draft is kept and not signed."""
    return await client.post("/v1/invoices", Created, body=invoice, key=key, query=_query(draft=draft, allow_late=allow_late))


async def check(client: Client, invoice: bytes, *, explain: bool = False, allow_late: bool = False) -> Explained:
    """Say that an invoice would be signed, or raise what it would be refused for; nothing is kept."""
    query = _query(validate_only=True, explain=explain, allow_late=allow_late)
    return await client.post("/v1/invoices", Explained, body=invoice, query=query)


async def batch(client: Client, invoices: bytes, *, allow_late: bool = False, key: str | None = None) -> BatchResult:
    """Sign the invoices of an NDJSON body, 10,000 at most."""
    query = _query(allow_late=allow_late)
    return await client.post("/v1/invoices:batch", BatchResult, body=invoices, content_type=NDJSON, key=key, query=query)


def stream(
    client: Client, source: Source, *, coding: Coding | None = None, allow_late: bool = False, key: str | None = None
) -> AsyncGenerator[LineResult | Streamed]:
    """Sign any number of invoices, and give what became of each while it goes on; `Client.stream` says what `source` is."""
    return client.stream("/v1/invoices:stream", source, LineResult, key=key, coding=coding, query=_query(allow_late=allow_late))


async def show(client: Client, invoice: UUID) -> InvoiceView:
    """Return an invoice, its shares, and what happened to it."""
    return await client.get(f"/v1/invoices/{invoice}", InvoiceView)


async def invoices(
    client: Client, *, number: int | None = None, document: Document | None = None, share: ShareState | None = None,
    payer: str | None = None, executor: str | None = None, care_since: date | None = None, care_until: date | None = None,
    since: date | None = None, until: date | None = None,
) -> AsyncIterator[InvoiceLine]:  # fmt: skip
    """Give the invoices of the centre, the newest first, a page at a time; all that is asked must hold."""
    asked = {
        "number": number, "document": document, "share": share, "payer": payer, "executor": executor,
        "care_from": care_since, "care_to": care_until, "from": since, "to": until,
    }  # fmt: skip
    query = {name: str(value) for name, value in asked.items() if value is not None}
    async for page in client.pages("/v1/invoices", InvoicePage, query=query):
        for invoice in page.invoices:
            yield invoice


async def quote(client: Client, invoice: bytes, *, on: date | None = None) -> Quote:
    """Say what an invoice would cost and who would pay it, as if every act were of that day when there is one; nothing is kept."""
    return await client.post("/v1/quotes", Quote, body=invoice, query={} if on is None else {"on": on.isoformat()})
