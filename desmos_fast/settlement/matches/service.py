# SPDX-License-Identifier: Apache-2.0
"""A centre looks through what was matched and decided."""

from collections.abc import Callable
from uuid import UUID

from desmos_fast.base.errors import NotThere
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.matches import store
from desmos_fast.settlement.matches.model import DecisionPage, MatchPage, MatchView, Wanted

Cursor = Callable[[UUID], str]


async def listed(con: Connection, context: Context, wanted: Wanted, cursor: Cursor) -> MatchPage:
    """Return one page of records; `cursor` writes the place where the next one begins."""
    found = await store.records(con, context.tenant, wanted, await _named(con, context, wanted))
    return MatchPage(found[: wanted.limit], cursor(found[wanted.limit - 1].id) if len(found) > wanted.limit else None)


async def _named(con: Connection, context: Context, wanted: Wanted) -> list[UUID] | None:
    named: list[set[UUID]] = []
    if wanted.invoice is not None:
        biller, _, number = wanted.invoice.partition("/")
        known = number.isascii() and number.isdigit() and len(number) < 10
        named.append(set(await store.of_invoice(con, context.tenant, biller, int(number)) if known else ()))
    if wanted.credit is not None:
        named.append(set(await store.of_credit(con, context.tenant, wanted.credit)))
    return list(set.intersection(*named)) if named else None


async def shown(con: Connection, context: Context, record: UUID) -> MatchView:
    """Return one record with all that led to it. Raises NotThere."""
    found = await store.chain(con, context.tenant, record)
    if found is None:
        raise NotThere("the centre has no such record")
    return found


async def decisions(
    con: Connection, context: Context, kind: str | None, subject: str | None, before: UUID | None, limit: int, cursor: Cursor
) -> DecisionPage:
    """Return one page of decisions, the newest first."""
    found = await store.decisions(con, context.tenant, kind, subject, before, limit)
    return DecisionPage(found[:limit], cursor(found[limit - 1].id) if len(found) > limit else None)
