# SPDX-License-Identifier: Apache-2.0
"""`reconcile`: match orders to invoices and bank lines to orders, without a database."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desmos_fast.commands.common import exit_faulty, make_folder, print_faults, read_input, working, write_together


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command("reconcile")(reconcile_files)


def reconcile_files(
    invoices: Annotated[
        str, typer.Option(help="What each payer owes, one object an invoice: not what `fse encode` takes, see docs/reference/cli.md.")
    ],
    orders: Annotated[str, typer.Option(help="Payment orders, as `returns parse --orders` writes them.")],
    bank: Annotated[str, typer.Option(help="Bank lines, as `bank parse` writes them.")],
    out: Annotated[Path, typer.Option(help="The folder for matches.ndjson and summary.json.")],
    payers: Annotated[str | None, typer.Option(help="Payers and their names, one JSON object a line.")] = None,
    settings: Annotated[str | None, typer.Option(help="Settings, one JSON object.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Match order lines to invoice parts and credits to orders; the same inputs in any order give the same bytes."""
    from desmos_fast.exchange.faults import FaultyInput
    from desmos_fast.settlement import codec
    from desmos_fast.settlement.bank.model import BankLine
    from desmos_fast.settlement.model import Invoice, Order, Payer, Settings
    from desmos_fast.settlement.reconcile import reconcile

    if [invoices, orders, bank, payers, settings].count("-") > 1:
        raise typer.BadParameter("only one input can be standard input")
    try:
        with working("Matching"):
            result = reconcile(
                codec.read_items(read_input(invoices), Invoice, "invoices"),
                codec.read_items(read_input(orders), Order, "orders"),
                codec.read_items(read_input(bank), BankLine, "bank"),
                codec.read_items(read_input(payers), Payer, "payers") if payers else [],
                codec.read_settings(read_input(settings)) if settings else Settings(),
            )
    except FaultyInput as refused:
        print_faults(refused.faults)
        exit_faulty()
    make_folder(out)
    summary = codec.write_summary(result)
    write_together([(out / "matches.ndjson", codec.write_matches(result.matches)), (out / "summary.json", summary)])
    if as_json:
        sys.stdout.write(summary.decode())
