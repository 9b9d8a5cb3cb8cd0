# SPDX-License-Identifier: Apache-2.0
"""`agent bridges list | show | run`: imaging programs, and the patient of the moment."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from readers.bridges.model import Bridge

Table = Annotated[Path | None, typer.Option("--table", help="A table of programs of your own, in the form of the one that is built in.")]
Name = Annotated[str, typer.Argument(help="The id of a program, as `agent bridges list` shows it.")]


def show_all(table: Table = None, as_json: AsJson = False) -> None:
    """List the imaging programs that are known, how each is told of a patient, and how sure that is. None was ever tried."""
    import msgspec

    from readers.bridges.rules import TABLE, registry

    found = registry(table or TABLE)
    if as_json:
        print(msgspec.json.encode(list(found.values())).decode())
        return
    for one in found.values():
        print(f"{one.id:12}  {one.kind:12}  {one.protocol:9}  {one.confidence:6}  {one.product}")


def show(name: Name, table: Table = None) -> None:
    """Show what is known of one program, as JSON."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(_one(name, table)), indent=2).decode())


def run(
    name: Name,
    patient: Annotated[str, typer.Option("--patient", help="The patient, a JSON object in a file; `-` is standard input.")] = "-",
    program: Annotated[str, typer.Option("--program", help="Where the program is, when it is not where it usually is.")] = "",
    images: Annotated[str, typer.Option("--images", help="The folder of images, for the programs that are told one.")] = "",
    file: Annotated[str, typer.Option("--file", help="Where the program reads the patient, when it is not where it usually does.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there already.")] = False,
    wait: Annotated[float, typer.Option("--wait", min=0.0, max=600.0, help="Seconds after which the patient's file is removed.")] = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    table: Table = None,
) -> None:
    """Start an imaging program with a patient: number, last_name, first_name, birth_date (AAAAMMJJ), gender (M, F, O). Never the NIR."""
    import msgspec

    from desmos_fast.commands.common import read_input
    from readers.bridges.launch import launch
    from readers.bridges.model import BridgeRefused, Patient
    from readers.bridges.rules import plan

    bridge = _one(name, table)
    try:
        who = msgspec.json.decode(read_input(patient), type=Patient)
    except msgspec.MsgspecError:
        # Without the cause: it may quote what stands there.
        raise BridgeRefused("the patient is an object with number, last_name, first_name, birth_date and gender") from None
    made = plan(bridge, who, program, images, file)
    told = made if dry_run else launch(bridge, made, wait, replace=replace)
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


def _one(name: str, table: Path | None) -> "Bridge":
    from readers.bridges.model import BridgeRefused
    from readers.bridges.rules import TABLE, registry

    found = registry(table or TABLE).get(name)
    if found is None:
        raise BridgeRefused(f"no program is called {name}", hint="desmos-fast agent bridges list")
    return found


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.add_typer(groups.bridges, name="bridges")
    groups.bridges.command("list")(show_all)
    groups.bridges.command("show")(show)
    groups.bridges.command("run")(run)
