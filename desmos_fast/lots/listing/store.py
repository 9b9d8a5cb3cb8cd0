# SPDX-License-Identifier: Apache-2.0
"""Reads of lots and files; the caller owns the transaction."""

from typing import Final
from uuid import UUID

import asyncpg
import orjson

from desmos_fast.base.types import FileId, LotId
from desmos_fast.db.pool import Connection
from desmos_fast.lots.listing.model import FileLine, FileName, LotInvoice, LotLine, LotPart, Told, Wanted
from desmos_fast.lots.rules import place_of

LOT: Final = """
    SELECT l.id, l.number, l.cycle, l.state, l.flow, l.destination, l.amc_number, l.security, l.lot_date, l.invoices, l.fees, l.amo,
           l.amc, l.arl_code, l.file_id, f.name
      FROM lot AS l JOIN file AS f ON f.tenant_id = $1 AND f.id = l.file_id
     WHERE l.tenant_id = $1
"""
# Ids are made in the order of time: the key of the table gives the newest first, and a page costs the same at any depth.
LOTS: Final = (
    LOT
    + """
       AND ($2::uuid IS NULL OR l.id < $2) AND ($3::text IS NULL OR l.state = $3)
       AND ($4::date IS NULL OR l.lot_date >= $4) AND ($5::date IS NULL OR l.lot_date <= $5)
       AND ($6::integer IS NULL OR l.destination BETWEEN $6 AND $7)
     ORDER BY l.id DESC LIMIT $8
"""
)
ONE_LOT: Final = LOT + " AND l.id = $2"
LOTS_OF_FILE: Final = LOT + " AND l.file_id = $2 ORDER BY l.cycle, l.number"
FILE: Final = """
    SELECT f.id, f.name, f.sequence, f.state, f.created_on, f.profile, f.size, f.sha256, f.created_at, f.sent_at, t.*
      FROM file AS f
     CROSS JOIN LATERAL (
           SELECT count(*) AS lots, coalesce(sum(l.invoices), 0)::bigint AS invoices, coalesce(sum(l.fees), 0)::bigint AS fees,
                  coalesce(sum(l.amo), 0)::bigint AS amo, coalesce(sum(l.amc), 0)::bigint AS amc
             FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id
           ) AS t
     WHERE f.tenant_id = $1
"""
FILES: Final = (
    FILE
    + """
       AND ($2::uuid IS NULL OR f.id < $2) AND ($3::text IS NULL OR f.state = $3)
       AND ($4::date IS NULL OR f.created_on >= $4) AND ($5::date IS NULL OR f.created_on <= $5)
       AND ($6::integer IS NULL OR EXISTS (
           SELECT FROM lot AS l WHERE l.tenant_id = $1 AND l.file_id = f.id AND l.destination BETWEEN $6 AND $7))
     ORDER BY f.id DESC LIMIT $8
"""
)
ONE_FILE: Final = FILE + " AND f.id = $2"
CONTENTS: Final = """
    SELECT i.id, i.number, min(m.record) AS record,
           array_agg(s.part ORDER BY s.part DESC) AS parts, array_agg(s.state ORDER BY s.part DESC) AS states,
           array_agg(m.live ORDER BY s.part DESC) AS live
      FROM lot_share AS m
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part
      JOIN invoice AS i ON i.tenant_id = $1 AND i.id = m.invoice_id
     WHERE m.tenant_id = $1 AND m.lot_id = $2
     GROUP BY i.id, i.number
     ORDER BY record
"""
# What happened to a lot or a file, not to one invoice in it: those are told on the invoice.
TIMELINE: Final = """
    SELECT happened_at, name, actor, detail FROM event
     WHERE tenant_id = $1 AND subject = ANY($2::uuid[]) AND invoice_id IS NULL
     ORDER BY happened_at, id
"""
Row = asyncpg.Record


def _bounds(wanted: Wanted) -> tuple[object, ...]:
    # One row more than the page tells whether there is another one.
    return wanted.before, wanted.state, wanted.since, wanted.until, wanted.low, wanted.high, wanted.limit + 1


async def lots(con: Connection, tenant: UUID, wanted: Wanted) -> list[LotLine]:
    """Return one lot more than the page, if there is one."""
    return [_lot(row) for row in await con.fetch(LOTS, tenant, *_bounds(wanted))]


async def files(con: Connection, tenant: UUID, wanted: Wanted) -> list[FileLine]:
    """Return one file more than the page, if there is one."""
    return [_file(row) for row in await con.fetch(FILES, tenant, *_bounds(wanted))]


async def lot(con: Connection, tenant: UUID, name: LotId) -> LotLine | None:
    """Return a lot of the tenant, or None."""
    row = await con.fetchrow(ONE_LOT, tenant, name)
    return None if row is None else _lot(row)


async def file(con: Connection, tenant: UUID, name: FileId) -> FileLine | None:
    """Return a file of the tenant, or None."""
    row = await con.fetchrow(ONE_FILE, tenant, name)
    return None if row is None else _file(row)


async def lots_of(con: Connection, tenant: UUID, name: FileId) -> list[LotLine]:
    """Return the lots of a file in its order."""
    return [_lot(row) for row in await con.fetch(LOTS_OF_FILE, tenant, name)]


async def contents(con: Connection, tenant: UUID, name: LotId) -> list[LotInvoice]:
    """Return the invoices in a lot, in the order of the file."""
    return [
        LotInvoice(row["id"], row["number"], row["record"], list(map(LotPart, row["parts"], row["states"], row["live"])))
        for row in await con.fetch(CONTENTS, tenant, name)
    ]


async def timeline(con: Connection, tenant: UUID, *subjects: UUID) -> list[Told]:
    """Return what happened to lots and files, in order."""
    return [
        Told(row["happened_at"], row["name"], row["actor"], None if row["detail"] is None else orjson.loads(row["detail"]))
        for row in await con.fetch(TIMELINE, tenant, subjects)
    ]


def _lot(row: Row) -> LotLine:
    return LotLine(
        id=row["id"], number=row["number"], cycle=row["cycle"], state=row["state"], flow=row["flow"],
        destination="/".join(place_of(row["destination"])), amc_number=f"{row['amc_number']:010d}" if row["flow"] == 2 else None,
        security=row["security"], date=row["lot_date"], invoices=row["invoices"], fees=row["fees"], amo=row["amo"], amc=row["amc"],
        arl_code=row["arl_code"], file=FileName(row["file_id"], row["name"]),
    )  # fmt: skip


def _file(row: Row) -> FileLine:
    return FileLine(
        id=row["id"], name=row["name"], sequence=row["sequence"], state=row["state"], date=row["created_on"], profile=row["profile"],
        size=row["size"], sha256=row["sha256"].hex(), created_at=row["created_at"], sent_at=row["sent_at"], lots=row["lots"],
        invoices=row["invoices"], fees=row["fees"], amo=row["amo"], amc=row["amc"],
    )  # fmt: skip
