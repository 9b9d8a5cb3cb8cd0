# SPDX-License-Identifier: Apache-2.0
"""The rows of decisions. Functions take a connection and never commit."""

from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.numbers import take
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import store
from desmos_fast.settlement.decisions.model import Decision, Kind

_ENCODER: Final = msgspec.json.Encoder()

ADD: Final = """
    INSERT INTO decision (tenant_id, id, seq, kind, subject, detail, decided_by, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def add_decision(
    con: Connection, context: Context, kind: Kind, subject: str, detail: dict[str, Any], *,
    invoice: UUID | None = None, part: str | None = None,
) -> Decision:  # fmt: skip
    """Keep what a person decided, with its event `decision.<kind>`, on the timeline of `invoice` when one is given.

    Call it first in a transaction: it takes the settlement lock, so that decisions, runs and statements of a centre have one order.
    `detail` must never hold a NIR.
    """
    await store.lock(con, context.tenant)
    seq = await take(con, context.tenant, "decision", "", 1)
    # As it will be read again.
    document = _ENCODER.encode(detail).decode()
    detail = msgspec.json.decode(document)
    made = Decision(uuid7(), seq, kind, subject, detail, context.actor, context.now)
    await con.execute(ADD, context.tenant, made.id, seq, kind, subject, document, made.decided_by, made.decided_at)
    event = Event(f"decision.{kind}", made.id, invoice, part, {"seq": seq, "subject": subject, **detail})
    await journal.record(con, context.tenant, context.now, [event], by=context.actor)
    return made


FIND: Final = "SELECT id, seq, kind, subject, detail, decided_by, decided_at FROM decision WHERE tenant_id = $1 AND id = $2"


async def find_decision(con: Connection, tenant: UUID, decision: UUID) -> Decision:
    """Return one decision. Raises NotThere."""
    row = await con.fetchrow(FIND, tenant, decision)
    if row is None:
        raise NotThere("the centre has no such decision")
    return _decision(row)


def _decision(row: Any) -> Decision:
    return Decision(
        row["id"], row["seq"], row["kind"], row["subject"], msgspec.json.decode(row["detail"]), row["decided_by"], row["decided_at"]
    )
