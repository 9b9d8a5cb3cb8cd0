# SPDX-License-Identifier: Apache-2.0
"""Returns, what they say of lots and shares, and the payment orders in them; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import FileId, LotId
from desmos_fast.db.pool import Connection
from desmos_fast.returns.model import Imported

FIND: Final = "SELECT answer FROM return_file WHERE tenant_id = $1 AND sha256 = $2"
FIND_CONTENT: Final = "SELECT id FROM return_file WHERE tenant_id = $1 AND content_key = $2"
ADD: Final = """
    INSERT INTO return_file (tenant_id, id, sha256, content_key, kind, sequence, answer, sealed, imported_at, sender, dated)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
FIND_NUMBER: Final = """
    SELECT id FROM return_file WHERE tenant_id = $1 AND kind = 'rsp' AND sender = $2 AND sequence = $3 AND dated = $4 ORDER BY id LIMIT 1
"""
# The first order of a content, and how often it came.
FIND_ORDERS: Final = """
    SELECT content_key, count(*) AS times, min(ref) AS ref FROM payment_order
     WHERE tenant_id = $1 AND content_key = ANY ($2::bytea[]) GROUP BY content_key
"""
# Numbers come again after 999 lots: an answer is for the latest lot of its number and day that may have left.
NAMED_LOTS: Final = """
    SELECT DISTINCT ON (a.place) a.place, l.id, l.number, l.state, l.file_id,
           (SELECT f.state FROM file AS f WHERE f.tenant_id = $1 AND f.id = l.file_id) AS file_state,
           (SELECT f.sent_at FROM file AS f WHERE f.tenant_id = $1 AND f.id = l.file_id) AS sent_at
      FROM unnest($2::integer[], $3::text[], $4::integer[], $5::date[]) AS a (place, biller, number, day)
      JOIN lot AS l ON l.tenant_id = $1 AND l.biller = a.biller AND l.number = a.number AND l.lot_date = a.day
     WHERE l.state NOT IN ('open', 'dissolved')
     ORDER BY a.place, l.cycle DESC
"""
ANSWER_LOTS: Final = """
    UPDATE lot AS l SET state = v.state, arl_code = v.code
      FROM unnest($2::uuid[], $3::text[], $4::text[]) AS v (id, state, code)
     WHERE l.tenant_id = $1 AND l.id = v.id AND l.state = 'sent'
"""
# `pending` comes after `received`, and before a refusal, whichever file is read first.
ANSWER_SHARES: Final = """
    WITH said AS (
        SELECT m.invoice_id, m.part, CASE l.state WHEN 'accepted' THEN 'received' ELSE 'file_refused' END AS next
          FROM lot AS l JOIN lot_share AS m ON m.tenant_id = l.tenant_id AND m.lot_id = l.id AND m.live
         WHERE l.tenant_id = $1 AND l.id = ANY($2::uuid[])
    )
    UPDATE share AS s SET transport = said.next, state = CASE WHEN s.state = s.transport THEN said.next ELSE s.state END
      FROM said
     WHERE s.tenant_id = $1 AND s.invoice_id = said.invoice_id AND s.part = said.part
       AND (s.transport = 'sent' OR s.transport = 'pending' AND said.next = 'file_refused')
"""
MEMBERS: Final = """
    SELECT lot_id, invoice_id, part FROM lot_share WHERE tenant_id = $1 AND lot_id = ANY($2::uuid[]) ORDER BY lot_id, record, part
"""
ACKNOWLEDGE: Final = """
    UPDATE file AS f SET state = 'acknowledged'
     WHERE f.tenant_id = $1 AND f.id = ANY($2::uuid[]) AND f.state = 'sent'
       AND NOT EXISTS (SELECT FROM lot AS l
                        WHERE l.tenant_id = f.tenant_id AND l.file_id = f.id AND l.state IN ('open', 'sealed', 'sent'))
 RETURNING f.id
"""
ADD_ORDERS: Final = """
    INSERT INTO payment_order (tenant_id, return_file_id, id, ref, kind, payer, emitter, emitter_name, biller, payment_date, payment_ref,
                               total, line, content_key)
    SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::date[],
                                 $11::text[], $12::bigint[], $13::integer[], $14::bytea[])
"""
ADD_LINES: Final = """
    INSERT INTO order_line (tenant_id, order_id, line, biller, part, payer, status, amount, invoice_number, lot, insured_key, care_date,
                            reject_code)
    SELECT $1, * FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[],
                             $10::text[], $11::bytea[], $12::date[], $13::text[])
"""
WAITING: Final = """
    SELECT w.place, s.invoice_id, s.part
      FROM unnest($2::integer[], $3::text[], $4::bigint[], $5::bytea[], $6::text[]) AS w (place, biller, number, insured_key, part)
      LEFT JOIN moved_index AS m ON m.tenant_id = $1 AND m.former = w.insured_key
      JOIN invoice AS i
             ON i.tenant_id = $1 AND i.biller = w.biller AND i.number = w.number AND i.insured_key = coalesce(m.index, w.insured_key)
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part = w.part
     ORDER BY w.place
"""
PEND: Final = """
    UPDATE share AS s SET transport = 'pending', state = CASE WHEN s.state = s.transport THEN 'pending' ELSE s.state END
      FROM unnest($2::uuid[], $3::text[]) AS w (invoice_id, part)
     WHERE s.tenant_id = $1 AND s.invoice_id = w.invoice_id AND s.part = w.part AND s.transport IN ('sent', 'received')
 RETURNING s.invoice_id, s.part
"""


class NamedLot(NamedTuple):
    """The lot that an answer is for, and when its file was sent, if that is known; `place` is the answer's."""

    place: int
    id: LotId
    number: int
    state: str
    file: FileId
    file_state: str
    sent_at: datetime | None


class Verdict(NamedTuple):
    """What is newly known of a lot: `accepted` or `refused`, and the code given."""

    lot: LotId
    state: str
    code: str


class LotMember(NamedTuple):
    """A share of a lot."""

    lot: LotId
    invoice: UUID
    part: str


class NewOrder(NamedTuple):
    """A payment order as it is kept; `line` is its place in the file, `content_key` tells it from every other."""

    id: UUID
    ref: str
    kind: str
    payer: str
    emitter: str
    emitter_name: str | None
    biller: str
    payment_date: date
    payment_ref: str
    total: int
    line: int
    content_key: bytes


class NewLine(NamedTuple):
    """A line of a payment order as it is kept, the insured known by the blind index alone."""

    order: UUID
    line: int
    biller: str | None
    part: str | None
    payer: str
    status: str
    amount: int
    invoice_number: int | None
    lot: str | None
    insured_key: bytes | None
    care_date: date | None
    reject_code: str | None


class WaitingLine(NamedTuple):
    """An invoice of which a payer says that it waits."""

    place: int
    biller: str
    number: int
    insured_key: bytes
    part: str


class FoundShare(NamedTuple):
    """The share that a line speaks of; `place` is the line's."""

    place: int
    invoice: UUID
    part: str


class MovedShare(NamedTuple):
    """A share that took another state."""

    invoice: UUID
    part: str


async def find(con: Connection, tenant: UUID, sha256: bytes) -> Imported | None:
    """Return what was answered for these bytes, or None when they are new."""
    answer = await con.fetchval(FIND, tenant, sha256)
    return None if answer is None else msgspec.json.decode(answer, type=Imported)


async def find_content(con: Connection, tenant: UUID, content: bytes) -> UUID | None:
    """Return the id of the return with this content key, or None."""
    found: UUID | None = await con.fetchval(FIND_CONTENT, tenant, content)
    return found


class Known(NamedTuple):
    """A payment order of the same content: how often it came, and the first of them."""

    times: int
    ref: str


async def find_number(con: Connection, tenant: UUID, sender: str, sequence: int, dated: date) -> UUID | None:
    """Return the first RSP that a sender gave this number and day, or None."""
    found: UUID | None = await con.fetchval(FIND_NUMBER, tenant, sender, sequence, dated)
    return found


async def find_orders(con: Connection, tenant: UUID, keys: Sequence[bytes]) -> dict[bytes, Known]:
    """Return, by key, the orders of these contents that came before."""
    return {row["content_key"]: Known(row["times"], row["ref"]) for row in await con.fetch(FIND_ORDERS, tenant, keys)}


class NewFile(NamedTuple):
    """A return as it is kept; `content` is the key of what an RSP says."""

    answer: Imported
    content: bytes | None
    sealed: bytes
    sender: str
    dated: date


async def add(con: Connection, tenant: UUID, file: NewFile, now: datetime) -> None:
    """Keep a return with its answer."""
    answer, shown = file.answer, msgspec.json.encode(file.answer).decode()
    await con.execute(
        ADD, tenant, answer.id, bytes.fromhex(answer.sha256), file.content, answer.kind, answer.sequence, shown, file.sealed, now,
        file.sender, file.dated,
    )  # fmt: skip


async def named_lots(con: Connection, tenant: UUID, names: Sequence[tuple[str, int, date]]) -> dict[int, NamedLot]:
    """Return the lots of these billers, numbers and days, by place; those that we do not have are left out."""
    rows = await con.fetch(NAMED_LOTS, tenant, range(len(names)), *_columns(names, 3))
    return {row["place"]: NamedLot(*row) for row in rows}


async def answer_lots(con: Connection, tenant: UUID, verdicts: Sequence[Verdict]) -> list[LotMember]:
    """Move lots that were sent, and their shares, as their answers say; return every share of them."""
    lots = [verdict.lot for verdict in verdicts]
    await con.execute(ANSWER_LOTS, tenant, *_columns(verdicts, 3))
    await con.execute(ANSWER_SHARES, tenant, lots)
    return [LotMember(*row) for row in await con.fetch(MEMBERS, tenant, lots)]


async def acknowledge(con: Connection, tenant: UUID, files: Sequence[FileId]) -> list[FileId]:
    """Close those of these files whose every lot has its answer, and return them."""
    return [FileId(row["id"]) for row in await con.fetch(ACKNOWLEDGE, tenant, files)]


async def add_orders(con: Connection, tenant: UUID, file: UUID, orders: Sequence[NewOrder], lines: Sequence[NewLine]) -> None:
    """Keep the payment orders of a return and their lines."""
    await con.execute(ADD_ORDERS, tenant, file, *_columns(orders, len(NewOrder._fields)))
    await con.execute(ADD_LINES, tenant, *_columns(lines, len(NewLine._fields)))


async def find_waiting(con: Connection, tenant: UUID, lines: Sequence[WaitingLine]) -> list[FoundShare]:
    """Return the shares that these lines speak of, known by biller, number, insured and part together."""
    return [FoundShare(*row) for row in await con.fetch(WAITING, tenant, *_columns(lines, len(WaitingLine._fields)))]


async def pend(con: Connection, tenant: UUID, shares: Sequence[FoundShare]) -> list[MovedShare]:
    """Let shares wait that their payer has and has not decided; return those that moved."""
    rows = await con.fetch(PEND, tenant, [share.invoice for share in shares], [share.part for share in shares])
    return [MovedShare(*row) for row in rows]


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]
