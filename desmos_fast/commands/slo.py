# SPDX-License-Identifier: Apache-2.0
"""`slo rules`: the contract's availability as rules of Prometheus."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups

if TYPE_CHECKING:
    from monitoring.slo.model import Contract, Fault

From = Annotated[Path | None, typer.Option("--contract", help="Folder of the files of the contract; without it, that of the program.")]


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.slo.command()(rules)


def rules(
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path("monitoring/rules"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 unless the files there are those that would be written.")
    ] = False,
    contract: From = None,
) -> None:
    """Write recording rules and alerts from the files of the contract. Each of their faults is one JSON line on standard error, exit 1."""
    from desmos_fast.commands.common import exit_faulty, make_folder, write_together
    from monitoring.slo.rules import rule_files
    from monitoring.slo.yaml import dump

    made = {name: (HEAD + dump(told)).encode() for name, told in rule_files(_contract(contract)).items()}
    if not check:
        make_folder(to)
        write_together([(to / name, content) for name, content in made.items()])
        return
    # A file that nothing makes any more is still loaded.
    there = {path.name: path.read_bytes() for path in to.glob("*.yaml")}
    differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    for name in differing:
        print(f"{to / name} is not what the contract says: run `desmos-fast slo rules`", file=sys.stderr)
    if differing:
        exit_faulty()


HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Written by `desmos-fast slo rules` from the files of the contract.\n"


def _contract(folder: Path | None) -> "Contract":
    from desmos_fast.commands.common import exit_faulty
    from monitoring.slo.model import SloInvalid
    from monitoring.slo.reading import FOLDER, read_contract

    try:
        return read_contract(FOLDER if folder is None else folder)
    except SloInvalid as error:
        _print(error.faults)
        exit_faulty()


def _print(faults: "Iterable[Fault]") -> None:
    import msgspec

    for fault in faults:
        sys.stderr.write(msgspec.json.encode(fault).decode() + "\n")
