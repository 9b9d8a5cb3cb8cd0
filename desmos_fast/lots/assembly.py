# SPDX-License-Identifier: Apache-2.0
"""From the invoices that wait to the files that hold them: sealed rows opened and checked, numbered, laid out. No database."""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.billing.sealed import unpack
from desmos_fast.db.kernel import SealBroken, unseal
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.lots import codec, rules
from desmos_fast.lots.codec import Planned
from desmos_fast.lots.model import BuiltFile, ContentChanged, LotSettings, Rows, Waiting

ID: Final = 16


class Claims(NamedTuple):
    """Encoded invoices, and whose they are: the 16 bytes of the invoice of each row, one after the other."""

    invoices: bytearray
    rows: Rows

    def invoice(self, row: int) -> UUID:
        """Return the invoice of a row."""
        return UUID(bytes=bytes(self.invoices[row * ID : row * ID + ID]))


class Laid(NamedTuple):
    """One file laid out, and what each of its lots, in order, took the counter of lots to."""

    claims: Claims
    file: BuiltFile
    counted: Sequence[int]


class Draft(NamedTuple):
    """A build whose numbers are given: the counter of files before its first, what each lot took that of lots to, and the rows used."""

    claims: Claims
    settings: LotSettings
    planned: Planned
    first_file: int
    counted: Sequence[int]
    taken: bytearray


def no_claims() -> Claims:
    """Return claims without a row, for `open_claims` to add to: columns that grow, so that a build holds no object for an invoice."""
    columns = ("number", "destination", "amc_number", "executor", "care", "fees", "amo", "amc")
    numbers = {name: array("q") for name in columns}
    return Claims(bytearray(), Rows(data=bytearray(), starts=array("q", [0]), flow=bytearray(), security=bytearray(), **numbers))


def open_claims(keys: TenantKeys, tenant: UUID, waiting: Waiting, claims: Claims) -> None:
    """Open what waits and add it to claims: flow 1 in order of number, then flow 2.

    Raises ContentChanged for an invoice that does not open or is not what was signed, SealedUnread.
    """
    try:
        blobs = unseal(keys, "invoice", tenant, waiting.ids, waiting.sealed)
    except SealBroken as error:
        raise _changed(waiting.ids[error.row]) from error
    for name, blob, signed in zip(waiting.ids, blobs, waiting.hashes, strict=True):
        if hashlib.sha256(blob).digest() != signed:
            raise _changed(name)
    records = [unpack(blob) for blob in blobs]
    whole = [place for place, waits in enumerate(waiting.whole) if waits]
    apart = [place for place, waits in enumerate(waiting.apart) if waits]
    _add(claims, waiting, whole, 1, [records[place][0] for place in whole], waiting.amc)
    _add(claims, waiting, apart, 2, [records[place][1] for place in apart], waiting.amc_sum)


def _changed(invoice: UUID) -> ContentChanged:
    odd = Found(Kind.CONTENT_CHANGED, invoice, stage="lot")
    hint = "stop billing for this centre and look at the storage"
    return ContentChanged(f"invoice {invoice} is not what was signed", anomaly=odd, hint=hint)


def _add(claims: Claims, waiting: Waiting, places: Sequence[int], flow: int, runs: Sequence[bytes], amc: "array[int]") -> None:
    rows, end = claims.rows, claims.rows.starts[-1]
    assert isinstance(rows.data, bytearray) and isinstance(rows.flow, bytearray) and isinstance(rows.security, bytearray)
    for run in runs:
        end += len(run)
        rows.starts.append(end)
    rows.data.extend(b"".join(runs))
    rows.flow.extend(bytes([flow]) * len(places))
    rows.security.extend(b"".join([codec.SECURITY[waiting.security[place]] for place in places]))
    rows.care.extend([waiting.care_dates[place].toordinal() for place in places])
    for column, values in (
        (rows.number, waiting.numbers), (rows.destination, waiting.destination), (rows.amc_number, waiting.amc_number),
        (rows.executor, waiting.executor), (rows.fees, waiting.fees), (rows.amo, waiting.amo), (rows.amc, amc),
    ):  # fmt: skip
        column.extend([values[place] for place in places])
    claims.invoices.extend(b"".join([waiting.ids[place].bytes for place in places]))


def number(
    claims: Claims, biller: str, settings: LotSettings, planned: Planned, first_file: int, lots_before: int, in_use: AbstractSet[int]
) -> Draft:
    """Give the lots of a plan their numbers, stepping over those in use; its files are counted from `first_file` on.

    Raises LotNumbersExhausted, FaultyInput.
    """
    codec.check_build(biller, settings)
    first = rules.lot_place(lots_before + 1)[1]
    numbers = rules.lot_numbers(first, len(planned.found.sizes), in_use)
    counted = [lots_before + 1 + (one - first) % rules.LAST_LOT for one in numbers]
    return Draft(claims, settings, planned, first_file, counted, bytearray(len(claims.rows.flow)))


def lay_out(draft: Draft, biller: str) -> Iterator[Laid]:
    """Lay out the files of a build, one at a time. Raises FaultyInput, RowsDisagree."""
    numbers = [rules.lot_place(taken)[1] for taken in draft.counted]
    for place, span in enumerate(draft.planned.files):
        chosen = msgspec.structs.replace(draft.settings, file_sequence=rules.file_sequence(draft.first_file + place))
        file = codec.lay_out(draft.claims.rows, draft.planned, place, biller, chosen, numbers, draft.taken)
        yield Laid(draft.claims, file, draft.counted[span.start : span.stop])
