# SPDX-License-Identifier: Apache-2.0
"""`ledger verify` and `ledger balance`: whether the books of a centre still say what was posted, and what they say."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import counting, noted_head

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.settlement.ledger.model import TrialBalance, Verified


class Way(StrEnum):
    """What a trial balance is parted by."""

    account = "account"
    payer = "payer"
    executor = "executor"
    biller = "biller"
    period = "period"


First = Annotated[int, typer.Option("--from", min=1, help="The first entry to look at: stretches can be looked at apart, and at once.")]
Last = Annotated[int | None, typer.Option("--to", min=1, help="The last entry to look at; without it, the end.")]
Anchor = Annotated[str | None, typer.Option("--head", help="ENTRY:HASH as an earlier run told it: that entry must still have that hash.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Only what was posted from this day on.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Only what was posted up to this day.")]


def verify(centre: Centre, first: First = 1, last: Last = None, head: Anchor = None, as_json: AsJson = False) -> None:
    """Look whether the chain of the ledger holds: exit 1 when an entry was changed, removed, added or moved, and say which first."""
    import msgspec

    from desmos_fast.settlement.ledger import service
    from desmos_fast.settlement.ledger.model import Head

    anchor = None if head is None else Head(*noted_head(head))
    with counting("Entries") as progress:

        async def work(con: "Connection", context: "Context") -> "Verified":
            return await service.verify(con, context.tenant, progress, first=first, last=last, anchor=anchor)

        found = act(centre, work)
    print(msgspec.json.encode(found).decode() if as_json else _told(found))
    if not found.holds:
        raise typer.Exit(1)


def balance(
    centre: Centre,
    by: Annotated[Way, typer.Option("--by", help="A line for each account, or for each kind of account of each payer...")] = Way.account,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Print a trial balance of a centre; it sums to zero, and so does each payer, executor and month in it."""
    import msgspec

    from desmos_fast.settlement.ledger import service

    async def work(con: "Connection", context: "Context") -> "TrialBalance":
        days = (None if day is None else day.date() for day in (since, until))
        return await service.balance(con, context, by.value, *days)

    found = act(centre, work)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for row in found.rows:
        print(f"{row.name:<24}  {row.account:<44}  {_euros(row.debit):>16}  {_euros(row.credit):>16}  {_euros(row.balance):>16}")
    totals = found.totals
    print(f"{'':<24}  {'total':<44}  {_euros(totals.debit):>16}  {_euros(totals.credit):>16}  {_euros(totals.balance):>16}")


def _told(found: "Verified") -> str:
    end = f"{found.entries} entries looked at; the ledger ends at {found.head}:{found.hash}"
    if found.holds:
        return f"the chain holds: {end}"
    first = found.breaks[0]
    what = f" ({first.event} {first.ref})" if first.event else ""
    return f"THE CHAIN IS BROKEN in {found.broken} places, first at entry {first.entry}: {first.why}{what}\n{end}"


def _euros(cents: int) -> str:
    sign, whole = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.ledger.command("verify")(verify)
    groups.ledger.command("balance")(balance)
