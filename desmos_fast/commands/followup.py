# SPDX-License-Identifier: Apache-2.0
"""`followup show | list | settings | set`, `reminders list | show | letter | sent | cancel` and `audit tp`, on the database of a centre."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act, take
from desmos_fast.commands.common import euros

if TYPE_CHECKING:
    from desmos_fast.settlement.dunning.model import Page
    from desmos_fast.settlement.model import Tally

ListName = Literal["outstanding", "late", "penalties", "forclusion", "indus", "orders", "credits"]
Payer = Annotated[str | None, typer.Option("--payer", help="Only this payer, such as amo:01751.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")]
Name = Annotated[UUID, typer.Argument(help="Its id, as the list shows it.")]


def show(centre: Centre, as_json: AsJson = False) -> None:
    """Show the figures of the follow-up."""
    from desmos_fast.settlement import service

    found = act(centre, service.dashboard).follow_up
    if as_json:
        _json(found)
        return
    for row in found.ageing:
        ages = "  ".join(f"{age}: {euros(one.cents)}" for age, one in row.ages.items())
        print(f"{row.payer:<16}{_tally(row.total)}, late {_tally(row.late)}  [{ages}]")
    for penalty in found.penalties:
        print(f"penalties   {penalty.payer:<16}due {_tally(penalty.due)}, running {_tally(penalty.running)}")
    for stage, one in found.forclusion.items():
        print(f"forclusion  {stage:<16}{_tally(one)}")
    for indu in found.indus:
        print(f"taken back  {indu.payer:<16}identified {_tally(indu.identified)}, not {_tally(indu.unidentified)}")
    print(f"orders without credit {_tally(found.orders_uncredited)}")


def list_(
    centre: Centre,
    name: Annotated[ListName, typer.Argument(help="Which list.")],
    payer: Payer = None,
    kind: Annotated[str | None, typer.Option("--kind", help="The age, status, stage or kind, as the list has it.")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", help="What follows: `next` of the page before.")] = None,
) -> None:
    """Print one page of a list as JSON, the oldest first."""
    from desmos_fast.base.errors import InvalidInput
    from desmos_fast.settlement.dunning import service
    from desmos_fast.settlement.dunning.model import FILTERS, Wanted
    from desmos_fast.settlement.dunning.rules import is_kind

    after = None if cursor is None else service.read_place(cursor)
    if cursor is not None and after is None:
        raise InvalidInput("a cursor is taken as it was given, from `next`")
    if kind is not None and not is_kind(name, kind):
        raise typer.BadParameter(f"{name} is filtered by {', '.join(FILTERS[name][1]) or 'the payer alone'}")

    async def work(con: Any, context: Any) -> "Page":
        return await service.listed(con, context, name, Wanted(after=after, limit=limit, payer=payer, kind=kind))

    _json(act(centre, work))


def settings(centre: Centre, as_json: AsJson = False) -> None:
    """Show the delays, penalties and schedules that hold today, and where each comes from."""
    from desmos_fast.settlement.dunning import service

    found = act(centre, service.show_terms)
    if as_json:
        _json(found)
        return
    for one in found.terms:
        print(f"{one.name:<26}{one.value:<14}{one.payer or '':<18}{one.confidence:<8}{one.source}")


def set_(
    centre: Centre,
    name: Annotated[str, typer.Argument(help="Such as amc.delay; `followup settings` shows them.")],
    source: Annotated[str, typer.Option("--source", help="Where it comes from: a contract, a letter, a text.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="From this day on.")],
    value: Annotated[str | None, typer.Argument(help="Such as '45 calendar'; without one, own settings hold no more.")] = None,
    payer: Payer = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Up to this day.")] = None,
) -> None:
    """Make a setting of the centre's own."""
    import msgspec

    from desmos_fast.settlement.dunning import service
    from desmos_fast.settlement.dunning.model import TermAsked, TermSet

    last = None if until is None else until.date()
    body = msgspec.json.encode(TermAsked(name=name, value=value, since=since.date(), until=last, payer=payer, source=source))

    async def work(con: Any, context: Any) -> TermSet:
        return await service.set_term(con, context, body)

    _json(act(centre, work))


def list_reminders(
    centre: Centre,
    state: Annotated[str | None, typer.Option("--state", help="open, sent, cancelled or settled.")] = None,
    payer: Payer = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the reminders of a centre, the newest first."""
    from desmos_fast.settlement.dunning.reminders import service
    from desmos_fast.settlement.dunning.reminders.model import ReminderPage, Wanted

    async def work(con: Any, context: Any) -> ReminderPage:
        return await service.listed(con, context, Wanted(state=state, payer=payer, limit=limit), str)

    found = act(centre, work)
    if as_json:
        _json(found)
        return
    for one in found.reminders:
        whom = one.payer or one.account or one.rule
        print(f"{one.id}  {one.day}  {one.rule:<10} {one.level}  {one.state:<9}  {whom:<18} {one.items} items  {euros(one.amount)}")


def show_reminder(centre: Centre, name: Name) -> None:
    """Show one reminder as JSON, with its list."""
    from desmos_fast.settlement.dunning.reminders import service

    _json(act(centre, lambda con, context: service.show(con, context, name)))


def letter(centre: Centre, name: Name, html: Annotated[bool, typer.Option("--html", help="As a page.")] = False) -> None:
    """Print the letter of a reminder, in French."""
    from desmos_fast.settlement.dunning.reminders import service

    form: Literal["html", "txt"] = "html" if html else "txt"
    print(take(centre, "reminders letter", str(name), lambda con, context: service.letter(con, context, name, form)), end="")


def sent(centre: Centre, name: Name) -> None:
    """Say that a reminder was sent, with what is open of it now."""
    from desmos_fast.settlement.dunning.reminders import service

    _json(act(centre, lambda con, context: service.send(con, context, name)))


def cancel(centre: Centre, name: Name, why: Annotated[str, typer.Option("--why", help="The reason, for those who look later.")]) -> None:
    """Cancel a reminder; what it is about is not reminded of again at that level."""
    import msgspec

    from desmos_fast.settlement.dunning.reminders import service

    body = msgspec.json.encode({"why": why})
    _json(act(centre, lambda con, context: service.cancel(con, context, name, body)))


def audit_tp(
    centre: Centre,
    quarter: Annotated[str, typer.Option("--quarter", help="Such as 2026Q3.")],
    as_json: AsJson = False,
    html: Annotated[bool, typer.Option("--html", help="Print a page with its charts, in French.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print Markdown, in French; so it is without an option.")] = False,
) -> None:
    """Report on a quarter of third-party payment: rejects, days to pay, ageing, forclusion, penalties."""
    from desmos_fast.settlement.dunning.audit import service

    if as_json + html + md > 1:
        raise typer.BadParameter("one of --json, --html and --md")
    form = "json" if as_json else "html" if html else "md"
    print(take(centre, "audit tp", quarter, lambda con, context: service.write(con, context, quarter, form)), end="\n" if as_json else "")


def _json(found: Any) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def _tally(one: "Tally") -> str:
    return f"{euros(one.cents)} ({one.count})"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.followup.command("show")(show)
    groups.followup.command("list")(list_)
    groups.followup.command("settings")(settings)
    groups.followup.command("set")(set_)
    groups.reminders.command("list")(list_reminders)
    groups.reminders.command("show")(show_reminder)
    groups.reminders.command("letter")(letter)
    groups.reminders.command("sent")(sent)
    groups.reminders.command("cancel")(cancel)
    groups.audit.command("tp")(audit_tp)
