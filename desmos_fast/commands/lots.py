# SPDX-License-Identifier: Apache-2.0
"""`lots build`: invoices become claim files and the list of their lots, without a service or a database."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import exit_faulty, make_folder, print_faults, read_input, working, write_together
from desmos_fast.commands.streams import HEAD

if TYPE_CHECKING:
    from desmos_fast.billing.model import Invoice
    from desmos_fast.exchange.faults import Fault
    from desmos_fast.lots.model import BuiltFile, BuiltLot, LotSettings


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.lots.command("build")(build)


def build(
    file: Annotated[str, typer.Argument(help="The invoices, one JSON object a line, or - for standard input.")],
    settings: Annotated[str, typer.Option("--settings", help="The settings of the build, one JSON object.")],
    out: Annotated[Path, typer.Option("--out", help="The folder that receives the claim files and summary.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Group, number and total the invoices of one biller, and write their claim files (test profile)."""
    import msgspec

    from desmos_fast.exchange.faults import FaultyInput
    from desmos_fast.lots.codec import decode_settings

    if file == settings == "-":
        raise typer.BadParameter("the invoices and the settings cannot both come from standard input")
    try:
        chosen = decode_settings(read_input(settings))
    except FaultyInput as refused:
        print_faults(refused.faults)
        exit_faulty()
    data = read_input(file)
    with working("Lots"):
        invoices, built = _built(data, chosen)
    found = _summary(chosen, invoices, built)
    shown = msgspec.json.encode(found)
    _write(out, built, msgspec.json.format(shown, indent=1) + b"\n")
    if as_json:
        print(shown.decode())


def _built(data: bytes, settings: "LotSettings") -> "tuple[list[Invoice], list[BuiltFile]]":
    """Read and build; print every fault of the reading and of the building, in order of lines, and leave when there is one."""
    from desmos_fast.billing.codec import read_ndjson
    from desmos_fast.exchange.faults import FaultyInput
    from desmos_fast.exchange.reading.foreign import foreign_lines
    from desmos_fast.lots.codec import build_all

    if foreign := foreign_lines(data[:HEAD]):
        print_faults([foreign])
        exit_faulty()
    invoices, lines, faults = read_ndjson(data)
    built = []
    try:
        # Nothing to bill makes no file: a quiet day is no fault.
        built = build_all(invoices, settings, lines=lines) if invoices else []
    except FaultyInput as refused:
        faults = [*faults, *refused.faults]
    if faults:
        faults.sort(key=_line_of)
        print_faults(faults)
        exit_faulty()
    return invoices, built


def _line_of(fault: "Fault") -> tuple[bool, int]:
    return fault.line is None, fault.line or 0


def _write(out: Path, built: "Sequence[BuiltFile]", summary: bytes) -> None:
    make_folder(out)
    write_together([*((out / file.name, file.content) for file in built), (out / "summary.json", summary)])


def _summary(settings: "LotSettings", invoices: "Sequence[Invoice]", built: "Sequence[BuiltFile]") -> dict[str, Any]:
    from desmos_fast.exchange.layouts import load_pack
    from desmos_fast.lots.codec import claimed_apart

    common: dict[str, Any] = {"profile": load_pack().profile, "date": settings.date}
    if not built:
        nothing: dict[str, Any] = {"file": None, "records": 0, "invoices": 0, "fees": 0, "amo": 0, "amc": 0, "lots": []}
        return common | nothing | {"next_sequence": settings.file_sequence, "next_lot": settings.first_lot}
    numbers = [invoice.number for invoice in invoices]
    numbers += [numbers[place] for place in claimed_apart(invoices)]
    if len(built) == 1:
        return common | _file_summary(built[0], numbers)
    totals = {name: sum(getattr(file, name) for file in built) for name in ("records", "invoices", "fees", "amo", "amc")}
    files = {"files": [_file_summary(file, numbers) for file in built]}
    return common | totals | {"next_sequence": built[-1].next_sequence, "next_lot": built[-1].next_lot} | files


def _file_summary(built: "BuiltFile", numbers: Sequence[int]) -> dict[str, Any]:
    return {
        "file": built.name,
        "sha256": hashlib.sha256(built.content).hexdigest(),
        "biller": built.biller,
        "sequence": built.sequence,
        "records": built.records,
        "invoices": built.invoices,
        "fees": built.fees,
        "amo": built.amo,
        "amc": built.amc,
        "next_sequence": built.next_sequence,
        "next_lot": built.next_lot,
        "lots": [_lot_summary(lot, numbers) for lot in built.lots],
    }


def _lot_summary(lot: "BuiltLot", numbers: Sequence[int]) -> dict[str, Any]:
    return {
        "number": lot.number,
        "flow": lot.flow,
        "regime": lot.regime,
        "caisse": lot.caisse,
        "centre": lot.centre,
        "amc_number": lot.amc_number or None,
        "security": lot.security,
        "recipient_organism": lot.recipient_organism,
        "computing_centre": lot.computing_centre,
        "executor": None if lot.executor is None else f"{lot.executor:09d}",
        "invoices": lot.invoices,
        "records": lot.records,
        "fees": lot.fees,
        "amo": lot.amo,
        "amc": lot.amc,
        "insured_share": lot.insured_share,
        "invoice_numbers": [numbers[row] for row in lot.rows],
        "first_records": lot.first_records.tolist(),
    }
