# SPDX-License-Identifier: Apache-2.0
"""`fse check` and `fse decode`: claims in, their faults or their invoices out, whatever their size."""

import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, print_faults
from desmos_fast.commands.streams import Guarded, open_input, progress, watched

if TYPE_CHECKING:
    from desmos_fast.exchange.faults import Fault
    from desmos_fast.exchange.reading.reading import Reading

Claims = Annotated[str, typer.Argument(help="Claims, bare records or a whole file (test profile), or - for standard input.")]
MaxFaults = Annotated[int, typer.Option("--max-faults", min=1, max=1_000_000, help="How many faults of each pass are shown.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.fse.command("check")(check)
    groups.fse.command("decode")(decode)


def check(file: Claims, max_faults: MaxFaults = 1000, as_json: AsJson = False) -> None:
    """Check claims and print every fault as one JSON line, the first one first."""
    from desmos_fast.billing.reading.codec import examine_claims_stream

    with open_input(file) as source, progress("check", source) as reached:
        reading, faults = examine_claims_stream(Guarded(source), max_faults=max_faults, reached=reached)
    _finish(reading, faults, sys.stdout if as_json else None)


def decode(
    file: Claims,
    output: Annotated[str, typer.Option("-o", "--output", help="Where the invoices go, one JSON object a line.")] = "-",
    max_faults: MaxFaults = 1000,
    as_json: AsJson = False,
) -> None:
    """Read claims back into invoices; a faulty input gives its faults and no line."""
    from desmos_fast.billing.reading.codec import blocks_again, examine_claims_stream
    from desmos_fast.exchange.reading.blocks import readable_twice

    # All is checked before a line is written; an invoice that is claimed apart needs both its claims besides.
    with open_input(file) as opened, readable_twice(Guarded(opened)) as source:
        start, insist_unchanged = source.tell(), watched(opened)
        with progress("check", opened) as reached:
            reading, faults = examine_claims_stream(source, max_faults=max_faults, reached=reached)
        if not faults:
            source.seek(start)
            with atomic_output(output) as out, progress("decode", opened) as reached:
                for used, lines in blocks_again(source, reading):
                    out.write(lines)
                    reached(used)
                insist_unchanged()
    _finish(reading, faults, (sys.stderr if output == "-" else sys.stdout) if as_json else None)


def _finish(reading: "Reading", faults: "list[Fault]", out: TextIO | None) -> None:
    """Print the faults and, where asked for, the summary; leave with 1 when there is a fault."""
    import msgspec

    from desmos_fast.billing.reading.codec import summary

    print_faults(faults)
    found = max(reading.found, len(faults))
    if found > len(faults):
        more = {"found": found, "shown": len(faults), "hint": "--max-faults shows more of each pass"}
        print(msgspec.json.encode(more).decode(), file=sys.stderr)
    if out is not None:
        print(msgspec.json.encode({**summary(reading), "faults": found}).decode(), file=out)
    if faults:
        exit_faulty()
