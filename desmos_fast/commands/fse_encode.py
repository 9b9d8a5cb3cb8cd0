# SPDX-License-Identifier: Apache-2.0
"""`fse encode`: invoices become the records of their claims, without a service or a database."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, print_faults
from desmos_fast.commands.streams import line_blocks, open_input, progress

if TYPE_CHECKING:
    from desmos_fast.billing.codec import Encoded
    from desmos_fast.exchange.faults import Fault

IN_MEMORY: Final = 8 << 20


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.fse.command("encode")(encode)


def encode(
    file: Annotated[str, typer.Argument(help="The invoices, one JSON object a line, or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where the records go.")] = "-",
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Write the sound invoices and report the others.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Encode invoices as records 2 to 5 of 128 bytes and LF (test profile); all of them or, when one is faulty, none."""
    import msgspec

    totals = {"invoices": 0, "records": 0, "fees": 0, "amo": 0, "amc": 0, "faults": 0}
    with (
        open_input(file) as source,
        atomic_output(output) as out,
        progress("encode", source) as advance,
        # What may yet be refused does not reach a pipe.
        tempfile.SpooledTemporaryFile(IN_MEMORY) as kept,
    ):
        for size, encoded, faults in _blocks(source):
            print_faults(faults)
            _add(totals, encoded, faults)
            if keep_going:
                out.write(encoded.data)
            elif not totals["faults"]:
                kept.write(encoded.data)
            advance(size)
        if totals["faults"] and not keep_going:
            exit_faulty()
        kept.seek(0)
        shutil.copyfileobj(kept, out)
    if as_json:
        print(msgspec.json.encode(totals).decode(), file=sys.stderr if output == "-" else sys.stdout)
    if totals["faults"]:
        exit_faulty()


def _blocks(source: BinaryIO) -> "Iterator[tuple[int, Encoded, list[Fault]]]":
    """Encode block by block: the bytes read, what they gave, and every fault in order of lines."""
    from desmos_fast.billing.codec import UsedNumbers, read_ndjson
    from desmos_fast.billing.codec import encode as encode_block

    used, first_line = UsedNumbers(), 1
    for block in line_blocks(source):
        invoices, lines, unread = read_ndjson(block, first_line=first_line)
        encoded = encode_block(invoices, lines=lines, used=used)
        yield len(block), encoded, sorted([*unread, *encoded.faults], key=lambda fault: fault.line or 0)
        first_line += block.count(b"\n")


def _add(totals: dict[str, int], encoded: "Encoded", faults: "list[Fault]") -> None:
    starts = encoded.starts
    totals["invoices"] += sum(1 for place in range(len(starts) - 1) if starts[place] < starts[place + 1])
    totals["records"] += encoded.data.count(b"\n")
    totals["fees"] += sum(encoded.fees)
    totals["amo"] += sum(encoded.amo)
    totals["amc"] += sum(encoded.amc)
    totals["faults"] += len(faults)
