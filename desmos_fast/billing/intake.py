# SPDX-License-Identifier: Apache-2.0
"""Invoices as they come to the API: decoded, then put through every check that needs no database."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from desmos_fast.billing import amounts, rules
from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.model import BatchTooLong, Invoice
from desmos_fast.billing.wire import UNREADABLE
from desmos_fast.exchange.faults import Fault
from desmos_fast.identity.context import Context

MAX_LINES: Final = 10_000
DUPLICATE: Final = "B2_DUPLICATE_NUMBER"
_FILLED: Final = re.compile(rb"\S[^\n]*")


class Candidate(NamedTuple):
    """An invoice that can be signed once its number is known to be free; `automatic` when the service gives the number.

    `line` is 0 when it came alone.
    """

    line: int
    invoice: Invoice
    automatic: bool


Checked = tuple[list[Candidate], list[Fault]]


def one(context: Context, body: bytes) -> Checked:
    """Decode and check a body that is one JSON object, on as many lines as it likes."""
    try:
        line = msgspec.json.format(body, indent=-1)
    except UNREADABLE:
        return [], [Fault(code="B2_BAD_JSON", message="the body is not one JSON object")]
    candidates, faults = _checked(context, line)
    return [candidate._replace(line=0) for candidate in candidates], [msgspec.structs.replace(fault, line=None) for fault in faults]


def batch(context: Context, body: bytes) -> Checked:
    """Decode and check an NDJSON body; blank lines count for nothing. Raises BatchTooLong."""
    if sum(1 for _ in islice(_FILLED.finditer(body), MAX_LINES + 1)) > MAX_LINES:
        raise BatchTooLong(f"a batch holds at most {MAX_LINES} invoices", hint="send several batches")
    return _checked(context, body)


def duplicate(candidate: Candidate) -> Fault:
    """Say that a chosen number is in use."""
    number = candidate.invoice.number
    message = "this number is another invoice's"
    return Fault(code=DUPLICATE, field="number", message=message, value=number, invoice=number, line=candidate.line or None)


def _checked(context: Context, data: bytes) -> Checked:
    invoices, lines, faults = read_ndjson(data, numbered=False)
    candidates = [Candidate(line, invoice, invoice.number == 0) for line, invoice in zip(lines, invoices, strict=True)]
    for candidate in candidates:
        refused = rules.refusals(candidate.invoice, context.finess, context.kind)
        faults += [msgspec.structs.replace(fault, line=candidate.line) for fault in refused]
    faults += _encoding_faults(candidates)
    refused_lines = {fault.line for fault in faults}
    # Only what can be encoded has amounts and days that can be counted with.
    for candidate in candidates:
        if candidate.line not in refused_lines:
            faults += [msgspec.structs.replace(fault, line=candidate.line) for fault in amounts.mismatches(candidate.invoice)]
    refused_lines = {fault.line for fault in faults}
    good, again = _distinct([candidate for candidate in candidates if candidate.line not in refused_lines])
    faults += again
    return good, [rules.as_api(fault) for fault in faults]


def _encoding_faults(candidates: Sequence[Candidate]) -> list[Fault]:
    # The number of its line stands for the one that is not given yet; no fault may name it.
    tried = [msgspec.structs.replace(item.invoice, number=item.line) if item.automatic else item.invoice for item in candidates]
    found = encode(tried, flow=1, lines=[candidate.line for candidate in candidates]).faults
    automatic = {candidate.line for candidate in candidates if candidate.automatic}
    return [
        msgspec.structs.replace(fault, invoice=None) if fault.line in automatic else fault
        for fault in found
        # A number is taken only by an invoice that is kept: `_distinct` looks when all are known.
        if fault.code != DUPLICATE
    ]


def _distinct(candidates: Sequence[Candidate]) -> Checked:
    """Keep the first of those that chose the same number."""
    seen: set[int] = set()
    kept: list[Candidate] = []
    faults: list[Fault] = []
    for candidate in candidates:
        if candidate.automatic or candidate.invoice.number not in seen:
            kept.append(candidate)
            seen.add(candidate.invoice.number)
        else:
            faults.append(duplicate(candidate))
    return kept, faults
