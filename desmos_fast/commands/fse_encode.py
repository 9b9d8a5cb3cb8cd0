# SPDX-License-Identifier: Apache-2.0
"""`fse encode`: invoices become the records of their claims, without a service or a database."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import exit_faulty, print_faults, refusable_output
from desmos_fast.commands.streams import LongLine, beginning, line_blocks, open_input, progress, too_long

if TYPE_CHECKING:
    from desmos_fast.billing.codec import Encoded

# A record and its line end.
RECORD: Final = 129


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.fse.command("encode")(encode)


def encode(
    file: Annotated[str, typer.Argument(help="The invoices, one JSON object a line, or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where the records go.")] = "-",
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Write the sound invoices and report the others.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a name that the records would spell otherwise.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Encode invoices as records 2 to 5 of 128 bytes and LF (test profile); all of them or, when one is faulty, none."""
    import msgspec

    from desmos_fast.exchange.reading.foreign import foreign_lines

    totals = {"invoices": 0, "records": 0, "fees": 0, "amo": 0, "amc": 0, "faults": 0}
    with open_input(file) as source, refusable_output(output, keep_going=keep_going) as out, progress("encode", source) as advance:
        head = beginning(source)
        if foreign := foreign_lines(head):
            print_faults([foreign])
            exit_faulty()
        for size, encoded in _blocks(source, head, strict):
            print_faults(encoded.faults)
            _add(totals, encoded)
            if keep_going or not totals["faults"]:
                out.write(encoded.data)
            advance(size)
        if totals["faults"] and not keep_going:
            exit_faulty()
    if as_json:
        print(msgspec.json.encode(totals).decode(), file=sys.stderr if output == "-" else sys.stdout)
    if totals["faults"]:
        exit_faulty()


def _blocks(source: BinaryIO, head: bytes, strict: bool) -> "Iterator[tuple[int, Encoded[memoryview]]]":
    """Encode block by block: the bytes read, and what they gave; the records are gone when the next block comes."""
    from msgspec.structs import replace

    from desmos_fast.billing.codec import Block, UsedNumbers, encode_ndjson

    used, into, first_line = UsedNumbers(), Block(), 1
    for block in line_blocks(source, head):
        if isinstance(block, LongLine):
            yield block.size, replace(encode_ndjson(b"", into=into), faults=[too_long(first_line)])
            first_line += 1
        else:
            yield len(block), encode_ndjson(block, first_line=first_line, used=used, strict=strict, into=into)
            first_line += block.count(b"\n")


def _add(totals: dict[str, int], encoded: "Encoded[memoryview]") -> None:
    starts = encoded.starts
    totals["invoices"] += sum(map(int.__lt__, starts, starts[1:]))
    totals["records"] += len(encoded.data) // RECORD
    totals["fees"] += sum(encoded.fees)
    totals["amo"] += sum(encoded.amo)
    totals["amc"] += sum(encoded.amc)
    totals["faults"] += len(encoded.faults)
