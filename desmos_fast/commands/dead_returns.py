# SPDX-License-Identifier: Apache-2.0
"""`returns dead list | show | get | retry | discard`: what came back for a centre and could not be taken."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act, take
from desmos_fast.commands.common import atomic_output

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.returns.letters.model import Taken

Name = Annotated[UUID, typer.Argument(help="Its id, as the list shows it.")]


class State(StrEnum):
    """How dead letters stand."""

    OPEN = "open"
    TAKEN = "taken"
    DISCARDED = "discarded"


class Accepted(StrEnum):
    """What a person may say is no reason to refuse."""

    REPEATED = "return_repeated"
    CONFLICT = "return_conflict"
    ORDER = "order_repeated"


def list_dead(
    centre: Centre,
    state: Annotated[State, typer.Option("--state", help="Only those in this state.")] = State.OPEN,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the returns that were refused, and the orders that came before."""
    from desmos_fast.returns.dead import service

    found = act(centre, lambda con, context: service.listed(con, context, state.value, None, limit, str))
    if as_json:
        _json(found)
        return
    for one in found.dead:
        place = "" if one.ordinal is None else f", order {one.ordinal} of return {one.return_id}"
        print(f"{one.id}  {one.noticed_at:%Y-%m-%d %H:%M} UTC  {one.state}  {one.code}{place}  {one.size} bytes  tried {one.tries}")
        print(f"  {one.detail}")
    print(f"{len(found.dead)} {state.value}")


def show(centre: Centre, name: Name) -> None:
    """Show one as JSON, with its faults."""
    from desmos_fast.returns.dead import service

    _json(act(centre, lambda con, context: service.show(con, context, name)))


def get(centre: Centre, name: Name, out: Annotated[Path, typer.Option("-o", "--out", help="Where to, or - for standard output.")]) -> None:
    """Take its bytes as they came."""
    from desmos_fast.returns.dead import service

    found = take(centre, "returns dead get", str(name), lambda con, context: service.content(con, context, name))
    with atomic_output(str(out)) as target:
        target.write(found)


def retry(
    centre: Centre,
    name: Name,
    although: Annotated[list[Accepted] | None, typer.Option("--although", help="The sender was asked: this is no reason.")] = None,
) -> None:
    """Import it after all, under the layouts of now."""
    import msgspec

    from desmos_fast.base.errors import DesmosError
    from desmos_fast.returns.dead import service

    body = msgspec.json.encode({"although": [one.value for one in although or ()]})

    async def work(con: "Connection", context: "Context") -> "Taken":
        return await service.retry(con, context, name, body)

    try:
        _json(act(centre, work))
    except DesmosError as error:
        why = error
        act(centre, lambda con, context: service.tried(con, context, name, why))
        raise


def discard(centre: Centre, name: Name, why: Annotated[str, typer.Option("--why", help="The reason, for those who look later.")]) -> None:
    """Give it up; its bytes stay."""
    import msgspec

    from desmos_fast.returns.dead import service

    body = msgspec.json.encode({"why": why})
    _json(act(centre, lambda con, context: service.discard(con, context, name, body)))


def _json(found: Any) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    dead = typer.Typer(no_args_is_help=True, help="Returns that were refused, and payment orders that came before.")
    for name, command in (("list", list_dead), ("show", show), ("get", get), ("retry", retry), ("discard", discard)):
        dead.command(name)(command)
    groups.returns.add_typer(dead, name="dead")
