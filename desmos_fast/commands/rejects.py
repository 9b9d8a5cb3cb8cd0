# SPDX-License-Identifier: Apache-2.0
"""`rejects codes | list | figures | payments | recycle | claim | assign`: what payers refuse, and what is done about it."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import euros, read_input

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.settlement.rejects.model import Recycled, RejectShown, Wanted


class Part(StrEnum):
    """The parts that payers refuse."""

    AMO = "amo"
    AMC = "amc"


class Age(StrEnum):
    """Days since the payment order that refused."""

    FIRST = "0-7"
    SECOND = "8-30"
    THIRD = "31-60"
    FOURTH = "61-90"
    LAST = ">90"


class Owner(StrEnum):
    """Who deals with a reject in the centre."""

    BILLER = "biller"
    PRACTITIONER = "practitioner"
    SECRETARIAT = "secretariat"
    TP_MANAGER = "tp_manager"


Invoice = Annotated[UUID, typer.Argument(help="The id of the invoice, as the list shows it.")]
OfPart = Annotated[Part, typer.Argument(help="Which part of it.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for those who look later; no name of a patient.")]
OfClass = Annotated[str | None, typer.Option("--class", help="Only those of this class.")]
OfAge = Annotated[Age | None, typer.Option("--age", help="Only those of this age in days.")]
OfOwner = Annotated[Owner | None, typer.Option("--owner", help="Only those of this owner.")]
OfCode = Annotated[str | None, typer.Option("--code", help="Only those with this code.")]
OfPayer = Annotated[str | None, typer.Option("--payer", help="Only those of this payer: amo:01751.")]
OfPerson = Annotated[str | None, typer.Option("--assigned", help="Only those that this person takes care of.")]


def codes(
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Those of this day; today by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the codes of rejects mean, by the pack of DESMOS_TARIFFS or of the program; no other code is refused for that."""
    import msgspec

    from desmos_fast.base.clock import paris_date, system_clock
    from desmos_fast.nomenclature.rejects import table_of
    from desmos_fast.nomenclature.tariffs import load_tariffs

    table, day = table_of(load_tariffs()), on.date() if on is not None else paris_date(system_clock())
    rows: list[dict[str, Any]] = []
    for row in table.codes:
        if row.in_force(day):
            said = table.find(row.code, row.payer_kind, day)
            rows.append({
                "code": row.code, "payer_kind": row.payer_kind, "class": row.name, "owner": row.owner or said.owner, "label": row.label,
                "action": row.action or said.action, "since": row.since, "until": row.until, "confidence": row.confidence,
                "source": row.source,
            })  # fmt: skip
    if as_json:
        print(msgspec.json.encode({"on": day, "codes": rows}).decode())
        return
    for one in rows:
        print(f"{one['code']:<10} {one['payer_kind']:<4} {one['class']:<11} {one['owner']:<13} {one['label']}\n{'':<10} -> {one['action']}")
    print(f"{len(rows)} codes on {day}; every other code is of class unknown, of {table.kind('unknown', day).owner}")


def list_rejects(
    centre: Centre, kind: OfClass = None, age: OfAge = None, owner: OfOwner = None, code: OfCode = None, payer: OfPayer = None,
    assigned: OfPerson = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List what was rejected and is to be dealt with, the oldest invoices first."""
    import msgspec

    wanted = _wanted(kind, age, owner, code, payer, assigned)
    found = act(centre, lambda con, context: _all(con, context, wanted))
    if as_json:
        print(msgspec.json.encode({"rejects": found}).decode())
        return
    for one in found:
        person = f"  {one.assigned_to}" if one.assigned_to else ""
        print(f"{one.invoice} {one.part}  {one.share}  {one.payer}  {euros(one.open)} open  {one.days} days  {one.owner_fr}{person}")
        print(f"  {one.code or '(no code)'} {one.label}\n  -> {one.action}")
    print(f"{len(found)} rejected, {euros(sum(one.open for one in found))} open")


async def _all(con: "Connection", context: "Context", wanted: "Wanted") -> "list[RejectShown]":
    from desmos_fast.settlement.rejects import service
    from desmos_fast.settlement.rejects.model import PAGE

    found: list[RejectShown] = []
    after: tuple[UUID, str] | None = None
    while True:
        page = await service.listed(con, context, wanted, after, PAGE, lambda invoice, part: f"{invoice}/{part}")
        found += page.rejects
        if page.next is None:
            return found
        after = (found[-1].invoice, found[-1].part)


def figures(
    centre: Centre, kind: OfClass = None, age: OfAge = None, owner: OfOwner = None, code: OfCode = None, payer: OfPayer = None,
    assigned: OfPerson = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Count what `list` lists, by class, owner and age."""
    import msgspec

    from desmos_fast.settlement.rejects import service

    wanted = _wanted(kind, age, owner, code, payer, assigned)
    found = act(centre, lambda con, context: service.figures(con, context, wanted))
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found.tallies:
        print(f"{one.name:<11} {one.owner:<13} {one.age:<6} {one.count:>7}  {euros(one.cents)}  {one.label}")
    print(f"{found.count} rejected, {euros(found.cents)} open")


def payments(centre: Centre, invoice: Invoice, part: OfPart) -> None:
    """Show as JSON the payments that a share may have had already."""
    from desmos_fast.settlement.rejects import service

    _json(act(centre, lambda con, context: service.payments(con, context, invoice, part.value)))


def recycle(
    centre: Centre, invoice: Invoice, part: OfPart, why: Why,
    corrections: Annotated[str | None, typer.Option("--corrections", help="Merged into the invoice: one JSON object, or -.")] = None,
    parts: Annotated[list[Part] | None, typer.Option("--part", help="Bill these parts together; by default the one named.")] = None,
    amount_may_change: Annotated[bool, typer.Option("--amount-may-change", help="Another amount than the open one is right.")] = False,
    allow_late: Annotated[bool, typer.Option("--allow-late", help="Bill care that is too old.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be billed, and do nothing.")] = False,
) -> None:  # fmt: skip
    """Bill a rejected part again, corrected, under a new number; show as JSON what became of it."""
    import msgspec

    from desmos_fast.billing.intake import Terms
    from desmos_fast.nomenclature.service import TariffBook
    from desmos_fast.settlement.rejects import recycling

    merged = b"{}" if corrections is None else read_input(corrections)
    body = msgspec.json.encode({
        "why": why, "parts": [one.value for one in parts or ()], "corrections": msgspec.Raw(merged), "amount_may_change": amount_may_change,
    })  # fmt: skip

    async def work(con: "Connection", context: "Context") -> "Recycled":
        terms = Terms(await TariffBook().current(con), allow_late)
        return await recycling.recycle(con, context, invoice, part.value, body, terms, validate_only=dry_run)

    _json(act(centre, work))


def claim(
    centre: Centre, invoice: Invoice, part: OfPart, why: Why,
    reference: Annotated[str, typer.Option("--reference", help="What the centre calls the claim.")] = "",
) -> None:  # fmt: skip
    """Note that a claim was sent to the payer: the share waits again."""
    import msgspec

    from desmos_fast.settlement.rejects import deciding

    body = msgspec.json.encode({"why": why, "reference": reference})
    _json(act(centre, lambda con, context: deciding.claim(con, context, invoice, part.value, body)))


def assign(
    centre: Centre, invoice: Invoice, part: OfPart,
    to: Annotated[str | None, typer.Option("--to", help="Who takes care of it; without it, the owner of its class does.")] = None,
) -> None:  # fmt: skip
    """Give a reject to a person, or back to the owner of its class."""
    import msgspec

    from desmos_fast.settlement.rejects import deciding

    body = msgspec.json.encode({"to": to})
    _json(act(centre, lambda con, context: deciding.assign(con, context, invoice, part.value, body)))


def _wanted(
    kind: str | None, age: Age | None, owner: Owner | None, code: str | None, payer: str | None, assigned: str | None
) -> "Wanted":  # fmt: skip
    from desmos_fast.settlement.rejects.model import Wanted
    from desmos_fast.settlement.rejects.rules import AGES

    youngest, oldest = (None, None) if age is None else next((first, last) for name, first, last in AGES if name == age.value)
    return Wanted(
        name=kind, owner=None if owner is None else owner.value, code=code, payer=payer, assigned=assigned, youngest=youngest, oldest=oldest
    )


def _json(found: Any) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    for name, command in (
        ("codes", codes), ("list", list_rejects), ("figures", figures), ("payments", payments), ("recycle", recycle), ("claim", claim),
        ("assign", assign),
    ):  # fmt: skip
        groups.rejects.command(name)(command)
