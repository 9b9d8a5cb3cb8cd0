# SPDX-License-Identifier: Apache-2.0
"""`returns parse`: an acknowledgement or a return becomes JSON lines."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, print_faults, read_input, working


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.returns.command("parse")(parse)


def parse(
    file: Annotated[str, typer.Argument(help="The ARL or RSP file (test profile), or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where the objects go, one JSON object a line.")] = "-",
    orders: Annotated[bool, typer.Option("--orders", help="Write the payment orders that `reconcile` takes.")] = False,
    payers: Annotated[str | None, typer.Option("--payers", help="With --orders: payers as JSON lines, to name who pays.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Read an acknowledgement (ARL) or a return (RSP) and write one object a line."""
    import hashlib

    import msgspec

    from desmos_fast.exchange.faults import Fault, FaultyInput
    from desmos_fast.returns import codec
    from desmos_fast.returns.model import RspFile

    if payers is not None and not orders:
        raise typer.BadParameter("--payers goes with --orders")
    if file == payers == "-":
        raise typer.BadParameter("the file and the payers cannot both come from standard input")
    rows: Sequence[object]
    data = read_input(file)
    digest = hashlib.sha256(data).hexdigest()
    try:
        with working("Return"):
            found = codec.parse(data)
        if not orders:
            rows = codec.objects(found)
        elif isinstance(found, RspFile):
            rows = codec.orders(found, digest, codec.read_payers(read_input(payers)) if payers else ())
        else:
            raise FaultyInput([Fault(code="B2_WRONG_KIND", message="an acknowledgement holds no payment order")])
    except FaultyInput as refused:
        print_faults(refused.faults)
        exit_faulty()
    with atomic_output(output) as out:
        out.write(msgspec.json.Encoder().encode_lines(rows))
    if as_json:
        summary = {
            "kind": "rsp" if isinstance(found, RspFile) else "arl", "sha256": digest, "sequence": found.sequence, "records": found.records,
            "objects": len(rows),
        }  # fmt: skip
        print(msgspec.json.encode(summary).decode(), file=sys.stderr if output == "-" else sys.stdout)
