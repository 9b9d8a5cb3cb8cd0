# SPDX-License-Identifier: Apache-2.0
"""Claim files of the test profile: encoded invoices in, grouped, numbered and totalled; whole files out."""

import re
from array import array
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.kernel import write
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.lots import kernel, policies, rules
from desmos_fast.lots.model import BuildRequest, BuiltFile, BuiltLot, Flow, LotSettings, Rows, SecurityLetter
from desmos_fast.lots.recipients.model import AMC_FLOW, Place, Recipients

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


def decode_request(data: bytes, today: str) -> LotSettings:
    """Read what a caller says of a build on a day; raise FaultyInput for an unknown key or a value out of bounds."""
    return _sound(LotSettings(date=today, **msgspec.structs.asdict(_decoded(data, BuildRequest))))


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


class Planned(NamedTuple):
    """What a build comes to before a number is given: its lots, the place in their order where each begins, and the lots of each file."""

    found: kernel.Cut
    begins: "array[int]"
    files: list[range]


def plan(rows: Rows, settings: LotSettings, recipients: Recipients | None = None) -> Planned:
    """Put rows in lots, and lots in files: none with too many lots or bytes, none that holds two of what is to part files.

    A file goes to one of the recipients, when they are given. A lot never leaves the order that the criteria give, so each file is a
    run of it. Raises RowsDisagree.
    """
    found = kernel.cut(rows, settings)
    begins = array("q", accumulate(found.sizes, initial=0))
    firsts = [found.order[begin] for begin in begins[:-1]]
    apart = policies.keys_of(rows, firsts, settings)
    keys = [(_recipient(rows, row, recipients), key) for row, key in zip(firsts, apart, strict=True)]
    most = settings.max_bytes_per_file or policies.MOST_BYTES
    files: list[range] = []
    first = records = 0
    for lot, key in enumerate(keys):
        more = found.records[lot] + 2
        full = lot - first == settings.max_lots_per_file or policies.file_size(records + more) > most
        if lot > first and (full or key != keys[first]):
            files.append(range(first, lot))
            first, records = lot, 0
        records += more
    if keys:
        files.append(range(first, len(keys)))
    return Planned(found, begins, files)


def _recipient(rows: Rows, row: int, recipients: Recipients | None) -> str | None:
    if recipients is None:
        return None
    flow = rows.flow[row]
    return recipients.of(Place(rows.destination[row], flow, rows.amc_number[row] if flow == AMC_FLOW else 0)).name


def check_build(biller: str, settings: LotSettings) -> None:
    """Raise FaultyInput for settings that cannot be and a biller that records cannot hold, LayoutNotInForce for a day without layouts."""
    faults = rules.check_settings(settings)
    if rules.biller_digits(biller) is None:
        faults.append(Fault(code="B2_BAD_VALUE", message="this biller cannot be written in a record", field="biller", value=biller))
    if faults:
        raise FaultyInput(faults)
    load_pack().check_day(settings.date)


def lay_out(
    rows: Rows, planned: Planned, place: int, biller: str, settings: LotSettings, numbers: Sequence[int], taken: bytearray
) -> BuiltFile:
    """Lay out the file at `place` of a plan; `numbers` are those of all its lots, and the file's own sequence is the settings'.

    `taken` has a byte for each row, and keeps a row from standing in two files. Raises FaultyInput for what does not fit its field,
    RowsDisagree.
    """
    span = planned.files[place]
    digits = rules.biller_digits(biller)
    assert digits is not None, "check_build refuses this biller"
    lots = _describe(rows, planned, span, numbers, settings)
    opening, closing, totals = _envelope(lots, digits, settings)
    heads = write("1", [_head(lot, digits) for lot in lots])
    tails = write("6", [_tail(lot, digits) for lot in lots])
    start = planned.begins[span.start]
    order, sizes = planned.found.order[start : planned.begins[span.stop]], planned.found.sizes[span.start : span.stop]
    content, firsts = kernel.lay_out(rows, order, sizes, opening, heads, tails, closing, taken)
    begins = [planned.begins[lot] - start for lot in range(span.start, span.stop + 1)]
    return BuiltFile(
        name=rules.file_name(biller, settings.file_sequence),
        biller=biller,
        sequence=settings.file_sequence,
        date=settings.date,
        content=content,
        lots=tuple(
            msgspec.structs.replace(lot, first_records=firsts[begin:end]) for lot, begin, end in zip(lots, begins, begins[1:], strict=False)
        ),
        records=totals["records"],
        invoices=totals["invoices"],
        fees=Cents(totals["fees"]),
        amo=Cents(totals["amo"]),
        amc=Cents(totals["amc"]),
        next_sequence=rules.next_number(settings.file_sequence, rules.LAST_SEQUENCE),
        next_lot=rules.next_number(numbers[span.stop - 1], rules.LAST_LOT),
    )


def build_encoded(rows: Rows, biller: str, settings: LotSettings, in_use: AbstractSet[int] = frozenset()) -> list[BuiltFile]:
    """Put encoded invoices of one biller in lots, and lay out the files that the settings ask for, in order.

    The same rows in another order give the same files. `in_use` are the numbers of the biller's lots that still wait for an answer.
    Raises FaultyInput (settings, a total wider than its field, no row), LotNumbersExhausted, RowsDisagree, LayoutNotInForce.
    """
    if len(rows.flow) == 0:
        raise FaultyInput([*rules.check_settings(settings), Fault(code="B2_MISSING", message="there is no invoice to put in a lot")])
    check_build(biller, settings)
    planned = plan(rows, settings)
    numbers = rules.lot_numbers(settings.first_lot, len(planned.found.sizes), in_use)
    taken = bytearray(len(rows.flow))
    sequences = accumulate(planned.files[1:], lambda last, _: rules.next_number(last, rules.LAST_SEQUENCE), initial=settings.file_sequence)
    return [
        lay_out(rows, planned, place, biller, msgspec.structs.replace(settings, file_sequence=sequence), numbers, taken)
        for place, sequence in enumerate(sequences)
    ]


def _describe(rows: Rows, planned: Planned, span: range, numbers: Sequence[int], settings: LotSettings) -> list[BuiltLot]:
    found, begins = planned.found, planned.begins
    by_executor = "executor" in policies.lot_criteria(settings)
    lots: list[BuiltLot] = []
    for index in span:
        members = found.order[begins[index] : begins[index + 1]]
        first = members[0]
        flow = cast("Flow", rows.flow[first])
        regime, caisse, centre = rules.place_of(rows.destination[first])
        organism, computing = rules.route(settings, regime, caisse, centre)
        fees, amo = found.fees[index], found.amo[index]
        lots.append(
            BuiltLot(
                number=numbers[index], flow=flow, regime=regime, caisse=caisse, centre=centre,
                amc_number=f"{rows.amc_number[first]:010d}" if flow == 2 else "",
                security=cast("SecurityLetter", chr(rows.security[first])), date=settings.date,
                recipient_organism=organism, computing_centre=computing,
                executor=rows.executor[first] if by_executor else None,
                invoices=len(members), records=found.records[index] + 2,
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


def build_all(
    invoices: Sequence[Invoice], settings: LotSettings, *, lines: Sequence[int] | None = None, in_use: AbstractSet[int] = frozenset()
) -> list[BuiltFile]:
    """Encode invoices of one biller and build their files; `lines` are their line numbers, for faults.

    An invoice whose AMC share is claimed apart gives two rows, flow 02 after the others: row numbers of the lots from
    `len(invoices)` on are those of `claimed_apart(invoices)`. Raises what `build_encoded` raises, FaultyInput also for invoices
    that cannot be encoded or are of several billers.
    """
    from desmos_fast.billing.codec import encode

    whole = encode(invoices, flow=1, lines=lines)
    faults = whole.faults or _mixed(invoices, lines)
    if faults:
        raise FaultyInput(faults)
    apart = claimed_apart(invoices)
    again = encode([invoices[row] for row in apart], flow=2, lines=[lines[row] for row in apart] if lines else None)
    if again.faults:
        raise FaultyInput(again.faults)
    return build_encoded(_columns(invoices, apart, whole, again), invoices[0].biller if invoices else "", settings, in_use)


def build(invoices: Sequence[Invoice], settings: LotSettings, *, in_use: AbstractSet[int] = frozenset()) -> BuiltFile:
    """Build one file, as `build_all` does; raise FaultyInput when the settings make several of these invoices."""
    files = build_all(invoices, settings, in_use=in_use)
    if len(files) > 1:
        lots = sum(len(file.lots) for file in files)
        message = f"these invoices make {lots} lots and {len(files)} files, and one file is asked for"
        raise FaultyInput([Fault(code="B2_OVERFLOW", message=message, value=len(files))])
    return files[0]


def claimed_apart(invoices: Sequence[Invoice]) -> list[int]:
    """Return the places of the invoices whose AMC share, not zero, goes to flow 02."""
    return [
        place
        for place, invoice in enumerate(invoices)
        if invoice.amc is not None and invoice.amc.separate_claim and any(act.amc for act in invoice.acts)
    ]


def _mixed(invoices: Sequence[Invoice], lines: Sequence[int] | None) -> list[Fault]:
    """Return a fault for each invoice that is of another biller than the first one."""
    return [
        Fault(
            code="B2_BAD_VALUE", message="a build takes the invoices of one biller", field="biller", value=invoice.biller,
            invoice=invoice.number, line=lines[place] if lines else None,
        )
        for place, invoice in enumerate(invoices)
        if invoice.biller != invoices[0].biller
    ]  # fmt: skip


def _columns(invoices: Sequence[Invoice], apart: Sequence[int], whole: "Encoded[bytes]", again: "Encoded[bytes]") -> Rows:
    claims = [*invoices, *(invoices[place] for place in apart)]
    shift = len(whole.data)
    return Rows(
        data=whole.data + again.data,
        starts=whole.starts + array("q", [shift + start for start in again.starts[1:]]),
        number=array("q", [claim.number for claim in claims]),
        destination=array("q", [int(claim.amo.regime + claim.amo.caisse + claim.amo.centre) for claim in claims]),
        amc_number=array("q", [0] * len(invoices) + [_amc_number(invoices[place]) for place in apart]),
        executor=array("q", [int(claim.acts[0].executor.am) for claim in claims]),
        care=array("q", [date.fromisoformat(claim.acts[0].date).toordinal() for claim in claims]),
        flow=b"\x01" * len(invoices) + b"\x02" * len(apart),
        security=b"".join([SECURITY[claim.security] for claim in claims]),
        fees=whole.fees + again.fees,
        amo=whole.amo + again.amo,
        amc=whole.amc + again.amc,
    )


def _amc_number(invoice: Invoice) -> int:
    assert invoice.amc is not None, "only an invoice with an AMC is claimed apart"
    return int(invoice.amc.number)
