# SPDX-License-Identifier: Apache-2.0
"""What a person decides of a reject without billing again: a claim was sent to the payer, somebody takes care of it."""

from typing import Final
from uuid import UUID

from desmos_fast.anomalies.service import why_of
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.decisions.store import add_decision
from desmos_fast.settlement.posting import share_moves
from desmos_fast.settlement.rejects import store
from desmos_fast.settlement.rejects.asked import read, rejected
from desmos_fast.settlement.rejects.model import Assigned, AssignRequest, Claimed, ClaimedPart, ClaimRequest, ShareNotRejected

SENT: Final = frozenset({"sent", "received", "pending"})


async def claim(con: Connection, context: Context, invoice: UUID, part: ClaimedPart, body: bytes) -> Claimed:
    """Note that a claim was sent: the share waits again, and what was said of it so far counts for nothing.

    Raises NotThere, ShareNotRejected, RejectRequestInvalid, WhyMissing.
    """
    asked = read(body, ClaimRequest)
    why, tenant = why_of(asked.why), context.tenant
    await settlement.lock(con, tenant)
    await lots.hold(con, tenant)
    found = await rejected(con, context, invoice, part)
    share = found.invoice.share(part)
    if found.shares[part].transport not in SENT:
        raise ShareNotRejected(f"the share {share} is with no payer: sending says {found.shares[part].transport}")
    lines = tuple(await store.claim(con, tenant, invoice, part))
    detail = {"lines": lines, "reference": mask_nir(asked.reference), "why": why}
    decision = await add_decision(con, context, "claim", share, detail, invoice=invoice, part=part)
    moves, events = share_moves(await settlement.share_lines(con, tenant, [(invoice, part)], []), ())
    await settlement.move_shares(con, tenant, moves)
    if moves[0].state == "pending":
        events.append(Event("share.pending", invoice, invoice, part, {"decision": str(decision.id)}))
    await journal.record(con, tenant, context.now, events, by=context.actor)
    return Claimed(share=share, state=moves[0].state, lines=lines, decision=decision.id)


async def assign(con: Connection, context: Context, invoice: UUID, part: ClaimedPart, body: bytes) -> Assigned:
    """Give a reject to a person, or back to the owner of its class. Raises NotThere, ShareNotRejected, RejectRequestInvalid."""
    asked = read(body, AssignRequest)
    await settlement.lock(con, context.tenant)
    found = await rejected(con, context, invoice, part)
    share = found.invoice.share(part)
    person = None if asked.to is None else mask_nir(asked.to.strip()) or None
    decision = await add_decision(con, context, "assign", share, {"to": person}, invoice=invoice, part=part)
    return Assigned(share=share, assigned_to=person, decision=decision.id)
