# SPDX-License-Identifier: Apache-2.0
"""Webhooks over HTTP, typed: each function is one route, and raises what the client raises."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from desmos_fast.client import Client
from desmos_fast.webhooks.model import Delivery, DeliveryPage, NewWebhook, Replayed, Subscription, WebhookList


async def add(client: Client, url: str, events: Sequence[str] = (), *, key: str | None = None) -> NewWebhook:
    """Tell a URL of what happens; keep the secret of the answer, which is in no other."""
    return await client.post("/v1/webhooks", NewWebhook, body=msgspec.json.encode(Subscription(url, tuple(events))), key=key)


async def show(client: Client) -> WebhookList:
    """Return the webhooks of the centre and how they stand."""
    return await client.get("/v1/webhooks", WebhookList)


async def end(client: Client, webhook: UUID, *, key: str | None = None) -> None:
    """Tell a webhook nothing more."""
    await client.delete(f"/v1/webhooks/{webhook}", key=key)


async def deliveries(client: Client, webhook: UUID, *, state: str | None = None) -> AsyncIterator[Delivery]:
    """Give what a webhook was told or is to be told, the newest first, a page at a time."""
    query = {} if state is None else {"state": state}
    async for page in client.pages(f"/v1/webhooks/{webhook}/deliveries", DeliveryPage, query=query):
        for one in page.deliveries:
            yield one


async def replay(client: Client, webhook: UUID, since: datetime, *, key: str | None = None) -> Replayed:
    """Tell a webhook again of everything since an aware instant."""
    query = {"from": since.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    return await client.post(f"/v1/webhooks/{webhook}:replay", Replayed, body=b"", query=query, key=key)
