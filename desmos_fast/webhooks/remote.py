# SPDX-License-Identifier: Apache-2.0
"""Webhooks over HTTP, typed: each function is one route, and raises what the client raises."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from desmos_fast.client import Client
from desmos_fast.webhooks.model import (
    OVERLAP_S,
    Delivery,
    DeliveryPage,
    NewSecret,
    NewWebhook,
    Replayed,
    SecretAsked,
    Subscription,
    WebhookList,
)


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


async def rotate(client: Client, webhook: UUID, overlap_s: int = OVERLAP_S, *, key: str | None = None) -> NewSecret:
    """Change the secret of a webhook, and keep the new one of the answer; the former one signs too until the overlap ends."""
    body = msgspec.json.encode(SecretAsked(overlap_s))
    return await client.post(f"/v1/webhooks/{webhook}:rotate", NewSecret, body=body, key=key)


async def replay(
    client: Client, webhook: UUID, since: datetime | UUID, until: datetime | None = None, *, key: str | None = None
) -> Replayed:
    """Tell a webhook again of everything from an aware instant on, up to another, or of the one event of an id."""
    if isinstance(since, UUID):
        query = {"event": str(since)}
    else:
        query = {"from": _instant(since)} | ({} if until is None else {"to": _instant(until)})
    return await client.post(f"/v1/webhooks/{webhook}:replay", Replayed, body=b"", query=query, key=key)


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
