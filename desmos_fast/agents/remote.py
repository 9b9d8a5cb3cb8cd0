# SPDX-License-Identifier: Apache-2.0
"""Readers of cards over HTTP, typed: each function is one route, and raises what the client raises."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

import msgspec

from desmos_fast.agents.model import CardRead, ReadAsked, Reader, ReaderEvent, ReaderPage
from desmos_fast.client import Client


async def readers(client: Client) -> AsyncIterator[Reader]:
    """Give the slots of the workstations, a page at a time."""
    async for page in client.pages("/v1/readers", ReaderPage):
        for reader in page.readers:
            yield reader


async def read(client: Client, reader: UUID, *, deadline_s: float = 15.0) -> CardRead:
    """Return what the card says that is in a reader, or comes before the deadline."""
    return await client.post(f"/v1/readers/{reader}:read", CardRead, body=msgspec.json.encode(ReadAsked(deadline_s=deadline_s)))


async def events(client: Client, *, after: int | None = None, seconds: int = 60) -> AsyncGenerator[ReaderEvent]:
    """Give what happens at the readers for so many seconds, 300 at most: from now on, or from what followed the event `after`.

    To follow for longer ask again with the `seq` of the last one, also after `Unreachable`: nothing is missed.
    """
    headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
    async with contextlib.aclosing(client.lines("GET", "/v1/readers/events", headers, {"seconds": str(seconds)})) as lines:
        async for line in lines:
            # Whatever is asked for stands in the data: the number and the kind are said twice.
            if line.startswith(b"data: "):
                yield msgspec.json.decode(line.removeprefix(b"data: "), type=ReaderEvent)
