# SPDX-License-Identifier: Apache-2.0
"""What every decision of a reject begins with: the body read, the invoice found, the share rejected, its code explained."""

from typing import NamedTuple, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature import rejects
from desmos_fast.nomenclature.rejects import Reject
from desmos_fast.settlement.rejects import store
from desmos_fast.settlement.rejects.model import ClaimedPart, RejectRequestInvalid, ShareNotRejected
from desmos_fast.settlement.rejects.store import Kept, ShareRow

T = TypeVar("T")


class Found(NamedTuple):
    """An invoice with its shares, and what the last code of each part that is rejected means."""

    invoice: Kept
    shares: dict[str, ShareRow]
    reasons: dict[str, Reject]


def read(body: bytes, kind: type[T]) -> T:
    """Read a body. Raises RejectRequestInvalid, which never repeats what it holds."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "see docs/reference/rejects.md for what the route takes"
        raise RejectRequestInvalid("the body is not what this route takes", hint=hint) from error


async def rejected(con: Connection, context: Context, invoice: UUID, part: ClaimedPart) -> Found:
    """Return what holds a rejected share; the caller keeps others from moving it. Raises NotThere, ShareNotRejected."""
    found = await store.find(con, context.tenant, invoice)
    shares = {} if found is None else await store.shares(con, context.tenant, invoice)
    if found is None or part not in shares:
        raise NotThere("the centre has no such share")
    if shares[part].state != "rejected":
        raise ShareNotRejected(f"the share {found.share(part)} is {shares[part].state}, not rejected")
    table = await rejects.current(con)
    refused = [name for name, share in shares.items() if share.state == "rejected"]
    codes = {row.part: row for row in await store.codes(con, context.tenant, [(invoice, name) for name in refused])}
    return Found(found, shares, {name: table.find(row.code, row.payer, row.day) for name, row in codes.items()})
