# SPDX-License-Identifier: Apache-2.0
"""A centre looks through its invoices."""

from collections.abc import Callable
from uuid import UUID

from desmos_fast.billing import rules
from desmos_fast.billing.listing import store
from desmos_fast.billing.listing.model import InvoiceLine, InvoicePage, ShareLine, Wanted
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context

_AS_THEY_ARE = (
    "id", "number", "biller", "document", "created_on", "care_date", "total", "from_amo", "from_amc", "desk", "third_party", "security",
    "supersedes",
)  # fmt: skip


async def invoices(con: Connection, context: Context, wanted: Wanted, cursor: Callable[[UUID], str]) -> InvoicePage:
    """Return one page of the centre's invoices; `cursor` writes the place where the next one begins."""
    only = None
    if wanted.number is not None:
        only = await store.numbered(con, context.tenant, context.finess, wanted.number)
        if only is None:
            return InvoicePage([], None)
    rows, last = await store.invoices(con, context.tenant, wanted, only)
    return InvoicePage([_line(row) for row in rows], None if last is None else cursor(last))


def _line(row: store.Row) -> InvoiceLine:
    # A draft has no share.
    states = row["states"] or ()
    flags = [name for name in ("conflict", "ack_missing") if row[name]]
    shares = map(ShareLine, row["parts"] or (), row["payers"] or (), row["flows"] or (), row["amounts"] or (), states)
    return InvoiceLine(
        **{name: row[name] for name in _AS_THEY_ARE},
        state=rules.document_state(row["document"], states, flags),
        executor=f"{row['executor_am']:09d}",
        shares=list(shares),
    )
