# SPDX-License-Identifier: Apache-2.0
"""`matching settings | labels | teach | forget`: how a centre matches, on the database."""

from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import read_input

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.settlement.taught.model import SettingsShown

Account = Annotated[str, typer.Argument(help="The bank account, as its lines show it.")]
Label = Annotated[str, typer.Argument(help="The label, as a bank line shows it.")]


def settings(
    centre: Centre, new: Annotated[str | None, typer.Option("--set", help="New settings, one JSON object in a file, or -.")] = None
) -> None:
    """Show the settings of matching of a centre, or set them, whole."""
    import msgspec

    from desmos_fast.settlement.taught import service

    body = None if new is None else read_input(new)

    async def work(con: "Connection", context: "Context") -> "SettingsShown":
        return await (service.show(con, context) if body is None else service.put(con, context, body))

    print(msgspec.json.format(msgspec.json.encode(act(centre, work)), indent=1).decode())


def labels(centre: Centre, as_json: AsJson = False) -> None:
    """List the labels of bank lines that people explained."""
    import msgspec

    from desmos_fast.settlement.taught import service

    found = act(centre, service.labels)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found.labels:
        print(f"{one.account}  {one.label}  {one.payer or 'not a payer'}  {one.taught_by}, {one.taught_at:%Y-%m-%d %H:%M} UTC")


def teach(
    centre: Centre,
    account: Account,
    label: Label,
    payer: Annotated[str | None, typer.Option("--payer", help="Who it stands for, such as amo:01751.")] = None,
    nobody: Annotated[bool, typer.Option("--not-a-payer", help="It stands for no payer at all.")] = False,
) -> None:
    """Say who a label stands for; the next reconciliation follows it."""
    import msgspec

    from desmos_fast.settlement.taught import service

    if (payer is None) != nobody:
        raise typer.BadParameter("give --payer, or --not-a-payer")
    body = msgspec.json.encode({"account": account, "label": label, "payer": payer})
    made = act(centre, lambda con, context: service.teach(con, context, body))
    print(f"{made.account}  {made.label}  {made.payer or 'not a payer'}")


def forget(centre: Centre, account: Account, label: Label) -> None:
    """Let a label stand for nothing any more."""
    import msgspec

    from desmos_fast.settlement.taught import service

    body = msgspec.json.encode({"account": account, "label": label})
    act(centre, lambda con, context: service.forget(con, context, body))
    print("forgotten")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.matching.command("settings")(settings)
    groups.matching.command("labels")(labels)
    groups.matching.command("teach")(teach)
    groups.matching.command("forget")(forget)
