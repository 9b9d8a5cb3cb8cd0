# SPDX-License-Identifier: Apache-2.0
"""`matches list | show` and `decide`: what was matched in a centre, why, and what a person says of it."""

from typing import TYPE_CHECKING, Annotated, Any, get_args
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import euros

if TYPE_CHECKING:
    from desmos_fast.settlement.matches.model import MatchLine

Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the newest first.")]
Filter = Annotated[str | None, typer.Option(help="Only those of it.")]
Names = Annotated[list[str] | None, typer.Option(help="A name of a record; several times for several.")]


def list_matches(
    centre: Centre, problem: Filter = None, status: Filter = None, rule: Filter = None, payer: Filter = None, invoice: Filter = None,
    credit: Filter = None, outcome: Filter = None,
    history: Annotated[bool, typer.Option("--history", help="Also those that do not hold any more.")] = False,
    limit: Limit = 50, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List what matching and people said."""
    from desmos_fast.settlement.matches import service
    from desmos_fast.settlement.matches.model import STATUSES, Wanted
    from desmos_fast.settlement.model import Outcome

    for option, given, words in (("problem", problem, ("A", "B")), ("status", status, STATUSES), ("outcome", outcome, get_args(Outcome))):
        if given is not None and given not in words:
            raise typer.BadParameter(f"one of {', '.join(words)}", param_hint=f"--{option}")
    wanted = Wanted(
        problem=problem, status=status, rule=rule, payer=payer, invoice=invoice, credit=credit, outcome=outcome,
        history=history or status == "undone", limit=limit,
    )  # fmt: skip
    found = act(centre, lambda con, context: service.listed(con, context, wanted, str))
    if as_json:
        _json(found)
        return
    for match in found.matches:
        print(_line(match))


def _line(match: "MatchLine") -> str:
    sides = f"{_few(match.left)} -> {_few(match.right)}" if match.right else _few(match.left)
    by = "" if match.decided_by == "auto" else "  by a person"
    return f"{match.id}  {match.problem} {match.rule:<5}  {match.status:<9}  {euros(match.amount)}  {sides}{_why(match)}{by}"


def _why(match: "MatchLine") -> str:
    return f"  ({match.why})" if match.why else ""


def _few(names: tuple[str, ...]) -> str:
    return " ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def show_match(centre: Centre, name: Annotated[UUID, typer.Argument(help="Its id, as the list shows it.")]) -> None:
    """Show one record as JSON: its evidence, who decided it, and the way from the books to the invoice."""
    from desmos_fast.settlement.matches import service

    _json(act(centre, lambda con, context: service.shown(con, context, name)))


def decide(
    centre: Centre,
    kind: Annotated[str, typer.Argument(help="accept, refuse, undo, match, split, unsplit, write_off, to_patient, from_patient, time_bar, "
                                             "indu_contest, indu_accept or indu_write_off.")],
    record: Annotated[UUID | None, typer.Option(help="The record that is accepted or refused.")] = None,
    match: Annotated[UUID | None, typer.Option(help="The match that is undone.")] = None,
    decision: Annotated[UUID | None, typer.Option(help="The decision whose match is undone.")] = None,
    problem: Annotated[str | None, typer.Option(help="A: a line and a share; B: credits and orders.")] = None,
    left: Names = None, right: Names = None,
    remainder: Annotated[str | None, typer.Option(help="Where the difference goes: ecart, perte, indu:PAYER, hors_facture:PAYER.")] = None,
    share: Annotated[str | None, typer.Option(help="The share, biller/number/part.")] = None,
    line: Annotated[str | None, typer.Option(help="The order line, order#line, that took back what is given up.")] = None,
    amount: Annotated[list[int] | None, typer.Option(help="Cents: of each piece, or what is open as you saw it.")] = None,
    into: Annotated[str | None, typer.Option(help="What becomes of what was claimed back: open, to_patient or written_off.")] = None,
    why: Annotated[str, typer.Option(help="The reason, for those who look later.")] = "",
    expects: Annotated[list[UUID] | None, typer.Option(help="A record that must still hold.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would be; nothing is done.")] = False,
) -> None:  # fmt: skip
    """Decide one thing, for ever, and print it as JSON."""
    import msgspec

    from desmos_fast.settlement.correcting import service

    given: dict[str, Any] = {
        "record": record, "match": match, "decision": decision, "problem": problem, "remainder": remainder, "share": share, "line": line,
        "into": into, "why": why, "expects": expects, **_sides(kind, left or [], right or []), **_amounts(kind, amount or []),
    }  # fmt: skip
    body = msgspec.json.encode({"kind": kind, **{name: value for name, value in given.items() if value}})
    _json(act(centre, lambda con, context: (service.trial if dry_run else service.decide)(con, context, body)))


def _sides(kind: str, left: list[str], right: list[str]) -> dict[str, Any]:
    if kind in ("split", "unsplit") and len(left) == 1:
        return {"left": left[0], "right": right}
    return {"left": left, "right": right}


def _amounts(kind: str, amounts: list[int]) -> dict[str, Any]:
    if kind == "split" or len(amounts) > 1:
        return {"amounts": amounts}
    return {"amount": amounts[0]} if amounts else {}


def _json(found: Any) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.matches.command("list")(list_matches)
    groups.matches.command("show")(show_match)
    app.command("decide")(decide)
