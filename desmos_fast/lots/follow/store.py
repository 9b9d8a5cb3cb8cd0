# SPDX-License-Identifier: Apache-2.0
"""Files on their way, in the database; the caller owns the transaction and holds the shares of the centre."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.base.types import FileId, LotId, TenantId
from desmos_fast.db.pool import Connection
from desmos_fast.lots.follow.model import DeadAck, StageTotal, Totals
from desmos_fast.lots.store import Moved

TENANTS: Final = "SELECT every_tenant()"
# Whoever cancels a file and whoever begins to hand it over wait for each other here.
FILE: Final = "SELECT state, name, sent_at, leaving_at, resends FROM file WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
LEAVING: Final = """
    UPDATE file AS f SET leaving_at = coalesce(f.leaving_at, $3)
     WHERE f.tenant_id = $1 AND f.id = $2 AND f.state IN ('queued', 'dead')
       AND EXISTS (SELECT FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id AND l.state IN ('sealed', 'sent'))
 RETURNING f.id
"""
CANCEL_FILE: Final = "UPDATE file SET state = 'cancelled' WHERE tenant_id = $1 AND id = $2"
DISSOLVE: Final = "UPDATE lot SET state = 'dissolved' WHERE tenant_id = $1 AND file_id = $2 AND state = 'sealed' RETURNING id"
UNLOT: Final = """
    UPDATE share AS s SET transport = 'open', state = CASE WHEN s.state = s.transport THEN 'open' ELSE s.state END, lot_id = NULL
      FROM lot_share AS m
     WHERE m.tenant_id = $1 AND m.lot_id = ANY($2::uuid[]) AND m.live
       AND s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part AND s.transport = 'lotted'
 RETURNING s.invoice_id, s.part, m.lot_id, s.flow
"""
EMPTY: Final = "UPDATE lot_share SET live = false WHERE tenant_id = $1 AND lot_id = ANY($2::uuid[]) AND live"
AWAIT: Final = "UPDATE file SET ack_due = $3, resend_due = $4 WHERE tenant_id = $1 AND id = $2"
OVERDUE: Final = """
    SELECT id, ack_due, resend_due <= $2 AS resend, resends
      FROM file WHERE tenant_id = $1 AND state = 'sent' AND ack_due < $2 ORDER BY ack_due, id
"""
MISS: Final = """
    UPDATE lot SET ack_missing_at = $3
     WHERE tenant_id = $1 AND file_id = ANY($2::uuid[]) AND state = 'sent' AND ack_missing_at IS NULL
 RETURNING id, file_id
"""
MEMBERS: Final = """
    SELECT m.invoice_id, m.part, m.lot_id, s.flow
      FROM lot_share AS m JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part
     WHERE m.tenant_id = $1 AND m.lot_id = ANY($2::uuid[]) AND m.live
     ORDER BY m.lot_id, m.record, m.part
"""
MISSING: Final = """
    SELECT DISTINCT file_id FROM lot
     WHERE tenant_id = $1 AND file_id = ANY($2::uuid[]) AND state = 'sent' AND ack_missing_at IS NOT NULL
"""
AGAIN: Final = """
    UPDATE file SET state = 'queued', resends = resends + 1 WHERE tenant_id = $1 AND id = $2 AND state = 'sent' RETURNING resends
"""
LATE: Final = """
    SELECT count(DISTINCT i.id) FILTER (WHERE i.third_party = 'none') AS paid,
           count(DISTINCT i.id) FILTER (WHERE i.third_party <> 'none') AS third_party,
           min(i.signed_at) AS oldest
      FROM share AS s CROSS JOIN LATERAL (SELECT * FROM invoice WHERE tenant_id = $1 AND id = s.invoice_id OFFSET 0) AS i
     WHERE s.tenant_id = $1 AND s.flow > 0 AND s.state = 'open' AND s.transport = 'open' AND i.state = 'signed'
       AND i.signed_at < CASE WHEN i.third_party = 'none' THEN $2::timestamptz ELSE $3::timestamptz END
"""
# Anything but `sent` in transport and state is a word of the payer's: it has the lot.
GIVE_UP: Final = """
    UPDATE lot AS l SET state = 'refused'
     WHERE l.tenant_id = $1 AND l.id = $2 AND l.state = 'sent' AND l.ack_missing_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM lot_share AS m JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part
                        WHERE m.tenant_id = $1 AND m.lot_id = l.id AND m.live AND (s.transport <> 'sent' OR s.announced <> 0))
 RETURNING l.file_id
"""
LOT: Final = "SELECT state FROM lot WHERE tenant_id = $1 AND id = $2"
REFUSE_SHARES: Final = """
    UPDATE share AS s SET transport = 'file_refused', state = CASE WHEN s.state = s.transport THEN 'file_refused' ELSE s.state END
      FROM lot_share AS m
     WHERE m.tenant_id = $1 AND m.lot_id = $2 AND m.live
       AND s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part AND s.transport = 'sent'
 RETURNING s.invoice_id, s.part, m.lot_id, s.flow
"""
# One that was to leave again for nothing but lots that were given up since stays where it is.
REST: Final = """
    UPDATE file AS f SET state = 'sent'
     WHERE f.tenant_id = $1 AND f.id = $2 AND f.state = 'queued' AND f.sent_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id AND l.state IN ('open', 'sealed', 'sent'))
"""
# A file is closed once nothing of it is awaited: by its answers, or, when there was none at all, for good.
CLOSE: Final = """
    UPDATE file AS f
       SET state = CASE WHEN EXISTS (SELECT FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id AND l.arl_code IS NOT NULL)
                        THEN 'acknowledged' ELSE 'dead' END
     WHERE f.tenant_id = $1 AND f.id = $2 AND f.state = 'sent'
       AND NOT EXISTS (SELECT FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id AND l.state IN ('open', 'sealed', 'sent'))
 RETURNING f.state
"""
LINK: Final = """
    INSERT INTO lot_replaced (tenant_id, lot_id, replaces)
    SELECT DISTINCT n.tenant_id, n.lot_id, o.lot_id
      FROM lot_share AS o JOIN lot_share AS n ON n.tenant_id = $1 AND n.invoice_id = o.invoice_id AND n.part = o.part AND n.live
     WHERE o.tenant_id = $1 AND o.lot_id = ANY($2::uuid[])
 RETURNING lot_id, replaces
"""
ADD_DEAD: Final = """
    INSERT INTO dead_ack (tenant_id, id, return_file_id, why, biller, lot, lot_date, says, code, record, noticed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
DEAD: Final = """
    SELECT id, return_file_id, why, biller, lot, lot_date, says, code, record, noticed_at
      FROM dead_ack WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2
"""
# What was signed, counted from the invoices themselves in the order of the file; the amounts are those of their flow.
SIGNED: Final = """
    SELECT count(*)::integer AS claims, coalesce(sum(i.fees), 0)::bigint AS fees, coalesce(sum(i.amo), 0)::bigint AS amo,
           coalesce(sum(CASE c.flow WHEN 1 THEN i.amc ELSE i.amc_sum END), 0)::bigint AS amc,
           sha256(coalesce(string_agg(i.content_hash, ''::bytea ORDER BY c.record), ''::bytea)) AS hash
      FROM (SELECT DISTINCT m.invoice_id, m.record, l.flow
              FROM lot AS l JOIN lot_share AS m ON m.tenant_id = $1 AND m.lot_id = l.id
             WHERE l.tenant_id = $1 AND l.file_id = $2) AS c
     CROSS JOIN LATERAL (SELECT * FROM invoice WHERE tenant_id = $1 AND id = c.invoice_id OFFSET 0) AS i
"""
LOTS: Final = """
    SELECT cycle, number, flow, destination, amc_number, security, invoices, fees, amo, amc
      FROM lot WHERE tenant_id = $1 AND file_id = $2 ORDER BY id
"""
FILE_HASH: Final = "SELECT sha256 FROM file WHERE tenant_id = $1 AND id = $2"
ANSWERS: Final = """
    SELECT state, coalesce(arl_code, '') AS code, invoices, fees, amo, amc
      FROM lot WHERE tenant_id = $1 AND file_id = $2 AND state IN ('accepted', 'refused', 'replaced') ORDER BY id
"""
ADD_STAGE: Final = """
    INSERT INTO stage_total (tenant_id, trace, stage, claims, fees, amo, amc, hash, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, trace, stage) DO NOTHING
"""
# signed = in live lots + waiting + void, part by part. What was decided otherwise goes on waiting as far as sending is concerned.
UNPLACED: Final = """
    SELECT abs(s.signed - s.waiting - s.void - m.live)
      FROM (SELECT count(*) AS signed, count(*) FILTER (WHERE state = 'void') AS void,
                   count(*) FILTER (WHERE state <> 'void' AND (transport = 'open' OR transport = 'file_refused' AND NOT EXISTS (
                       SELECT FROM lot_share AS l
                        WHERE l.tenant_id = $1 AND l.invoice_id = share.invoice_id AND l.part = share.part AND l.live
                   ))) AS waiting
              FROM share WHERE tenant_id = $1 AND flow > 0) AS s
     CROSS JOIN (SELECT count(*) AS live FROM lot_share WHERE tenant_id = $1 AND live) AS m
"""
# Files that left = acknowledged + awaited + dead; one that is queued again is awaited.
MISPLACED: Final = """
    SELECT count(*) FROM file
     WHERE tenant_id = $1
       AND (sent_at IS NOT NULL)
           <> (state IN ('sent', 'acknowledged') OR state = 'queued' AND resends > 0 OR state = 'dead' AND sent_at IS NOT NULL)
"""
STAGES: Final = "SELECT stage, claims, fees, amo, amc, hash FROM stage_total WHERE tenant_id = $1 AND trace = $2"


class FileOnItsWay(NamedTuple):
    """Where a file stands."""

    state: str
    name: str
    sent_at: datetime | None
    leaving_at: datetime | None
    resends: int


class Overdue(NamedTuple):
    """A file whose answer is late; `resend` says that it is time to send it again."""

    id: FileId
    ack_due: date
    resend: bool | None
    resends: int


class Missed(NamedTuple):
    """A lot of which it was just noticed that its answer is missing."""

    id: LotId
    file: FileId


class Late(NamedTuple):
    """How many invoices wait for longer than they may, and since when the oldest does."""

    paid: int
    third_party: int
    oldest: datetime | None


class LotTotal(NamedTuple):
    """What a lot says of itself."""

    cycle: int
    number: int
    flow: int
    destination: int
    amc_number: int
    security: str
    invoices: int
    fees: int
    amo: int
    amc: int


class LotAnswer(NamedTuple):
    """The answer to a lot, and what it counts."""

    state: str
    code: str
    invoices: int
    fees: int
    amo: int
    amc: int


async def tenants(con: Connection) -> list[TenantId]:
    """Return every centre; the rows of each are seen in a transaction of its own."""
    return [TenantId(row[0]) for row in await con.fetch(TENANTS)]


async def find_file(con: Connection, tenant: UUID, file: FileId) -> FileOnItsWay | None:
    """Return where a file stands, or None, and keep it there until the transaction ends."""
    row = await con.fetchrow(FILE, tenant, file)
    return None if row is None else FileOnItsWay(*row)


async def leaving(con: Connection, tenant: UUID, now: datetime, file: FileId) -> bool:
    """Say that a file is about to be handed over; return False when it is not to leave any more."""
    return await con.fetchval(LEAVING, tenant, file, now) is not None


async def cancel(con: Connection, tenant: UUID, file: FileId) -> tuple[list[LotId], list[Moved]]:
    """Cancel a file and dissolve its lots; return them, and the shares that wait again."""
    await con.execute(CANCEL_FILE, tenant, file)
    lots = [LotId(row["id"]) for row in await con.fetch(DISSOLVE, tenant, file)]
    moved = [Moved(*row) for row in await con.fetch(UNLOT, tenant, lots)]
    await con.execute(EMPTY, tenant, lots)
    return lots, moved


async def await_answer(con: Connection, tenant: UUID, file: FileId, due: date, resend: date) -> None:
    """Set until when a file that left must be answered, and when it is sent again otherwise."""
    await con.execute(AWAIT, tenant, file, due, resend)


async def overdue(con: Connection, tenant: UUID, today: date) -> list[Overdue]:
    """Return the files whose answer should have come before today."""
    return [Overdue(*row) for row in await con.fetch(OVERDUE, tenant, today)]


async def miss(con: Connection, tenant: UUID, now: datetime, files: Sequence[FileId]) -> tuple[list[Missed], list[Moved]]:
    """Raise the alarm for the lots of these files that have no answer; return those for which it was not, and their shares."""
    lots = [Missed(*row) for row in await con.fetch(MISS, tenant, files, now)]
    return lots, [Moved(*row) for row in await con.fetch(MEMBERS, tenant, [lot.id for lot in lots])]


async def still_missing(con: Connection, tenant: UUID, files: Sequence[FileId]) -> set[FileId]:
    """Return those of these files that have a lot whose answer is missing."""
    return {FileId(row["file_id"]) for row in await con.fetch(MISSING, tenant, files)}


async def queue_again(con: Connection, tenant: UUID, file: FileId) -> int | None:
    """Queue a file that was sent; return how often that was done, or None when it is not `sent`."""
    times: int | None = await con.fetchval(AGAIN, tenant, file)
    return times


async def late(con: Connection, tenant: UUID, paid: datetime, third_party: datetime) -> Late:
    """Count the invoices that wait for a lot and were signed before these moments."""
    row = await con.fetchrow(LATE, tenant, paid, third_party)
    assert row is not None, "an aggregate gives its row"
    return Late(*row)


async def give_up(con: Connection, tenant: UUID, lot: LotId) -> tuple[FileId, list[Moved]] | None:
    """Hold a lot for refused whose answer is missing; return its file and the shares that wait, or None when it is not missing."""
    file = await con.fetchval(GIVE_UP, tenant, lot)
    return None if file is None else (FileId(file), [Moved(*row) for row in await con.fetch(REFUSE_SHARES, tenant, lot)])


async def lot_state(con: Connection, tenant: UUID, lot: LotId) -> str | None:
    """Return the state of a lot, or None."""
    state: str | None = await con.fetchval(LOT, tenant, lot)
    return state


async def close(con: Connection, tenant: UUID, file: FileId) -> str | None:
    """Close a file of which nothing is awaited any more, and return its state; None when something is."""
    await con.execute(REST, tenant, file)
    state: str | None = await con.fetchval(CLOSE, tenant, file)
    return state


async def link(con: Connection, tenant: UUID, replaced: Sequence[LotId]) -> list[tuple[LotId, LotId]]:
    """Keep which lots took the place of these; return pairs of new and old."""
    return [(LotId(row["lot_id"]), LotId(row["replaces"])) for row in await con.fetch(LINK, tenant, replaced)]


async def add_dead(con: Connection, tenant: UUID, dead: Sequence[DeadAck]) -> None:
    """Keep answers that no lot takes."""
    await con.executemany(
        ADD_DEAD,
        [(tenant, one.id, one.return_id, one.why, one.biller, one.lot, one.lot_date, one.says, one.code, one.record, one.noticed_at)
         for one in dead],
    )  # fmt: skip


async def dead(con: Connection, tenant: UUID, most: int) -> list[DeadAck]:
    """Return such answers, the latest first."""
    return [DeadAck(*row) for row in await con.fetch(DEAD, tenant, most)]


async def signed(con: Connection, tenant: UUID, file: FileId) -> StageTotal:
    """Count what was signed of a file."""
    row = await con.fetchrow(SIGNED, tenant, file)
    assert row is not None, "an aggregate gives its row"
    return StageTotal("signed", Totals(row["claims"], row["fees"], row["amo"], row["amc"]), bytes(row["hash"]))


async def lots(con: Connection, tenant: UUID, file: FileId) -> list[LotTotal]:
    """Return what the lots of a file say, in their order."""
    return [LotTotal(*row) for row in await con.fetch(LOTS, tenant, file)]


async def file_hash(con: Connection, tenant: UUID, file: FileId) -> bytes:
    """Return the SHA-256 of a file as it was laid out."""
    return bytes(await con.fetchval(FILE_HASH, tenant, file))


async def answers(con: Connection, tenant: UUID, file: FileId) -> list[LotAnswer]:
    """Return the answers to the lots of a file."""
    return [LotAnswer(*row) for row in await con.fetch(ANSWERS, tenant, file)]


async def unplaced(con: Connection, tenant: UUID) -> int:
    """Return by how many the parts that were signed differ from those in live lots, waiting or void."""
    return int(await con.fetchval(UNPLACED, tenant))


async def misplaced(con: Connection, tenant: UUID) -> int:
    """Return how many files left and are in no state of one that did, or the other way round."""
    return int(await con.fetchval(MISPLACED, tenant))


async def add_stages(con: Connection, tenant: UUID, now: datetime, file: FileId, stages: Sequence[StageTotal]) -> None:
    """Keep what a file comes to at stages; what was kept of one stays."""
    await con.executemany(ADD_STAGE, [(tenant, file, one.stage, *one.totals, one.hash, now) for one in stages])


async def stages(con: Connection, tenant: UUID, file: FileId) -> dict[str, StageTotal]:
    """Return what was kept of a file, by stage."""
    rows = await con.fetch(STAGES, tenant, file)
    return {row["stage"]: StageTotal(row["stage"], Totals(*row[1:5]), bytes(row["hash"])) for row in rows}
