# SPDX-License-Identifier: Apache-2.0
"""`payments add | list`: what patients pay at the desk of a centre."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import euros

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.settlement.desk.model import PaymentLine, PaymentPage, PaymentView


class Means(StrEnum):
    """How it was paid."""

    cash = "cash"
    card = "card"
    cheque = "cheque"
    transfer = "transfer"


class Kind(StrEnum):
    """Money that came in, or that was given back."""

    payment = "payment"
    refund = "refund"


Day = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day it was received; today without it.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Only those received from this day on.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Only those received up to this day.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the newest first.")]


def add(
    centre: Centre,
    means: Annotated[Means, typer.Option("--means", help="How it was paid.")],
    amount: Annotated[int, typer.Option("--amount", min=1, help="Cents.")],
    invoices: Annotated[list[str], typer.Option("--invoice", help="ID=CENTS, as often as there are invoices; none: it waits.")] = [],  # noqa: B006
    on: Day = None,
    reference: Annotated[str, typer.Option("--reference", help="The number of the cheque or of the slip.")] = "",
    deposit: Annotated[str | None, typer.Option("--deposit", help="PLAN=TOTAL: for care to come, worth so many cents in all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a payment: for invoices, for care to come, or for neither yet."""
    import msgspec

    from desmos_fast.settlement.desk import service
    from desmos_fast.settlement.desk.model import PaymentAsked

    body: dict[str, object] = {
        "means": means.value,
        "amount": amount,
        "reference": reference,
        "on": None if on is None else on.date().isoformat(),
        "invoices": [dict(zip(("invoice", "amount"), _pair(text, "--invoice"), strict=True)) for text in invoices],
        "deposit": None if deposit is None else dict(zip(("plan", "total"), _pair(deposit, "--deposit"), strict=True)),
    }

    async def work(con: "Connection", context: "Context") -> "PaymentView":
        return await service.take(con, context, service.read(msgspec.json.encode(body), PaymentAsked))

    found = act(centre, work)
    print(msgspec.json.encode(found).decode() if as_json else _line(found))
    for share in () if as_json else found.shares:
        print(f"  invoice {share.number}: {share.state}, {euros(share.open)} open, {euros(share.excess)} to give back")


def list_payments(
    centre: Centre,
    means: Annotated[Means | None, typer.Option("--means", help="Only those paid so.")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only payments, or only refunds.")] = None,
    invoice: Annotated[UUID | None, typer.Option("--invoice", help="Only those of one invoice.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the payments and refunds of a centre, the newest first."""
    import msgspec

    from desmos_fast.settlement.desk import service
    from desmos_fast.settlement.desk.model import Wanted

    wanted = Wanted(
        means=means and means.value, kind=kind and kind.value, invoice=invoice, since=since and since.date(),
        until=until and until.date(), limit=limit,
    )  # fmt: skip

    async def work(con: "Connection", context: "Context") -> "PaymentPage":
        return await service.listed(con, context, wanted, str)

    found = act(centre, work)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for payment in found.payments:
        print(_line(payment))


def _pair(text: str, option: str) -> tuple[str, int]:
    name, _, cents = text.rpartition("=")
    if not name or not (cents.isascii() and cents.isdigit()):
        raise typer.BadParameter(f"{option} is a name, an equals sign and cents")
    return name, int(cents)


def _line(payment: "PaymentLine") -> str:
    invoices = " ".join(str(part.number) for part in payment.parts if part.number is not None)
    rest = f"  {euros(payment.rest)} waits" if payment.rest else ""
    return f"{payment.id}  {payment.on}  {payment.means:<8}  {euros(payment.amount):>14}  {payment.state:<6}  {invoices}{rest}"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.payments.command("add")(add)
    groups.payments.command("list")(list_payments)
