# SPDX-License-Identifier: Apache-2.0
"""Lots, files and the shares in them; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from desmos_fast.base.types import FileId, LotId
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import copy_out
from desmos_fast.db.pool import Connection
from desmos_fast.lots.model import Waiting
from desmos_fast.lots.recipients.model import Place
from desmos_fast.lots.signing import LotPlace, Signature, SignedLot

HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('shares of ' || $1, 2))"
TRY_HOLD: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('shares of ' || $1, 2))"
# A share whose state says more than its transport was decided otherwise: it waits for no lot.
# OFFSET 0 keeps each invoice looked up by its key: of a table that was never analysed the planner expects one row, and nests scans.
WAITING: Final = """
    SELECT i.id, w.whole, w.apart
      FROM (SELECT s.invoice_id, bool_or(s.flow = 1) AS whole, bool_or(s.flow = 2) AS apart
              FROM share AS s
             WHERE s.tenant_id = $1 AND s.flow > 0 AND s.state IN ('open', 'file_refused') AND s.transport = s.state
             GROUP BY s.invoice_id) AS w
     CROSS JOIN LATERAL (SELECT id, number, state, biller FROM invoice WHERE tenant_id = $1 AND id = w.invoice_id OFFSET 0) AS i
     WHERE i.state = 'signed' AND i.biller = $2
     ORDER BY i.number
"""
WAITING_KINDS: Final = (Kind.UUID, Kind.BOOL, Kind.BOOL)
CONTENTS: Final = """
    SELECT i.id, i.number, i.sealed, i.content_hash, i.destination, i.amc_number, i.executor_am, i.care_date, i.security, i.fees, i.amo,
           i.amc, i.amc_sum
      FROM unnest($2::uuid[]) AS w (id)
     CROSS JOIN LATERAL (SELECT * FROM invoice WHERE tenant_id = $1 AND id = w.id OFFSET 0) AS i
     ORDER BY i.number
"""
CONTENTS_KINDS: Final = (
    Kind.UUID, Kind.INT8, Kind.BYTEA, Kind.BYTEA, Kind.INT4, Kind.INT8, Kind.INT8, Kind.DATE, Kind.TEXT, Kind.INT8, Kind.INT8, Kind.INT8,
    Kind.INT8,
)  # fmt: skip
TAKEN: Final = "SELECT value FROM counter WHERE tenant_id = $1 AND kind = $2 AND name = $3"
UNANSWERED: Final = "SELECT number FROM lot WHERE tenant_id = $1 AND biller = $2 AND state IN ('open', 'sealed', 'sent')"
ADD_FILE: Final = """
    INSERT INTO file (tenant_id, id, biller, sequence, name, created_on, state, profile, size, sha256, sealed, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10, $11)
"""
ADD_LOT: Final = """
    INSERT INTO lot (tenant_id, id, biller, cycle, number, flow, destination, amc_number, security, lot_date, state, invoices, fees, amo,
                     amc, file_id, signed_by, signature, first_record, records, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'sealed', $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
"""
# The other shares of a lot that is built again go with it: they were decided otherwise, and stand in no live lot any more.
RETIRE: Final = """
    WITH old AS (
        SELECT DISTINCT s.lot_id
          FROM unnest($2::uuid[], $3::smallint[]) AS c (invoice_id, flow)
          JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = c.invoice_id AND s.flow = c.flow
         WHERE s.state = 'file_refused' AND s.transport = 'file_refused'
    ), gone AS (
        UPDATE lot_share AS m SET live = false FROM old WHERE m.tenant_id = $1 AND m.lot_id = old.lot_id AND m.live
    )
    UPDATE lot AS l SET state = 'replaced' FROM old WHERE l.tenant_id = $1 AND l.id = old.lot_id AND l.state = 'refused' RETURNING l.id
"""
# One statement, so that each share is looked up once: the rows of a build are many.
LOT_SHARES: Final = """
    WITH moved AS (
        UPDATE share AS s SET transport = 'lotted', state = 'lotted', lot_id = c.lot_id
          FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::integer[]) AS c (lot_id, invoice_id, flow, record)
         WHERE s.tenant_id = $1 AND s.invoice_id = c.invoice_id AND s.flow = c.flow
           AND s.state IN ('open', 'file_refused') AND s.transport = s.state
     RETURNING s.invoice_id, s.part, s.lot_id, s.flow, c.record
    ), kept AS (
        INSERT INTO lot_share (tenant_id, lot_id, invoice_id, part, record) SELECT $1, lot_id, invoice_id, part, record FROM moved
    )
    SELECT invoice_id, part, lot_id, flow FROM moved
"""
PLACES: Final = "SELECT DISTINCT destination, flow, amc_number FROM lot WHERE tenant_id = $1 AND file_id = $2"
FIND_FILE: Final = "SELECT id, name, state, sha256, sealed FROM file WHERE tenant_id = $1 AND id = $2"
SIGNED: Final = """
    SELECT biller, number, lot_date, first_record, records, signed_by, signature
      FROM lot WHERE tenant_id = $1 AND file_id = $2 AND signature IS NOT NULL
"""
SEND_FILE: Final = """
    UPDATE file SET state = 'sent', sent_at = $3 WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'dead') RETURNING name
"""
SEND_LOTS: Final = "UPDATE lot SET state = 'sent' WHERE tenant_id = $1 AND file_id = $2 AND state = 'sealed' RETURNING id"
SEND_SHARES: Final = """
    UPDATE share AS s SET transport = 'sent', state = CASE WHEN s.state = s.transport THEN 'sent' ELSE s.state END
      FROM lot_share AS m
     WHERE m.tenant_id = $1 AND m.lot_id = ANY($2::uuid[]) AND m.live
       AND s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part AND s.transport = 'lotted'
 RETURNING s.invoice_id, s.part, s.lot_id, s.flow
"""
GIVE_UP: Final = "UPDATE file SET state = 'dead' WHERE tenant_id = $1 AND id = $2 AND state = 'queued' RETURNING name"


class NewFile(NamedTuple):
    """A file as it is kept."""

    id: FileId
    biller: str
    sequence: int
    name: str
    created_on: date
    profile: str
    size: int
    sha256: bytes
    sealed: bytes


class NewLot(NamedTuple):
    """A sealed lot as it is kept; `destination` is regime, caisse and centre as a number of nine digits."""

    id: LotId
    biller: str
    cycle: int
    number: int
    flow: int
    destination: int
    amc_number: int
    security: str
    lot_date: date
    invoices: int
    fees: int
    amo: int
    amc: int
    file_id: FileId
    signed_by: str | None = None
    signature: bytes | None = None
    first_record: int | None = None
    records: int | None = None


class Member(NamedTuple):
    """One encoded invoice in a lot; `record` is the place, from 1, of its first record in the file."""

    lot_id: LotId
    invoice_id: UUID
    flow: int
    record: int


class Moved(NamedTuple):
    """A share that took another state."""

    invoice: UUID
    part: str
    lot: LotId
    flow: int


class Queue(NamedTuple):
    """Invoices that wait, in order of number: their ids, 16 bytes each, and a byte each that says whether flow 1 and flow 2 wait."""

    ids: bytes
    whole: bytes
    apart: bytes

    def some(self, start: int, count: int) -> "Queue":
        """Return up to `count` of them from a place on."""
        end = start + count
        return Queue(self.ids[16 * start : 16 * end], self.whole[start:end], self.apart[start:end])


class KeptFile(NamedTuple):
    """A file as it was kept, and those of its lots that were signed."""

    id: FileId
    name: str
    state: str
    sha256: bytes
    sealed: bytes
    signed: Sequence[SignedLot]


async def hold(con: Connection, tenant: UUID) -> None:
    """Keep everyone else from moving the shares of a centre between payers, files and lots until the transaction ends."""
    await con.execute(HOLD, str(tenant))


async def try_hold(con: Connection, tenant: UUID) -> bool:
    """Do as `hold` does if nobody moves them now, else return False at once."""
    return bool(await con.fetchval(TRY_HOLD, str(tenant)))


async def waiting(con: Connection, tenant: UUID, biller: str) -> Queue:
    """Return which of the biller's invoices wait for a lot."""
    columns: tuple[Any, ...] = await copy_out(con, WAITING, tenant, biller, types=WAITING_KINDS)
    return Queue(b"".join(columns[0]), bytes(columns[1]), bytes(columns[2]))


async def contents(con: Connection, tenant: UUID, queue: Queue) -> Waiting:
    """Return what is kept of invoices that wait; they are in order of number."""
    ids = [UUID(bytes=queue.ids[at : at + 16]) for at in range(0, len(queue.ids), 16)]
    columns: tuple[Any, ...] = await copy_out(con, CONTENTS, tenant, ids, types=CONTENTS_KINDS)
    flags = {"whole": list(map(bool, queue.whole)), "apart": list(map(bool, queue.apart))}
    found = dict(zip(Waiting.__struct_fields__, columns, strict=False))
    return Waiting(**found | {"ids": [UUID(bytes=one) for one in columns[0]]} | flags)


async def taken(con: Connection, tenant: UUID, kind: str, biller: str) -> int:
    """Return how far a counter of the biller is, of its lots or files; `hold` keeps it there."""
    return int(await con.fetchval(TAKEN, tenant, kind, biller) or 0)


async def unanswered(con: Connection, tenant: UUID, biller: str) -> set[int]:
    """Return the numbers of the biller's lots that have no answer yet."""
    return {row["number"] for row in await con.fetch(UNANSWERED, tenant, biller)}


async def add_files(con: Connection, tenant: UUID, files: Sequence[NewFile], now: datetime) -> None:
    """Keep files that are queued."""
    await con.executemany(ADD_FILE, [(tenant, *file, now) for file in files])


async def add_lots(con: Connection, tenant: UUID, lots: Sequence[NewLot], now: datetime) -> None:
    """Keep lots that are sealed."""
    await con.executemany(ADD_LOT, [(tenant, *lot, now) for lot in lots])


async def retire(con: Connection, tenant: UUID, members: Sequence[Member]) -> list[LotId]:
    """Replace the refused lots of shares that go in new ones, and return them."""
    rows = await con.fetch(RETIRE, tenant, [member.invoice_id for member in members], [member.flow for member in members])
    return [LotId(row["id"]) for row in rows]


async def fill(con: Connection, tenant: UUID, members: Sequence[Member]) -> list[Moved]:
    """Put the shares that wait in their lots, both parts of an invoice in its lot of flow 1, and return them."""
    lots, invoices, flows, records = zip(*members, strict=True)
    return [Moved(*row) for row in await con.fetch(LOT_SHARES, tenant, lots, invoices, flows, records)]


async def find_file(con: Connection, tenant: UUID, file: FileId) -> KeptFile | None:
    """Return a file of the tenant, or None."""
    row = await con.fetchrow(FIND_FILE, tenant, file)
    if row is None:
        return None
    signed = [SignedLot(LotPlace(*lot[:5]), Signature(*lot[5:])) for lot in map(tuple, await con.fetch(SIGNED, tenant, file))]
    return KeptFile(**dict(row), signed=signed)


async def places(con: Connection, tenant: UUID, file: FileId) -> list[Place]:
    """Return where the lots of a file go."""
    return [Place(row["destination"], row["flow"], row["amc_number"]) for row in await con.fetch(PLACES, tenant, file)]


async def send(con: Connection, tenant: UUID, file: FileId, now: datetime) -> tuple[str, list[Moved]] | None:
    """Say that a file left, with its lots and their shares; return its name and the shares, or None when it was said before."""
    name = await con.fetchval(SEND_FILE, tenant, file, now)
    if name is None:
        return None
    lots = [row["id"] for row in await con.fetch(SEND_LOTS, tenant, file)]
    return str(name), [Moved(*row) for row in await con.fetch(SEND_SHARES, tenant, lots)]


async def give_up(con: Connection, tenant: UUID, file: FileId) -> str | None:
    """Say that a file that was queued is dead; return its name, or None when it was in another state."""
    name = await con.fetchval(GIVE_UP, tenant, file)
    return None if name is None else str(name)
