# SPDX-License-Identifier: Apache-2.0
"""Claims of the test profile: invoices in, the bytes of their records out, and every fault told by its key."""

import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.billing.kernel import encoder
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault
from ext import fse
from ext.seen import Seen

if TYPE_CHECKING:
    from ext.fse import Found

SHOWN: Final = 64
MESSAGES: Final = {
    "B2_MISSING": "is needed and is not there",
    "B2_OVERFLOW": "is wider than its field",
    "B2_BAD_CHAR": "holds a character that records cannot hold",
    "B2_BAD_NUMERIC": "is not made of digits",
    "B2_BAD_DATE": "is not a date that can be written",
    "B2_BAD_VALUE": "is not allowed",
    "B2_BAD_NIR": "has not the form of a NIR",
    "B2_NIR_KEY": "has a wrong key",
    "B2_FINESS_KEY": "has a wrong key",
    "B2_AMOUNTS": "asks the insurers for more than its fees",
    "B2_DUPLICATE_NUMBER": "is used twice by this biller",
    "B2_UNKNOWN_KEY": "is not a key of the invoice",
}
TOTALS: Final = "5"
_NAMES: Final = {slot: source for source, slot in fse.SLOTS.items()}
_SECRET: Final = frozenset({fse.SLOTS["insured_nir"], fse.SLOTS["beneficiary.nir"]})
# A value inside a thousand others is as unreadable as one that does not end.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_KEY: Final = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`")
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class UsedNumbers(Seen):
    """Billers and numbers met so far, for an input that is encoded a block at a time."""


class _Unnumbered(Invoice, frozen=True, kw_only=True):
    """An invoice as the API takes it: 0, which no caller may write, until the service gives it a number."""

    number: Annotated[int, msgspec.Meta(ge=1)] = 0


class Encoded(msgspec.Struct, frozen=True):
    """Records of 128 bytes and LF, with one entry an invoice: where it starts (and the end), and its sums in cents as its `5` says.

    A faulty invoice has no record and sums of zero.
    """

    data: bytes
    starts: "array[int]"
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"
    faults: list[Fault]


def encode(
    invoices: Sequence[Invoice], *, flow: int = 1, lines: Sequence[int] | None = None, used: UsedNumbers | None = None
) -> Encoded:
    """Encode invoices, the sound ones whatever the others hold; `lines` are their line numbers, for faults.

    Flow 2 writes the AMC amounts of a claim apart, flow 1 zeros in their place. Amounts are never computed. A number that its biller
    has in `used`, or in this call, is a fault.
    """
    if flow not in (1, 2):
        raise ValueError("an invoice travels in flow 1 or 2")
    given = tuple(invoices)
    data, starts, fees, amo, amc, found = encoder().encode(given, flow, used)
    faults = [_fault(given[row[0]], lines[row[0]] if lines else None, row) for row in found]
    return Encoded(data, starts, fees, amo, amc, faults)


def _fault(invoice: Invoice, line: int | None, found: "Found") -> Fault:
    _, reason, slot, act, value, width = found
    code, source = fse.REASONS[reason], _NAMES[slot]
    path = f"acts[{act}]{source.removeprefix('act')}" if source.partition(".")[0] == "act" else source.removeprefix("=")
    return Fault(
        code=code,
        message=f"{path} {MESSAGES[code]}",
        line=line,
        invoice=_number(invoice.number),
        record_type=TOTALS if source.startswith("=") else None,
        field=path,
        value=None if slot in _SECRET else _shown(value),
        width=width if width > 0 else None,
    )


def _number(value: object) -> int | None:
    """Return an invoice number for a fault: what is no number of an invoice, a NIR perhaps, is left out."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None


def _shown(value: object) -> str | int | None:
    """Return what a fault may show of a value: short, and nothing that has the form of a NIR."""
    if isinstance(value, tuple):
        value = " ".join(str(item) for item in value[:SHOWN])
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value)
    masked = mask_nir(text)[:SHOWN]
    return value if masked == text else masked


def read_ndjson(data: bytes, *, numbered: bool = True, first_line: int = 1) -> tuple[list[Invoice], list[int], list[Fault]]:
    """Read one invoice a line: the invoices, their line numbers, and a fault for each line that is none.

    Blank lines are skipped. Without `numbered` an absent number is no fault and reads as 0, for the service to assign one.
    """
    kind: type[Invoice] = Invoice if numbered else _Unnumbered
    decoder = msgspec.json.Decoder(kind)
    try:
        invoices: list[Invoice] = list(decoder.decode_lines(data))
    except UNREADABLE:
        return _line_by_line(data, decoder, first_line)
    # Exactly one a line, for no value of JSON holds the end of one object, a line end and the start of another.
    if data.count(b"\n") == len(invoices) - (not data.endswith(b"\n")) and data.count(b"}\n{") == max(len(invoices) - 1, 0):
        return invoices, list(range(first_line, first_line + len(invoices))), []
    return _line_by_line(data, decoder, first_line)


def _line_by_line(data: bytes, decoder: "msgspec.json.Decoder[Invoice]", first: int) -> tuple[list[Invoice], list[int], list[Fault]]:
    invoices: list[Invoice] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for number, line in enumerate(data.split(b"\n"), first):
        if not line.strip():
            continue
        try:
            invoices.append(decoder.decode(line))
            lines.append(number)
        except UNREADABLE as error:
            faults.append(_refused(line, number, str(error) if isinstance(error, msgspec.ValidationError) else None))
    return invoices, lines, faults


def _refused(line: bytes, number: int, message: str | None) -> Fault:
    """Tell by code and key what the typed decoder says in words; its words may hold values, so they are not passed on."""
    try:
        whole: Any = msgspec.json.decode(line)
    except UNREADABLE:
        message = None
    if message is None:
        return Fault(code="B2_BAD_JSON", message="this line is not one JSON object in UTF-8", line=number)
    at = _AT.search(message)
    key = _KEY.fullmatch(message, 0, at.start() if at else len(message))
    path, code = at["path"] if at else "", "B2_BAD_VALUE"
    if key is not None:
        code = "B2_MISSING" if key["what"].startswith("missing") else "B2_UNKNOWN_KEY"
        path = f"{path}.{key['name']}" if path else key["name"]
    path = mask_nir(path)
    return Fault(
        code=code,
        message=f"{path or 'the line'} {MESSAGES[code]}",
        line=number,
        invoice=_number(whole.get("number")) if isinstance(whole, dict) else None,
        field=path or None,
        value=_shown(_value_at(whole, path)) if code == "B2_BAD_VALUE" and not path.endswith("nir") else None,
    )


def _value_at(whole: Any, path: str) -> object:
    for name, index in _STEP.findall(path):
        try:
            whole = whole[name or int(index)]
        except (LookupError, TypeError):
            return None
    return whole
