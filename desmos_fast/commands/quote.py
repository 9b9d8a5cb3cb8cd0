# SPDX-License-Identifier: Apache-2.0
"""`quote`: what acts would cost and who would pay it; nothing is billed, and no service or database is needed."""

from datetime import datetime
from typing import Annotated

import typer

from desmos_fast.commands.common import exit_faulty, print_faults
from desmos_fast.commands.price import priced_blocks
from desmos_fast.commands.streams import open_input, progress, too_long


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(quote)


def quote(
    file: Annotated[str, typer.Argument(help="The invoices, one JSON object a line, or - for standard input.")],
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Price as if every act were of this day.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each quote as one JSON object a line.")] = False,
) -> None:
    """Print in French a quote of each invoice (test profile, not agréé), with the act to propose instead of a dental prosthesis."""
    import msgspec

    from desmos_fast.billing.pricing.quote import as_text, quotes

    day = on.date() if on else None
    faulty = False
    with open_input(file) as source, progress("quote", source) as advance:
        for part in priced_blocks(source, day, allow_late=True):
            faults = [too_long(part.first_line)] if part.block is None else part.block.faults
            print_faults(faults)
            faulty = faulty or bool(faults)
            for entry, made in quotes(part.block) if part.block is not None else ():
                name = f"facture {entry.invoice.number}" if entry.invoice.number else f"ligne {entry.line}"
                print(msgspec.json.encode(made).decode() if as_json else as_text(made, name))
            advance(part.size)
    if faulty:
        exit_faulty()
