# SPDX-License-Identifier: Apache-2.0
"""`price`: what the acts of invoices are worth, and why; without a service or a database."""

import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, NamedTuple

import typer

from desmos_fast.commands.common import exit_faulty, print_faults, refusable_output
from desmos_fast.commands.streams import LongLine, beginning, line_blocks, open_input, progress, too_long

if TYPE_CHECKING:
    from desmos_fast.billing.pricing.codec import Entry, PricedBlock
    from desmos_fast.exchange.faults import Fault

SUMS: Final = ("total", "amo", "amc", "patient", "participation")


class Part(NamedTuple):
    """Some lines of the input: their bytes, the number of the first, and what they gave; nothing for a line that is too long."""

    size: int
    lines: list[bytes]
    first_line: int
    block: "PricedBlock | None"


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(price)


def price(
    file: Annotated[str, typer.Argument(help="The invoices, one JSON object a line, or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where the invoices go, with all their amounts.")] = "-",
    explain: Annotated[bool, typer.Option("--explain", help="Say in French what each act is worth, and why.")] = False,
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Price as if every act were of this day (what if).")
    ] = None,
    allow_late: Annotated[bool, typer.Option("--allow-late", help="Price care that is too old to be billed.")] = False,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Write the sound invoices and report the others.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Fill the amounts that invoices lack and check those they give (test profile); all of them or, when one is faulty, none."""
    import msgspec

    day = on.date() if on else None
    totals = dict.fromkeys(("invoices", *SUMS, "faults"), 0)
    with open_input(file) as source, refusable_output(output, keep_going=keep_going) as out, progress("price", source) as advance:
        # Looked up while the bar is there, which what is written to a terminal then stands above.
        aside = sys.stderr if output == "-" else sys.stdout
        for part in priced_blocks(source, day, allow_late):
            faults = [too_long(part.first_line)] if part.block is None else part.block.faults
            print_faults(faults)
            totals["faults"] += len(faults)
            if part.block is not None:
                if as_json:
                    _add(totals, part.block)
                if explain:
                    aside.writelines(_explained(part.block))
                if keep_going or not totals["faults"]:
                    out.writelines(_filled(entry, part) for entry in part.block.sound)
            advance(part.size)
        if totals["faults"] and not keep_going:
            exit_faulty()
    if as_json:
        print(msgspec.json.encode(totals).decode(), file=aside)
    if totals["faults"]:
        exit_faulty()


def priced_blocks(source: BinaryIO, on: date | None, allow_late: bool) -> Iterator[Part]:
    """Price the invoices of an input block by block, as if every act were of the day `on` when there is one.

    Leaves with exit status 1 when the input is not lines of text at all.
    """
    from desmos_fast.base.clock import paris_date, system_clock
    from desmos_fast.billing.pricing.codec import price_block
    from desmos_fast.exchange.reading.foreign import foreign_lines
    from desmos_fast.nomenclature.tariffs import load_tariffs

    head, first_line = beginning(source), 1
    if foreign := foreign_lines(head):
        print_faults([foreign])
        exit_faulty()
    tariffs, today = load_tariffs(), paris_date(system_clock())
    for data in line_blocks(source, head):
        if isinstance(data, LongLine):
            yield Part(data.size, [], first_line, None)
            first_line += 1
            continue
        block = price_block(data, tariffs, first_line=first_line, today=today, on=on, allow_late=allow_late)
        yield Part(len(data), data.split(b"\n"), first_line, block)
        first_line += data.count(b"\n")


def _filled(entry: "Entry", part: Part) -> bytes:
    from desmos_fast.billing.pricing.codec import filled_line

    line = part.lines[entry.line - part.first_line]
    return (line if entry.asked is None else filled_line(line, entry.invoice)) + b"\n"


def _add(totals: dict[str, int], block: "PricedBlock") -> None:
    sound = {entry.line for entry in block.sound}
    for entry, found in zip(block.entries, block.priced, strict=True):
        if entry.line in sound:
            totals["invoices"] += 1
            for name in SUMS:
                totals[name] += getattr(found, name)


def _explained(block: "PricedBlock") -> Iterator[str]:
    from desmos_fast.billing.pricing.explain import as_text, explain

    faults: dict[int | None, list[Fault]] = {}
    for fault in block.faults:
        faults.setdefault(fault.line, []).append(fault)
    for entry, found in zip(block.entries, block.priced, strict=True):
        pricing = explain(entry.entered, found, block.tariffs, block.on)
        yield as_text(entry.entered, pricing, entry.line, faults.get(entry.line, ()), block.on)
