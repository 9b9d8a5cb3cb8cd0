# SPDX-License-Identifier: Apache-2.0
"""Invoices as a centre enters them: read with or without their amounts, held against the records, priced and filled a block at a time."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from desmos_fast.billing import codec
from desmos_fast.billing.codec import encode, read_lines, read_whole
from desmos_fast.billing.model import CcamAct, Invoice, NgapAct
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.kernel import AMOUNTS, Priced
from desmos_fast.billing.pricing.model import PricingFault, UnpricedAct, UnpricedInvoice, UnpricedNgapAct
from desmos_fast.billing.wire import UNNUMBERED
from desmos_fast.exchange.faults import Fault
from desmos_fast.nomenclature.tariffs import Tariffs

DUPLICATE: Final = "B2_DUPLICATE_NUMBER"
MESSAGES: Final = {
    "amount_missing": "no amount is given and no tariff says it",
    "excess_not_allowed": "fees above the base are not allowed here",
    "fee_above_cap": "fees are above the ceiling of the basket",
    "exemption_needed": "a dental check of a patient without complementary insurer needs the exemption 7",
    "age_not_covered": "the act is not covered at the age of the patient",
    "line_order": "the line does not stand where it belongs: a majoration after its act, a forfait before it, the exempting act first",
    "work_accident_only": "the act belongs to a work accident, nature 41",
    "care_too_old": "the care is too old to be billed, unless a person allows it",
    "out_of_range": "no record can hold this value",
}
NULL: Final = b"null"


class Entered(UnpricedInvoice, frozen=True, kw_only=True):
    """An invoice as it is entered: 0, which no caller may write, until it is given a number."""

    number: Annotated[int, msgspec.Meta(ge=1)] = 0


ENTERED: Final = msgspec.json.Decoder(Entered)
_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ACTS: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Entry(NamedTuple):
    """One invoice that came on a line, 0 when it came alone; `asked` is what was entered while the amounts that it lacks are not known."""

    line: int
    invoice: Invoice
    asked: UnpricedInvoice | None = None

    @property
    def automatic(self) -> bool:
        """Say whether the service is to give the number."""
        return self.invoice.number == 0

    @property
    def entered(self) -> Invoice | UnpricedInvoice:
        """Return the invoice as it was entered."""
        return self.invoice if self.asked is None else self.asked


class PricedBlock(NamedTuple):
    """Entries and what each is worth, those of them that are sound, filled, and the faults of the others.

    They were priced by a pack on a day, for the day `on` instead of those of the acts when there is one.
    """

    tariffs: Tariffs
    today: date
    on: date | None
    entries: Sequence[Entry]
    priced: Priced
    sound: list[Entry]
    faults: list[Fault]


def read_plain(lines: Sequence[bytes], first_line: int = 1) -> list[Entry] | None:
    """Read one invoice from each of some texts of JSON in one go; None where one needs a look of its own, as one on several lines does."""
    data = b"\n".join(lines)
    if data.count(b"\n") != len(lines) - 1:
        return None
    found = _read_at_once(data, first_line)
    return found if found is not None and len(found) == len(lines) else None


def read_entries(data: bytes, *, first_line: int = 1) -> tuple[list[Entry], list[Fault]]:
    """Read one invoice a line, amounts and number absent or not; blank lines are skipped, a line that is no invoice is a fault.

    An absent amount stands as 0 in the invoice of its entry until it is priced.
    """
    entries = _read_at_once(data, first_line)
    if entries is not None:
        return entries, []
    found, lines, faults = read_lines(data, ENTERED, first_line)
    return [_entry(line, invoice) for line, invoice in zip(lines, found, strict=True)], faults


def read_alone(line: bytes) -> Entry | None:
    """Read one invoice as `read_entries` does, or None where it needs more than a glance: it is none, or stands on several lines."""
    whole = codec.read_alone(line, UNNUMBERED, "number")
    if whole is not None:
        return Entry(1, Invoice(**asdict(whole)))
    entered = codec.read_alone(line, ENTERED, "number")
    return None if entered is None else _entry(1, entered)


def _read_at_once(data: bytes, first_line: int) -> list[Entry] | None:
    whole = read_whole(data, UNNUMBERED, "number")
    if whole is not None:
        return [Entry(line, Invoice(**asdict(invoice))) for line, invoice in enumerate(whole, first_line)]
    entered = read_whole(data, ENTERED, "number")
    if entered is not None:
        return [_entry(line, invoice) for line, invoice in enumerate(entered, first_line)]
    return None


def _entry(line: int, entered: UnpricedInvoice) -> Entry:
    # The kernels take the plain classes.
    values = asdict(entered)
    lacking = any(getattr(act, name) is None for act in entered.acts for name in AMOUNTS)
    asked = UnpricedInvoice(**values) if lacking else None
    return Entry(line, Invoice(**values | {"acts": tuple(map(_placed, entered.acts))}), asked)


def _placed(act: UnpricedAct) -> NgapAct | CcamAct:
    kind = NgapAct if isinstance(act, UnpricedNgapAct) else CcamAct
    values = asdict(act)
    values.update((name, 0) for name in AMOUNTS if values[name] is None)
    if act.fees is None:
        # The shares that are given must fit into something, for the records to be tried.
        values["fees"] = max(values["amo"], 0) + max(values["amc"], 0)
    return kind(**values)


def record_faults(entries: Sequence[Entry]) -> list[Fault]:
    """Return why entries cannot be written as records; a number that stands twice among them is left to who keeps numbers."""
    # The number of its line stands for the one that is not given yet; no fault may name it.
    tried = [replace(entry.invoice, number=entry.line) if entry.automatic else entry.invoice for entry in entries]
    faults = encode(tried, flow=1, lines=[entry.line for entry in entries]).faults
    automatic = {entry.line for entry in entries if entry.automatic} if faults else ()
    return [replace(fault, invoice=None) if fault.line in automatic else fault for fault in faults if fault.code != DUPLICATE]


def price_block(
    data: bytes, tariffs: Tariffs, *, first_line: int = 1, today: date, on: date | None = None, allow_late: bool = False
) -> PricedBlock:
    """Read and price one invoice a line; the faults, those of reading and of the records too, are in the order of their lines."""
    entries, faults = read_entries(data, first_line=first_line)
    faults += record_faults(entries)
    refused = {fault.line for fault in faults}
    block = price_entries([entry for entry in entries if entry.line not in refused], tariffs, today=today, on=on, allow_late=allow_late)
    return block._replace(faults=sorted(faults + block.faults, key=lambda fault: fault.line or 0))


def price_entries(
    entries: Sequence[Entry], tariffs: Tariffs, *, today: date, on: date | None = None, allow_late: bool = False
) -> PricedBlock:
    """Price entries that can be written as records, in one call; `on` prices as if every act were of that day."""
    priced = kernel.price([entry.entered for entry in entries], tariffs=tariffs, on=on, today=today, allow_late=allow_late)
    faults = [_fault(fault, entries[fault.invoice]) for fault in priced.faults]
    refused = {fault.line for fault in faults}
    sound = [
        entry if entry.asked is None else Entry(entry.line, priced.filled(place), entry.asked)
        for place, entry in enumerate(entries)
        if entry.line not in refused
    ]
    # An amount that was found may be too wide for its field.
    wide = record_faults(found) if (found := [entry for entry in sound if entry.asked is not None]) else []
    if wide:
        refused = {fault.line for fault in wide}
        sound = [entry for entry in sound if entry.line not in refused]
    return PricedBlock(tariffs, today, on, entries, priced, sound, faults + wide)


def price_alone(entry: Entry, tariffs: Tariffs, *, today: date, on: date | None = None, allow_late: bool = False) -> PricedBlock | None:
    """Hold one entry against the records and price it, or return None where anything is wrong with it."""
    if not _fits(entry.invoice):
        return None
    priced = kernel.price((entry.entered,), tariffs=tariffs, on=on, today=today, allow_late=allow_late)
    if priced.faults:
        return None
    sound = entry if entry.asked is None else Entry(entry.line, priced.filled(0), entry.asked)
    return PricedBlock(tariffs, today, on, [entry], priced, [sound], []) if sound is entry or _fits(sound.invoice) else None


def _fits(invoice: Invoice) -> bool:
    # The number that is not given yet is none that a record can hold.
    return codec.is_sound(invoice if invoice.number else replace(invoice, number=1))


def _fault(fault: PricingFault, entry: Entry) -> Fault:
    message = MESSAGES.get(fault.code) or f"{fault.given} is given, and the rules make it {fault.expected}"
    field = fault.field if fault.act < 0 else f"acts[{fault.act}].{fault.field}"
    return Fault(
        code=fault.code, message=f"{field}: {message}", line=entry.line, invoice=entry.invoice.number or None, field=field,
        value=fault.given, expected=fault.expected, rule=fault.rule or None,
    )  # fmt: skip


def filled_line(line: bytes, invoice: Invoice) -> bytes:
    """Return a line of JSON with the amounts that it lacks, every other value as it was written."""
    keys = _KEYS.decode(line)
    acts = _ACTS.decode(keys["acts"])
    for given, act in zip(acts, invoice.acts, strict=True):
        for name in AMOUNTS:
            if bytes(given.get(name, NULL)) == NULL:
                given[name] = msgspec.Raw(b"%d" % getattr(act, name))
    keys["acts"] = msgspec.Raw(msgspec.json.encode(acts))
    return msgspec.json.encode(keys)
