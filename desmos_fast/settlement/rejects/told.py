# SPDX-License-Identifier: Apache-2.0
"""What a reject says to those who read of it: the event carries the code, and in French what it means and what there is to do."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.nomenclature import rejects
from desmos_fast.nomenclature.rejects import Reject
from desmos_fast.settlement.rejects import store

REJECTED: Final = "share.rejected"


async def explained(con: Connection, tenant: UUID, events: Sequence[Event]) -> list[Event]:
    """Return events with, in those of rejects, what the code means on the day of its payment order."""
    told = {(event.invoice, event.part) for event in events if event.name == REJECTED and event.invoice and event.part}
    if not told:
        return list(events)
    table = await rejects.current(con)
    words: dict[tuple[UUID | None, str | None], dict[str, object]] = {
        (row.invoice, row.part): said(table.find(row.code, row.payer, row.day))
        for row in await store.codes(con, tenant, [(invoice, part) for invoice, part in told if invoice and part])
    }
    return [
        event._replace(detail={**(event.detail or {}), **words.get((event.invoice, event.part), {})}) if event.name == REJECTED else event
        for event in events
    ]


def said(found: Reject) -> dict[str, object]:
    """Return what an event says of a reject."""
    return {"class": found.name, "label": found.label, "owner": found.owner, "action": found.action}
