# SPDX-License-Identifier: Apache-2.0
"""From the invoices that wait to the files that hold them: sealed rows opened and checked, shared out, laid out. No database."""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.billing.sealed import unpack
from desmos_fast.db.kernel import unseal
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.lots import codec, rules
from desmos_fast.lots.model import BuiltFile, ContentChanged, LotSettings, Rows, Waiting


class Claims(NamedTuple):
    """Encoded invoices, and whose they are: item i of `invoices` is row i."""

    invoices: Sequence[UUID]
    rows: Rows


class Laid(NamedTuple):
    """One file laid out, and what the counter of lots was before its first lot."""

    claims: Claims
    file: BuiltFile
    lots_before: int

    def counted(self) -> Iterator[int]:
        """Give what each lot, in order, took the counter to."""
        first = rules.lot_place(self.lots_before + 1)[1]
        for lot in self.file.lots:
            yield self.lots_before + 1 + (lot.number - first) % rules.LAST_LOT


def open_claims(keys: TenantKeys, tenant: UUID, waiting: Waiting) -> Claims:
    """Open what waits and put it in rows: flow 1 in order of number, then flow 2.

    Raises ContentChanged for an invoice that is not what was signed, SealBroken, SealedUnread.
    """
    blobs = unseal(keys, "invoice", tenant, waiting.ids, waiting.sealed)
    for name, blob, signed in zip(waiting.ids, blobs, waiting.hashes, strict=True):
        if hashlib.sha256(blob).digest() != signed:
            raise ContentChanged(f"invoice {name} is not what was signed", hint="stop billing for this centre and look at the storage")
    records = [unpack(blob) for blob in blobs]
    whole = [place for place, waits in enumerate(waiting.whole) if waits]
    apart = [place for place, waits in enumerate(waiting.apart) if waits]
    places = whole + apart
    runs = [records[place][0] for place in whole] + [records[place][1] for place in apart]
    starts = array("q", [0])
    for run in runs:
        starts.append(starts[-1] + len(run))

    def column(values: "array[int]") -> "array[int]":
        return array("q", [values[place] for place in places])

    rows = Rows(
        data=b"".join(runs),
        starts=starts,
        destination=column(waiting.destination),
        amc_number=column(waiting.amc_number),
        executor=column(waiting.executor),
        flow=b"\x01" * len(whole) + b"\x02" * len(apart),
        security=b"".join([codec.SECURITY[waiting.security[place]] for place in places]),
        fees=column(waiting.fees),
        amo=column(waiting.amo),
        amc=array("q", [waiting.amc[place] for place in whole] + [waiting.amc_sum[place] for place in apart]),
    )
    return Claims([waiting.ids[place] for place in places], rows)


def share_out(claims: Claims, settings: LotSettings) -> list[Claims]:
    """Return the claims of each file that the settings ask for."""
    files = codec.share_out(claims.rows, settings)
    if len(files) == 1:
        return [claims]
    return [Claims([claims.invoices[row] for row in chosen], codec.take_rows(claims.rows, chosen)) for chosen in files]


def lay_out(files: Sequence[Claims], biller: str, settings: LotSettings, first_file: int, lots_before: int, in_use: set[int]) -> list[Laid]:
    """Number and lay out files, their counter from `first_file` on; `in_use` are the lot numbers to step over.

    Raises LotNumbersExhausted, FaultyInput, RowsDisagree.
    """
    made: list[Laid] = []
    for place, claims in enumerate(files):
        chosen = msgspec.structs.replace(
            settings, file_sequence=rules.file_sequence(first_file + place), first_lot=rules.lot_place(lots_before + 1)[1]
        )
        laid = Laid(claims, codec.build_encoded(claims.rows, biller, chosen, in_use), lots_before)
        made.append(laid)
        in_use = in_use | {lot.number for lot in laid.file.lots}
        *_, lots_before = laid.counted()
    return made
