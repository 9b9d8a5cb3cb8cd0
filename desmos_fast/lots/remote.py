# SPDX-License-Identifier: Apache-2.0
"""Lots, files and schedules over HTTP, typed: each function is one route, and raises what the client raises."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

import msgspec

from desmos_fast.client import Client
from desmos_fast.lots.follow.model import Cancelled, CancelRequest, Resent
from desmos_fast.lots.listing.model import FileLine, FilePage, FileView, LotLine, LotPage, LotView
from desmos_fast.lots.model import BuildRequest, Built
from desmos_fast.lots.planned import Preview
from desmos_fast.lots.schedule.model import Plan, Schedule


async def build(client: Client, settings: BuildRequest | None = None, *, key: str | None = None) -> Built:
    """Put what waits in lots and queue their files."""
    return await client.post("/v1/lots:build", Built, body=_body(settings), key=key)


async def preview(client: Client, settings: BuildRequest | None = None) -> Preview:
    """Return what a build would make now."""
    return await client.post("/v1/lots:preview", Preview, body=_body(settings))


def _body(settings: BuildRequest | None) -> bytes:
    return msgspec.json.encode(BuildRequest() if settings is None else settings)


def _query(state: str | None, since: date | None, until: date | None, destination: str | None) -> dict[str, str]:
    asked = {"state": state, "from": since, "to": until, "destination": destination}
    return {name: str(value) for name, value in asked.items() if value is not None}


async def lots(
    client: Client, *, state: str | None = None, since: date | None = None, until: date | None = None, destination: str | None = None
) -> AsyncIterator[LotLine]:
    """Give the lots of the centre, the newest first, a page at a time."""
    async for page in client.pages("/v1/lots", LotPage, query=_query(state, since, until, destination)):
        for lot in page.lots:
            yield lot


async def files(
    client: Client, *, state: str | None = None, since: date | None = None, until: date | None = None, destination: str | None = None
) -> AsyncIterator[FileLine]:
    """Give the files of the centre, the newest first, a page at a time."""
    async for page in client.pages("/v1/files", FilePage, query=_query(state, since, until, destination)):
        for file in page.files:
            yield file


async def lot(client: Client, name: UUID) -> LotView:
    """Return a lot, its invoices, and what happened to it."""
    return await client.get(f"/v1/lots/{name}", LotView)


async def file(client: Client, name: UUID) -> FileView:
    """Return a file, its lots, and what happened to it."""
    return await client.get(f"/v1/files/{name}", FileView)


async def content(client: Client, name: UUID) -> bytes:
    """Return a file, byte for byte as it is sent."""
    return (await client.send("GET", f"/v1/files/{name}/content")).body


async def resend(client: Client, name: UUID, *, key: str | None = None) -> Resent:
    """Send a file again whose answer is missing."""
    return await client.post(f"/v1/files/{name}:resend", Resent, body=b"", key=key)


async def cancel(client: Client, name: UUID, why: str, *, not_received: bool = False, key: str | None = None) -> Cancelled:
    """Cancel a file that has not left."""
    body = msgspec.json.encode(CancelRequest(why=why, not_received=not_received))
    return await client.post(f"/v1/files/{name}:cancel", Cancelled, body=body, key=key)


async def schedule(client: Client) -> Schedule:
    """Return the schedule of the centre, its next due time and its last run."""
    return await client.get("/v1/schedule", Schedule)


async def set_schedule(client: Client, plan: Plan, *, key: str | None = None) -> Schedule:
    """Set the schedule of the centre."""
    return await client.put("/v1/schedule", Schedule, body=msgspec.json.encode(plan), key=key)


async def end_schedule(client: Client, *, key: str | None = None) -> None:
    """End the schedule of the centre."""
    await client.delete("/v1/schedule", key=key)
