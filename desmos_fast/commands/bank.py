# SPDX-License-Identifier: Apache-2.0
"""`bank parse`: a statement becomes bank lines."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, read_input, working

if TYPE_CHECKING:
    from desmos_fast.settlement.bank.model import BankFault


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.bank.command("parse")(parse)


def print_bank_faults(faults: "Iterable[BankFault]") -> None:
    """Write each fault or warning as one JSON line on standard error."""
    import msgspec

    for fault in faults:
        sys.stderr.write(msgspec.json.encode(fault).decode() + "\n")
    sys.stderr.flush()


def parse(
    file: Annotated[str, typer.Argument(help="The statement, or - for standard input.")],
    format_: Annotated[Literal["auto", "cfonb120"], typer.Option("--format", help="The format; auto looks at the first bytes.")] = "auto",
    output: Annotated[str, typer.Option("-o", "--output", help="Where the lines go, one JSON object each.")] = "-",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Read a bank statement and write one canonical line a movement."""
    import msgspec

    from desmos_fast.settlement.bank import read_statement
    from desmos_fast.settlement.bank.model import BankRefused

    data = read_input(file)
    try:
        with working("Statement"):
            statement = read_statement(data, format_)
    except BankRefused as refused:
        print_bank_faults([refused.fault])
        exit_faulty()
    print_bank_faults(statement.warnings)
    with atomic_output(output) as out:
        out.write(msgspec.json.Encoder().encode_lines(statement.lines))
    if as_json:
        summary = {
            "format": statement.format,
            "sha256": statement.sha256,
            "lines": len(statement.lines),
            "blocks": len(statement.blocks),
            "warnings": len(statement.warnings),
        }
        print(msgspec.json.encode(summary).decode(), file=sys.stderr if output == "-" else sys.stdout)
