# SPDX-License-Identifier: Apache-2.0
"""Invoices as they come to the API: decoded, then put through every check that needs no database."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from desmos_fast.billing import rules
from desmos_fast.billing.model import BatchTooLong
from desmos_fast.billing.pricing.codec import (
    DUPLICATE,
    Entry,
    PricedBlock,
    price_alone,
    price_entries,
    read_alone,
    read_entries,
    read_plain,
    record_faults,
)
from desmos_fast.billing.pricing.explain import Pricing, explain
from desmos_fast.billing.wire import UNREADABLE
from desmos_fast.exchange.faults import Fault
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.tariffs import Tariffs

MAX_LINES: Final = 10_000
LONGEST_LINE: Final = 1024 * 1024
_FILLED: Final = re.compile(rb"\S[^\n]*")


class Terms(NamedTuple):
    """By which pack a request is priced, whether a person allows care that is too old, and as if every act were of which day."""

    tariffs: Tariffs
    allow_late: bool = False
    on: date | None = None


class Checked(NamedTuple):
    """The invoices that can be signed once their numbers are known to be free, the faults of the others, and what was priced of all."""

    entries: list[Entry]
    faults: list[Fault]
    block: PricedBlock

    def explanation(self, line: int = 1) -> Pricing | None:
        """Say why the invoice of a line, or the one of a body, is worth what it is; None when it could not be priced."""
        place = next((place for place, entry in enumerate(self.block.entries) if entry.line == line), None)
        if place is None:
            return None
        return explain(self.block.entries[place].entered, self.block.priced[place], self.block.tariffs, self.block.on)


def one(context: Context, body: bytes, terms: Terms) -> Checked:
    """Decode, check and price a body that is one JSON object, on as many lines as it likes."""
    checked = each(context, [body], terms)
    entries = [Entry(0, entry.invoice, entry.asked) for entry in checked.entries]
    return Checked(entries, [msgspec.structs.replace(fault, line=None) for fault in checked.faults], checked.block)


def plain(context: Context, body: bytes, terms: Terms) -> PricedBlock | None:
    """Decode, check and price a body in the least time, or return None where it is not without fault, or not plain, as `one` will say."""
    entry = read_alone(body)
    if entry is None or rules.refusals(entry.invoice, context.finess, context.kind):
        return None
    return price_alone(entry, terms.tariffs, today=context.today, on=terms.on, allow_late=terms.allow_late)


def each(context: Context, bodies: Sequence[bytes], terms: Terms, first: int = 1) -> Checked:
    """Decode, check and price bodies as `one` does, all in one go; an entry or a fault has the place of its body as line, from `first`."""
    entries = read_plain(bodies, first)
    if entries is not None:
        return _judged(context, entries, [], terms)
    lines: list[bytes] = []
    unread: list[Fault] = []
    for place, body in enumerate(bodies, first):
        try:
            # Without line ends between its values, so a body is one line.
            lines.append(msgspec.json.format(body, indent=-1))
        except UNREADABLE:
            lines.append(b"")
            unread.append(Fault(code="B2_BAD_JSON", message="the body is not one JSON object", line=place))
    checked = _judged(context, *read_entries(b"\n".join(lines), first_line=first), terms)
    return checked._replace(faults=unread + checked.faults)


def batch(context: Context, body: bytes, terms: Terms, first_line: int = 1) -> Checked:
    """Decode, check and price the lines of an NDJSON body from `first_line` on; blank ones count for nothing. Raises BatchTooLong."""
    if sum(1 for _ in islice(_FILLED.finditer(body), MAX_LINES + 1)) > MAX_LINES:
        raise BatchTooLong(f"a batch holds at most {MAX_LINES} invoices", hint="send several batches")
    return _judged(context, *read_entries(body, first_line=first_line), terms)


def too_long(line: int) -> Fault:
    """Say that a line is too long to be read."""
    return Fault(code="B2_BAD_JSON", message=f"this line has more than {LONGEST_LINE} bytes", line=line)


def duplicate(entry: Entry) -> Fault:
    """Say that a chosen number is in use."""
    number = entry.invoice.number
    message = "this number is another invoice's"
    return Fault(code=DUPLICATE, field="number", message=message, value=number, invoice=number, line=entry.line or None)


def _judged(context: Context, entries: list[Entry], faults: list[Fault], terms: Terms) -> Checked:
    """Put what could be read through the other checks; `faults` are those of what could not be read."""
    for entry in entries:
        for fault in rules.refusals(entry.invoice, context.finess, context.kind):
            faults.append(msgspec.structs.replace(fault, line=entry.line))
    faults += record_faults(entries)
    # Only what can be written has amounts and days that can be counted with.
    left = _others(entries, faults) if faults else entries
    block = price_entries(left, terms.tariffs, today=context.today, on=terms.on, allow_late=terms.allow_late)
    good, again = _distinct(block.sound)
    return Checked(good, [rules.as_api(fault) for fault in (*faults, *block.faults, *again)], block)


def _others(entries: Sequence[Entry], faults: Sequence[Fault]) -> list[Entry]:
    refused = {fault.line for fault in faults}
    return [entry for entry in entries if entry.line not in refused]


def _distinct(entries: Sequence[Entry]) -> tuple[list[Entry], list[Fault]]:
    """Keep the first of those that chose the same number."""
    seen: set[int] = set()
    kept: list[Entry] = []
    faults: list[Fault] = []
    for entry in entries:
        if entry.automatic or entry.invoice.number not in seen:
            kept.append(entry)
            seen.add(entry.invoice.number)
        else:
            faults.append(duplicate(entry))
    return kept, faults
