# SPDX-License-Identifier: Apache-2.0
"""Claims of the test profile: invoices in, the bytes of their records out, and every fault told by its key."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import msgspec

from desmos_fast.billing import kernel
from desmos_fast.billing.columns import Rows
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.wire import INVOICE, MESSAGES, UNREADABLE, known_number, read_line, read_mapping, shown, twice
from desmos_fast.exchange.faults import Fault, FaultyInput
from ext import fse, sink
from ext.seen import Seen

if TYPE_CHECKING:
    from ext.fse import Found

# Memory that one call after the other writes its records into.
Block = sink.Block
Data = TypeVar("Data", bytes, memoryview)
T = TypeVar("T")
Invoices = Sequence[Invoice] | Sequence[Mapping[str, Any]]
TOTALS: Final = "5"
OTHERWISE: Final = "would be spelt otherwise in the records"
_NAMES: Final = {slot: source for source, slot in fse.SLOTS.items()}
_SECRET: Final = frozenset({fse.SLOTS["insured_nir"], fse.SLOTS["beneficiary.nir"]})
_FREE: Final = frozenset({fse.SLOTS["referring_doctor.last_name"], fse.SLOTS["referring_doctor.first_name"]})


class UsedNumbers(Seen):
    """Billers and numbers met so far, for an input that is encoded a block at a time."""


class Encoded(msgspec.Struct, Generic[Data], frozen=True):
    """Records of 128 bytes and LF, with one entry an invoice: where it starts (and the end), and its sums in cents as its `5` says.

    A faulty invoice has no record and sums of zero. The data is a view of the block for a call that was given one.
    """

    data: Data
    starts: "array[int]"
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"
    faults: list[Fault]


@overload
def encode(
    invoices: Invoices, *, flow: int = 1, lines: Sequence[int] | None = None, used: UsedNumbers | None = None, strict: bool = False
) -> Encoded[bytes]: ...
@overload
def encode(
    invoices: Invoices,
    *,
    flow: int = 1,
    lines: Sequence[int] | None = None,
    used: UsedNumbers | None = None,
    strict: bool = False,
    into: Block,
) -> Encoded[memoryview]: ...
def encode(
    invoices: Invoices,
    *,
    flow: int = 1,
    lines: Sequence[int] | None = None,
    used: UsedNumbers | None = None,
    strict: bool = False,
    into: Block | None = None,
) -> Encoded[Any]:
    """Encode invoices, or dictionaries of them, the sound ones whatever the others hold; `lines` are their line numbers, for faults.

    Flow 2 writes the AMC amounts of a claim apart, flow 1 zeros in their place. Amounts are never computed. A number that its biller
    has in `used`, or in this call, is a fault; so is, with `strict`, a name that records would spell otherwise. Records written into a
    block stay there until the next call. Raises TypeError for what is neither an invoice nor a dictionary.
    """
    _check_flow(flow)
    given: tuple[Any, ...] = tuple(invoices)
    if given and isinstance(given[0], dict):
        unread: list[tuple[int, Fault]] = []

        def general(row: int) -> Invoice | None:
            item = given[row]
            if not isinstance(item, dict | Invoice):
                raise TypeError("an encoder takes invoices, or dictionaries of them")
            return _kept(item if isinstance(item, Invoice) else read_mapping(item, lines[row] if lines else None), row, unread)

        data, starts, fees, amo, amc, found, odd = kernel.mappings().encode(given, flow, general, used, strict, into)
        return Encoded(data, starts, fees, amo, amc, _merged(found, dict(odd), unread, lambda row: lines[row] if lines else None))
    data, starts, fees, amo, amc, found = kernel.encoder().encode(given, flow, used, strict, into)
    faults = [_fault(given[row[0]], lines[row[0]] if lines else None, row) for row in found]
    return Encoded(data, starts, fees, amo, amc, faults)


def encode_one(invoice: Invoice, *, flow: int = 1, strict: bool = False) -> bytes:
    """Encode one invoice in the least time. Raises FaultyInput with every fault."""
    _check_flow(flow)
    data, found = kernel.encoder().encode_alone(invoice, flow, strict)
    if found:
        raise FaultyInput([_fault(invoice, None, row) for row in found])
    return data


def is_sound(invoice: Invoice) -> bool:
    """Say whether records can hold one invoice."""
    return not kernel.encoder().encode_alone(invoice, 1, False)[1]


@overload
def encode_ndjson(
    data: bytes, *, flow: int = 1, first_line: int = 1, used: UsedNumbers | None = None, strict: bool = False
) -> Encoded[bytes]: ...
@overload
def encode_ndjson(
    data: bytes, *, flow: int = 1, first_line: int = 1, used: UsedNumbers | None = None, strict: bool = False, into: Block
) -> Encoded[memoryview]: ...
def encode_ndjson(
    data: bytes,
    *,
    flow: int = 1,
    first_line: int = 1,
    used: UsedNumbers | None = None,
    strict: bool = False,
    into: Block | None = None,
) -> Encoded[Any]:
    """Encode one invoice a line straight from its bytes, as `encode` does; a line that is no invoice is a fault and has no entry.

    Blank lines count as lines and give nothing. The lock is released meanwhile, but for lines that are unusual or faulty.
    """
    _check_flow(flow)
    unread: list[tuple[int, Fault]] = []

    def general(line: bytes, number: int) -> Invoice | None:
        read = read_line(line, number, INVOICE)
        return _kept(read, number, unread)

    records, starts, fees, amo, amc, found, odd = kernel.lines().encode(data, flow, general, used, strict, into, first_line)
    numbers = {row: number for row, number, _ in odd}
    owners = {row: invoice for row, _, invoice in odd}
    told = [(numbers[row[0]], _fault(owners[row[0]], numbers[row[0]], row)) for row in found]
    return Encoded(records, starts, fees, amo, amc, _in_order([*unread, *told]))


@overload
def encode_columns(
    columns: Mapping[str, Any], *, flow: int = 1, used: UsedNumbers | None = None, strict: bool = False
) -> Encoded[bytes]: ...
@overload
def encode_columns(
    columns: Mapping[str, Any], *, flow: int = 1, used: UsedNumbers | None = None, strict: bool = False, into: Block
) -> Encoded[memoryview]: ...
def encode_columns(
    columns: Mapping[str, Any], *, flow: int = 1, used: UsedNumbers | None = None, strict: bool = False, into: Block | None = None
) -> Encoded[Any]:
    """Encode invoices from one buffer a key, as `encode` does: NumPy arrays, or anything else that shows its memory.

    A column is named by the path of its key (`amo.caisse`, `act.executor.am`); `acts` holds as 64-bit integers where the acts of each
    invoice begin, and the end. Texts are of one width, filled with NUL or spaces, and empty where there is none. Faults name the row,
    from 1, as their line. Raises ColumnError for an unknown key, or a column of another length or form than its key takes.
    """
    _check_flow(flow)
    rows, unread = Rows(columns), list[tuple[int, Fault]]()

    def general(row: int) -> Invoice | None:
        return _kept(read_mapping(rows.mapping(row), row + 1), row, unread)

    data, starts, fees, amo, amc, found, odd = rows.encode(flow, general, used, strict, into)
    return Encoded(data, starts, fees, amo, amc, _merged(found, dict(odd), unread, lambda row: row + 1))


def _check_flow(flow: int) -> None:
    if flow not in (1, 2):
        raise ValueError("an invoice travels in flow 1 or 2")


def _kept(read: Invoice | Fault, place: int, unread: list[tuple[int, Fault]]) -> Invoice | None:
    if isinstance(read, Fault):
        unread.append((place, read))
        return None
    return read


def _merged(
    found: "Iterable[Found]", owners: Mapping[int, Any], unread: list[tuple[int, Fault]], line: Callable[[int], int | None]
) -> list[Fault]:
    """Put the faults of the kernel and of what could not be read in the order of their rows."""
    return _in_order([*unread, *((row[0], _fault(owners[row[0]], line(row[0]), row)) for row in found)])


def _in_order(faults: list[tuple[int, Fault]]) -> list[Fault]:
    return [fault for _, fault in sorted(faults, key=lambda pair: pair[0])]


def _fault(invoice: Any, line: int | None, found: "Found") -> Fault:
    _, reason, slot, act, value, width = found
    code, source = fse.REASONS[reason], _NAMES[slot]
    path = f"acts[{act}]{source.removeprefix('act')}" if source.partition(".")[0] == "act" else source.removeprefix("=")
    # The one thing that is not allowed in a name is what `strict` refuses.
    message = OTHERWISE if code == "B2_BAD_VALUE" and slot in _FREE and isinstance(value, str) else MESSAGES[code]
    return Fault(
        code=code,
        message=f"{path} {message}",
        line=line,
        invoice=known_number(invoice.number),
        record_type=TOTALS if source.startswith("=") else None,
        field=path,
        value=None if slot in _SECRET else shown(value),
        width=width if width > 0 else None,
    )


def read_ndjson(data: bytes, *, first_line: int = 1) -> tuple[list[Invoice], list[int], list[Fault]]:
    """Read one invoice a line: the invoices, their line numbers, and a fault for each line that is none; blank lines are skipped."""
    invoices = read_whole(data, INVOICE)
    if invoices is None:
        return read_lines(data, INVOICE, first_line)
    return invoices, list(range(first_line, first_line + len(invoices))), []


def read_whole(data: bytes, decoder: "msgspec.json.Decoder[T]", excused: str = "") -> list[T] | None:
    """Read one object a line at once, or None where some line needs a look of its own: a blank one, one that is wrong, two on one.

    The key `excused` may be absent from an invoice that is written as usual.
    """
    try:
        found: list[T] = list(decoder.decode_lines(data))
    except UNREADABLE:
        return None
    # Exactly one a line, for no value of JSON holds the end of one object, a line end and the start of another.
    ends = data.count(b"\n")
    if ends != len(found) - (not data.endswith(b"\n")) or (ends and data.count(b"}\n{") != max(len(found) - 1, 0)):
        return None
    return None if _unclear(data, excused) else found


def read_alone(data: bytes, decoder: "msgspec.json.Decoder[T]", excused: str = "") -> T | None:
    """Read the one object of a line, as `read_whole` does."""
    try:
        found = decoder.decode(data)
    except UNREADABLE:
        return None
    return None if b"\n" in data or _unclear(data, excused) else found


def _unclear(data: bytes, excused: str) -> bool:
    # The decoder takes the last of two equal keys; where the kernel sees nothing unusual, there are none.
    unusual = kernel.lines().surprises(data, excused)
    return bool(unusual) and any(twice(data[start:stop], number) for start, stop, number in unusual)


def read_lines(data: bytes, decoder: "msgspec.json.Decoder[T]", first: int = 1) -> tuple[list[T], list[int], list[Fault]]:
    """Read one object a line, line by line: the objects, their line numbers, and a fault for each line that is none."""
    found: list[T] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for number, line in enumerate(data.split(b"\n"), first):
        # Other blanks than those of JSON make a line that is none.
        if line.strip(b" \t\r"):
            read = read_line(line, number, decoder)
            if isinstance(read, Fault):
                faults.append(read)
            else:
                found.append(read)
                lines.append(number)
    return found, lines, faults
