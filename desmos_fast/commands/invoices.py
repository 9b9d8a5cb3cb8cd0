# SPDX-License-Identifier: Apache-2.0
"""`invoices`: look through the invoices of a centre, without the people they name."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import euros

if TYPE_CHECKING:
    from desmos_fast.billing.listing.model import InvoiceLine, Wanted
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context

MOST: Final = 10_000


class Document(StrEnum):
    """What an invoice is itself, whatever became of its shares."""

    priced = "priced"
    signed = "signed"
    void = "void"


Number = Annotated[int | None, typer.Option("--number", min=1, help="Only the invoice of this number.")]
OfDocument = Annotated[Document | None, typer.Option("--document", help="Only drafts, signed ones or void ones.")]
OfShare = Annotated[str | None, typer.Option("--share", help="Only those with a share in this state: open, rejected, settled.")]
OfPayer = Annotated[str | None, typer.Option("--payer", help="Only those with a share of this payer, amo:01751; the one of --share.")]
OfExecutor = Annotated[int | None, typer.Option("--executor", min=1, max=999_999_999, help="Only those whose first act this number did.")]
CareFrom = Annotated[datetime | None, typer.Option("--care-from", formats=["%Y-%m-%d"], help="Only care from this day on.")]
CareTo = Annotated[datetime | None, typer.Option("--care-to", formats=["%Y-%m-%d"], help="Only care up to this day.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Only those that came in from this day on.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Only those that came in up to this day.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many, the newest first.")]


def invoices(
    centre: Centre, number: Number = None, document: OfDocument = None, share: OfShare = None, payer: OfPayer = None,
    executor: OfExecutor = None, care_from: CareFrom = None, care_to: CareTo = None, since: Since = None, until: Until = None,
    limit: Limit = 50, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List the invoices of a centre, the newest first: what each is worth, to whom, and what became of it."""
    from typing import get_args

    import msgspec

    from desmos_fast.billing.listing.model import ShareState, Wanted

    if share is not None and share not in get_args(ShareState):
        raise typer.BadParameter(f"a share is never {share!r}, it is one of {', '.join(get_args(ShareState))}", param_hint="--share")
    wanted = Wanted(
        number=number, document=None if document is None else document.value, share=share, payer=payer, executor=executor,
        care_since=care_from and care_from.date(), care_until=care_to and care_to.date(), since=since and since.date(),
        until=until and until.date(),
    )  # fmt: skip
    found = act(centre, lambda con, context: _first(con, context, wanted, limit))
    if as_json:
        print(msgspec.json.encode({"invoices": found}).decode())
        return
    for one in found:
        print(f"{one.number:>9}  {one.created_on}  {euros(one.total):>13}  {one.state:<16} {one.id}")
        for part in one.shares:
            print(f"{'':<11}{part.part:<8}{part.payer:<16} {euros(part.amount):>13}  {part.state}")
    print(f"{len(found)} invoices, {euros(sum(one.total for one in found))}")


async def _first(con: "Connection", context: "Context", wanted: "Wanted", limit: int) -> "list[InvoiceLine]":
    from uuid import UUID

    import msgspec

    from desmos_fast.billing.listing import service
    from desmos_fast.billing.listing.model import PAGE

    found: list[InvoiceLine] = []
    while True:
        asked = msgspec.structs.replace(wanted, limit=min(PAGE, limit - len(found)))
        page = await service.invoices(con, context, asked, str)
        found += page.invoices
        if page.next is None or len(found) >= limit:
            return found
        wanted = msgspec.structs.replace(wanted, before=UUID(page.next))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(invoices)
