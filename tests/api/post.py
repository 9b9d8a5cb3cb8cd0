# SPDX-License-Identifier: Apache-2.0
"""The way out and back for tests: sign, build, send in this process, and have the simulated payers answer."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from desmos_fast.base.clock import Clock, system_clock
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE
from desmos_fast.lots.recipients.model import EVERYONE, Directory, Pace, Patience, Recipient, Recipients, Route
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import Transport
from desmos_fast.simulator.concentrator import answer
from desmos_fast.simulator.model import Answers
from tests.api.conftest import MASTER, Desk, person

SEED: Final = 7


async def sign(desk: Desk, *names: str, order: int = 900) -> list[str]:
    """Sign one invoice of each golden name, for a person whose payers pay unless told otherwise; return their ids."""
    ids = []
    for name in names:
        reply = await desk.post("/v1/invoices", desk.invoice(name, insured_nir=person(order)))
        assert reply.status == 201, reply.body
        ids.append(reply.json["id"])
    return ids


async def build(desk: Desk, **settings: object) -> dict[str, Any]:
    """Build what waits."""
    reply = await desk.post("/v1/lots:build", settings)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


async def content(desk: Desk, file: str) -> bytes:
    """Return the bytes of a file."""
    reply = await desk.get(f"/v1/files/{file}/content")
    assert reply.status == 200, reply.body
    return reply.body


def everyone(retries: Patience | None = None) -> Recipients:
    """Return one recipient of everything; what reaches it is for the test to give."""
    one = Recipient(name=EVERYONE, way=Directory(folder="/nowhere"), pace=Pace(at_once=4), retries=retries or Patience())
    return Recipients({EVERYONE: one}, (Route(to=EVERYONE),))


async def drain(desk: Desk, transport: Transport | Path, patience: Patience | None = None) -> Sender:
    """Do every job that waits, as a worker would, and return what did them."""
    port = DirectoryTransport(transport) if isinstance(transport, Path) else transport
    return await send(desk, everyone(patience), {EVERYONE: port})


async def send(desk: Desk, recipients: Recipients, transports: Mapping[str, Transport], clock: Clock = system_clock) -> Sender:
    """Do every job that waits and is due soon, as a worker with these recipients would, and return what did them."""
    pool = await pools.create(desk.house.wire.dsn, 8)
    try:
        sender = Sender(pool, Keyring(MASTER), recipients, transports, clock)
        await queue.run(pool, {SEND_FILE: sender}, asyncio.Event(), once=True)
        return sender
    finally:
        await pool.close()


async def send_and_answer(desk: Desk, folder: Path, **settings: object) -> tuple[dict[str, Any], list[Answers]]:
    """Build, send, and return what was built with what the payers and the bank say of each file."""
    built = await build(desk, **settings)
    await drain(desk, folder)
    today = datetime.datetime.now(datetime.UTC).date()
    return built, [answer((folder / file["name"]).read_bytes(), SEED, today) for file in built["files"]]


@asynccontextmanager
async def rows(desk: Desk) -> AsyncIterator[Connection]:
    """Give a connection that sees this centre's rows, beside the service."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        yield con


async def column(desk: Desk, query: str, *args: object) -> list[Any]:
    """Return the first column of a query over this centre's rows."""
    async with rows(desk) as con:
        return [row[0] for row in await con.fetch(query, *args)]


async def shares(desk: Desk) -> list[tuple[str, str, str]]:
    """Return part, transport and state of each share that a payer has, in order of invoice number."""
    async with rows(desk) as con:
        found = await con.fetch(
            "SELECT s.part, s.transport, s.state FROM share AS s JOIN invoice AS i ON i.id = s.invoice_id"
            " WHERE s.flow > 0 ORDER BY i.number, s.part DESC"
        )
    return [tuple(row) for row in found]


async def events(desk: Desk, *names: str) -> list[tuple[str, UUID]]:
    """Return name and subject of this centre's events of these names, in their order."""
    async with rows(desk) as con:
        found: Sequence[Any] = await con.fetch("SELECT name, subject FROM event WHERE name = ANY($1) ORDER BY happened_at, id", names)
    return [tuple(row) for row in found]
