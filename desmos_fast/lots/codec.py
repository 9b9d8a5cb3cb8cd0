# SPDX-License-Identifier: Apache-2.0
"""Claim files of the test profile: encoded invoices in, grouped, numbered and totalled; one whole file out."""

import re
from array import array
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeVar, cast

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.kernel import write
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.lots import kernel, rules
from desmos_fast.lots.model import BuildRequest, BuiltFile, BuiltLot, Flow, LotSettings, Rows, SecurityLetter

if TYPE_CHECKING:
    from desmos_fast.billing.codec import Encoded
    from ext.records import Value

T = TypeVar("T")
CLAIMS: Final = "TR"
SECURITY: Final[Mapping[str, bytes]] = {"secured": b"S", "degraded": b"D", "desynchronised": b"Y"}
_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED: Final = re.compile(r"field `(?P<name>[^`]*)`")


def decode_settings(data: bytes) -> LotSettings:
    """Read the settings of a build from JSON; raise FaultyInput for an unknown key, a missing date or a value out of bounds."""
    return _sound(_decoded(data, LotSettings))


def decode_request(data: bytes, date: str) -> LotSettings:
    """Read what a caller says of a build on a day; raise FaultyInput for an unknown key or a value out of bounds."""
    return _sound(LotSettings(date=date, **msgspec.structs.asdict(_decoded(data, BuildRequest))))


def _decoded(data: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise FaultyInput([_settings_fault(str(error))]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultyInput([Fault(code="B2_BAD_JSON", message=f"the settings are not JSON: {error}")]) from error


def _sound(settings: LotSettings) -> LotSettings:
    faults = rules.check_settings(settings)
    if faults:
        raise FaultyInput(faults)
    return settings


def _settings_fault(message: str) -> Fault:
    at, named = _AT.search(message), _NAMED.search(message)
    path = at["path"] if at else ""
    code = "B2_BAD_VALUE"
    if named is not None:
        code = "B2_UNKNOWN_KEY" if "unknown" in message else "B2_MISSING"
        path = named["name"]
    return Fault(code=code, message=f"settings: {message}", field=path or None)


def build_encoded(rows: Rows, biller: str, settings: LotSettings, in_use: AbstractSet[int] = frozenset()) -> BuiltFile:
    """Put encoded invoices of one biller in lots and lay out one file.

    `in_use` are the numbers of the biller's lots that still wait for an answer. Raises FaultyInput (settings, several destinations
    where one is asked for, more lots than a file takes, a total wider than its field, no row), LotNumbersExhausted, RowsDisagree,
    LayoutNotInForce.
    """
    faults = rules.check_settings(settings)
    digits = rules.biller_digits(biller)
    if digits is None:
        faults.append(Fault(code="B2_BAD_VALUE", message="this biller cannot be written in a record", field="biller", value=biller))
    if len(rows.flow) == 0:
        faults.append(Fault(code="B2_MISSING", message="there is no invoice to put in a lot"))
    if faults or digits is None:
        raise FaultyInput(faults)
    load_pack().check_day(settings.date)
    found = kernel.cut(rows, settings)
    _check_file(rows, found, settings)
    numbers = rules.lot_numbers(settings.first_lot, len(found.sizes), in_use)
    lots = _describe(rows, found, numbers, settings)
    opening, closing, totals = _envelope(lots, digits, settings)
    heads = write("1", [_head(lot, digits) for lot in lots])
    tails = write("6", [_tail(lot, digits) for lot in lots])
    content, firsts = kernel.lay_out(rows, found, opening, heads, tails, closing)
    return BuiltFile(
        name=rules.file_name(biller, settings.file_sequence),
        biller=biller,
        sequence=settings.file_sequence,
        date=settings.date,
        content=content,
        lots=tuple(msgspec.structs.replace(lot, first_records=array("q", [firsts[row] for row in lot.rows])) for lot in lots),
        records=totals["records"],
        invoices=totals["invoices"],
        fees=Cents(totals["fees"]),
        amo=Cents(totals["amo"]),
        amc=Cents(totals["amc"]),
        next_sequence=rules.next_number(settings.file_sequence, rules.LAST_SEQUENCE),
        next_lot=rules.next_number(numbers[-1], rules.LAST_LOT),
    )


def _check_file(rows: Rows, found: kernel.Cut, settings: LotSettings) -> None:
    count = len(found.sizes)
    if count > settings.max_lots_per_file:
        message = f"these invoices make {count} lots and a file takes {settings.max_lots_per_file}: make several files"
        raise FaultyInput([Fault(code="B2_OVERFLOW", message=message, field="max_lots_per_file", value=count)])
    if not settings.one_destination_per_file:
        return
    # Rows stand in order of destination: when the ends agree, all do.
    ends = [rules.place_of(rows.destination[found.order[at]])[:2] for at in (0, -1)]
    if ends[0] != ends[1]:
        message = f"the file would go to several caisses, {'/'.join(ends[0])} and {'/'.join(ends[1])}: make one file for each"
        raise FaultyInput([Fault(code="B2_LOT_MISMATCH", message=message, field="one_destination_per_file", value="/".join(ends[1]))])


def share_out(rows: Rows, settings: LotSettings) -> "list[array[int]]":
    """Return the rows of each file that the settings ask for: one for each destination if so set, none with too many lots.

    Raises RowsDisagree.
    """
    found = kernel.cut(rows, settings)
    files: list[array[int]] = []
    bounds = array("q", [0])
    for size in found.sizes:
        bounds.append(bounds[-1] + size)

    def caisse(lot: int) -> tuple[str, str] | None:
        return rules.place_of(rows.destination[found.order[bounds[lot]]])[:2] if settings.one_destination_per_file else None

    for _, group in groupby(range(len(found.sizes)), caisse):
        lots = list(group)
        for first in range(0, len(lots), settings.max_lots_per_file):
            some = lots[first : first + settings.max_lots_per_file]
            files.append(found.order[bounds[some[0]] : bounds[some[-1] + 1]])
    return files


def take_rows(rows: Rows, chosen: "array[int]") -> Rows:
    """Return some rows as columns of their own, in the order given."""
    starts = array("q", [0])
    for row in chosen:
        starts.append(starts[-1] + rows.starts[row + 1] - rows.starts[row])

    def some(column: "array[int]") -> "array[int]":
        return array("q", [column[row] for row in chosen])

    return Rows(
        data=b"".join([rows.data[rows.starts[row] : rows.starts[row + 1]] for row in chosen]),
        starts=starts,
        destination=some(rows.destination),
        amc_number=some(rows.amc_number),
        executor=some(rows.executor),
        flow=bytes([rows.flow[row] for row in chosen]),
        security=bytes([rows.security[row] for row in chosen]),
        fees=some(rows.fees),
        amo=some(rows.amo),
        amc=some(rows.amc),
    )


def _describe(rows: Rows, found: kernel.Cut, numbers: Sequence[int], settings: LotSettings) -> list[BuiltLot]:
    lots: list[BuiltLot] = []
    start = 0
    for index, number in enumerate(numbers):
        size = found.sizes[index]
        members = found.order[start : start + size]
        start += size
        first = members[0]
        flow = cast("Flow", rows.flow[first])
        regime, caisse, centre = rules.place_of(rows.destination[first])
        organism, computing = rules.route(settings, regime, caisse, centre)
        fees, amo = found.fees[index], found.amo[index]
        lots.append(
            BuiltLot(
                number=number, flow=flow, regime=regime, caisse=caisse, centre=centre,
                amc_number=f"{rows.amc_number[first]:010d}" if flow == 2 else "",
                security=cast("SecurityLetter", chr(rows.security[first])), date=settings.date,
                recipient_organism=organism, computing_centre=computing,
                executor=rows.executor[first] if settings.lot_per_executor else None,
                invoices=size, records=found.records[index] + 2,
                fees=Cents(fees), amo=Cents(amo), amc=Cents(found.amc[index]), insured_share=Cents(fees - amo),
                rows=members, first_records=array("q"),
            )
        )  # fmt: skip
    return lots


def _head(lot: BuiltLot, biller: str) -> "dict[str, Value]":
    return {
        "=biller": biller,
        "lot.number": lot.number,
        "lot.regime": lot.regime,
        "lot.caisse": lot.caisse,
        "lot.centre": lot.centre,
        "lot.recipient_organism": lot.recipient_organism,
        "lot.computing_centre": lot.computing_centre,
        "lot.flow": lot.flow,
        "lot.security_mode": lot.security,
        "lot.date": lot.date,
        "lot.amc_number": lot.amc_number,
    }


def _tail(lot: BuiltLot, biller: str) -> "dict[str, Value]":
    return {
        "=biller": biller,
        "lot.number": lot.number,
        "=invoice_count": lot.invoices,
        "=record_count": lot.records,
        "=total_fees": lot.fees,
        "=total_amo": lot.amo,
        "=total_amc": lot.amc,
        "=total_insured_share": lot.insured_share,
    }


def _envelope(lots: Sequence[BuiltLot], biller: str, settings: LotSettings) -> tuple[bytes, bytes, dict[str, int]]:
    totals = {
        "records": sum(lot.records for lot in lots) + 2,
        "invoices": sum(lot.invoices for lot in lots),
        "fees": sum(lot.fees for lot in lots),
        "amo": sum(lot.amo for lot in lots),
        "amc": sum(lot.amc for lot in lots),
    }
    file: dict[str, Value] = {
        "file.sender_type": settings.sender_type,
        "file.sender_number": biller,
        "file.sender_program": settings.sender_program,
        "file.recipient_type": settings.recipient_type,
        "file.recipient_number": settings.recipient_number,
        "file.recipient_program": settings.recipient_program,
    }
    opening: dict[str, Value] = {
        "file.exchange_kind": CLAIMS,
        "=file_id": settings.file_sequence % 1000,
        "file.date": settings.date,
        "file.sequence": settings.file_sequence,
    }
    closing: dict[str, Value] = {
        "=record_count": totals["records"],
        "=lot_count": len(lots),
        "=invoice_count": totals["invoices"],
        "=total_fees": totals["fees"],
        "=total_amo": totals["amo"],
        "=total_amc": totals["amc"],
    }
    return write("000", [file | opening]), write("999", [file | closing]), totals


def build(
    invoices: Sequence[Invoice], settings: LotSettings, *, lines: Sequence[int] | None = None, in_use: AbstractSet[int] = frozenset()
) -> BuiltFile:
    """Encode invoices of one biller and build their file; `lines` are their line numbers, for faults.

    An invoice whose AMC share is claimed apart gives two rows, flow 02 after the others: row numbers of the lots from
    `len(invoices)` on are those of `claimed_apart(invoices)`. Raises what `build_encoded` raises, FaultyInput also for invoices
    that cannot be encoded or are of several billers.
    """
    from desmos_fast.billing.codec import encode

    whole = encode(invoices, flow=1, lines=lines)
    faults = whole.faults or _mixed(invoices, settings, lines)
    if faults:
        raise FaultyInput(faults)
    apart = claimed_apart(invoices)
    again = encode([invoices[row] for row in apart], flow=2, lines=[lines[row] for row in apart] if lines else None)
    if again.faults:
        raise FaultyInput(again.faults)
    return build_encoded(_columns(invoices, apart, whole, again), invoices[0].biller if invoices else "", settings, in_use)


def claimed_apart(invoices: Sequence[Invoice]) -> list[int]:
    """Return the places of the invoices whose AMC share, not zero, goes to flow 02."""
    return [
        place
        for place, invoice in enumerate(invoices)
        if invoice.amc is not None and invoice.amc.separate_claim and any(act.amc for act in invoice.acts)
    ]


def _mixed(invoices: Sequence[Invoice], settings: LotSettings, lines: Sequence[int] | None) -> list[Fault]:
    """Return a fault for each invoice that cannot share a file with the first one."""
    faults: list[Fault] = []
    for place, invoice in enumerate(invoices):
        caisse = f"{invoice.amo.regime}/{invoice.amo.caisse}"
        if invoice.biller != invoices[0].biller:
            fault = Fault(code="B2_BAD_VALUE", message="a file holds the invoices of one biller", field="biller", value=invoice.biller)
        elif settings.one_destination_per_file and caisse != f"{invoices[0].amo.regime}/{invoices[0].amo.caisse}":
            message = "the file would go to several caisses: make one file for each"
            fault = Fault(code="B2_LOT_MISMATCH", message=message, field="one_destination_per_file", value=caisse)
        else:
            continue
        faults.append(msgspec.structs.replace(fault, invoice=invoice.number, line=lines[place] if lines else None))
    return faults


def _columns(invoices: Sequence[Invoice], apart: Sequence[int], whole: "Encoded[bytes]", again: "Encoded[bytes]") -> Rows:
    claims = [*invoices, *(invoices[place] for place in apart)]
    shift = len(whole.data)
    return Rows(
        data=whole.data + again.data,
        starts=whole.starts + array("q", [shift + start for start in again.starts[1:]]),
        destination=array("q", [int(claim.amo.regime + claim.amo.caisse + claim.amo.centre) for claim in claims]),
        amc_number=array("q", [0] * len(invoices) + [_amc_number(invoices[place]) for place in apart]),
        executor=array("q", [int(claim.acts[0].executor.am) for claim in claims]),
        flow=b"\x01" * len(invoices) + b"\x02" * len(apart),
        security=b"".join([SECURITY[claim.security] for claim in claims]),
        fees=whole.fees + again.fees,
        amo=whole.amo + again.amo,
        amc=whole.amc + again.amc,
    )


def _amc_number(invoice: Invoice) -> int:
    assert invoice.amc is not None, "only an invoice with an AMC is claimed apart"
    return int(invoice.amc.number)
