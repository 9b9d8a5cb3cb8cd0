# SPDX-License-Identifier: Apache-2.0
"""Keep a decision in the words in which it was asked for."""

from typing import Any, cast
from uuid import UUID

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.decisions.model import Decision, Kind, Request
from desmos_fast.settlement.decisions.store import add_decision
from desmos_fast.settlement.model import PartRow
from desmos_fast.settlement.rules import part_name


def kind_of(asked: Request) -> Kind:
    """Return the kind of what is asked for."""
    return cast(Kind, asked.__struct_config__.tag)


async def keep(
    con: Connection, context: Context, asked: Request, subject: str | UUID, detail: dict[str, Any], part: PartRow | None = None
) -> Decision:
    """Keep what was decided and why, on the timeline of the invoice of `part`."""
    if asked.why:
        detail = {**detail, "why": mask_nir(asked.why)}
    if part is None:
        return await add_decision(con, context, kind_of(asked), str(subject), detail)
    return await add_decision(con, context, kind_of(asked), str(subject), detail, invoice=part.invoice_id, part=part.part)


async def keep_of_share(con: Connection, context: Context, asked: Request, part: PartRow, detail: dict[str, Any]) -> Decision:
    """Keep what was decided of a share."""
    return await keep(con, context, asked, part_name(part), detail, part)
