# SPDX-License-Identifier: Apache-2.0
"""`webhooks list | add | end | rotate | replay`: where a centre is told of what happens, on the database."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.webhooks.model import NewWebhook

Name = Annotated[UUID, typer.Argument(help="Its id, as `webhooks list` shows it.")]


def show(centre: Centre, as_json: AsJson = False) -> None:
    """List the webhooks of a centre, what waits for them, and what was given up."""
    import msgspec

    from desmos_fast.base.clock import system_clock
    from desmos_fast.webhooks import service

    found = act(centre, lambda con, context: service.show(con, context, system_clock()))
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found.webhooks:
        print(f"{one.id}  {one.url}  {','.join(one.events) or 'all'}  {one.waiting} wait, {one.dead} dead")


def add(
    centre: Centre,
    url: Annotated[str, typer.Argument(help="An https:// URL.")],
    events: Annotated[list[str] | None, typer.Option("--event", help="Tell of this event; without one, of all.")] = None,
) -> None:
    """Tell a URL of what happens in a centre; its secret is printed this once."""
    import msgspec

    from desmos_fast.base.settings import load
    from desmos_fast.webhooks import service
    from desmos_fast.webhooks.sender import check_host

    body = msgspec.json.encode({"url": url, "events": events or []})

    async def work(con: "Connection", context: "Context") -> "NewWebhook":
        asked = service.read_subscription(body)
        await check_host(asked.url, load().webhook_hosts)
        return await service.add(con, context, asked)

    made = act(centre, work)
    print(f"{made.id}  {made.secret}")
    print("Keep this secret now: it cannot be shown again.", file=sys.stderr)


def end(centre: Centre, name: Name) -> None:
    """Tell a webhook nothing more."""
    from desmos_fast.webhooks import service

    act(centre, lambda con, context: service.end(con, context, name))
    print(name)


def rotate(
    centre: Centre,
    name: Name,
    overlap: Annotated[int, typer.Option(min=0, max=604_800, help="For how many seconds the former secret signs too.")] = 86_400,
) -> None:
    """Change the secret of a webhook; the new one is printed this once."""
    from desmos_fast.base.clock import system_clock
    from desmos_fast.webhooks import service
    from desmos_fast.webhooks.model import SecretAsked

    made = act(centre, lambda con, context: service.rotate(con, context, name, SecretAsked(overlap), system_clock()))
    print(f"{made.id}  {made.secret}")
    print("Keep this secret now: it cannot be shown again.", file=sys.stderr)


def replay(
    centre: Centre,
    name: Name,
    since: Annotated[datetime | None, typer.Option("--from", help="Since when, in UTC: 2026-11-25T08:00:00.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", help="Up to when, in UTC.")] = None,
    event: Annotated[UUID | None, typer.Option("--event", help="The one event of this id instead.")] = None,
) -> None:
    """Tell a webhook again of everything from an instant on, or of one event."""
    from datetime import UTC

    from desmos_fast.webhooks import service

    if (since is None) == (event is None) or (until is not None and since is None):
        raise typer.BadParameter("give --from, with or without --to, or --event")
    what: service.Again
    if event is not None:
        what = event
    else:
        assert since is not None
        what = since.replace(tzinfo=UTC), None if until is None else until.replace(tzinfo=UTC)
    found = act(centre, lambda con, context: service.replay(con, context, name, what))
    print(f"{found.queued} to be told again")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.webhooks.command("list")(show)
    groups.webhooks.command("add")(add)
    groups.webhooks.command("end")(end)
    groups.webhooks.command("rotate")(rotate)
    groups.webhooks.command("replay")(replay)
