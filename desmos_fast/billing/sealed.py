# SPDX-License-Identifier: Apache-2.0
"""What is kept of an invoice and cannot be read in the database: its records in each flow, and the invoice itself."""

import hashlib
import struct
from array import array
from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import Part
from desmos_fast.billing import rules
from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.rules import ShareDue, Split
from desmos_fast.db.journal import ids as new_ids
from desmos_fast.db.kernel import blind_index, seal
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import LayoutChanged

# Version 2, then the sizes of the name of the layouts, of the records of flow 01 and of those of flow 02; the wire takes the rest.
_HEAD: Final = struct.Struct(">BBII")
_VERSION: Final = 2
EVERY_PART: Final = frozenset[Part](("amo", "amc", "patient"))
WIRE: Final = msgspec.json.Encoder(order="deterministic")


class SealedUnread(OurBug):
    """The bytes inside a sealed invoice are not laid out as they are written."""

    code = "seal_broken"


def pack(flow1: bytes, flow2: bytes, wire: bytes) -> bytes:
    """Put an invoice's records and its canonical JSON in one run of bytes, which is hashed, then sealed, with the layouts in use.

    `flow2` is empty unless the complementary share is claimed apart.
    """
    profile = load_pack().profile.encode()
    return _HEAD.pack(_VERSION, len(profile), len(flow1), len(flow2)) + profile + flow1 + flow2 + wire


def unpack(blob: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the records of flow 01, those of flow 02 and the canonical JSON.

    Raises SealedUnread, and LayoutChanged for an invoice that was signed under other layouts: its records fit in no file of these.
    """
    start, first, second = _places(blob)
    profile, used = blob[_HEAD.size : start].decode("ascii", "replace"), load_pack().profile
    if profile != used:
        raise LayoutChanged(
            f"an invoice was signed under the layouts {profile!r}, and {used!r} are in use",
            hint="set DESMOS_LAYOUTS back, build the lots of what waits, and change it then",
        )
    return blob[start:first], blob[first:second], blob[second:]


def unpack_wire(blob: bytes) -> bytes:
    """Return the canonical JSON, whatever the layouts under which the invoice was signed. Raises SealedUnread."""
    return blob[_places(blob)[2] :]


def _places(blob: bytes) -> tuple[int, int, int]:
    """Return where the records of flow 01 begin, those of flow 02, and the wire."""
    if len(blob) < _HEAD.size:
        raise SealedUnread("a sealed invoice is shorter than its head")
    version, size, size1, size2 = _HEAD.unpack_from(blob)
    start = _HEAD.size + size
    if version != _VERSION or start + size1 + size2 > len(blob):
        raise SealedUnread("a sealed invoice is not laid out as version 2")
    return start, start + size1, start + size1 + size2


class Block(msgspec.Struct, frozen=True):
    """Invoices ready to be kept, one item a row; `fees`, `amo` and `amc` are those of record 5 in flow 01, in cents."""

    ids: list[UUID]
    invoices: list[Invoice]
    splits: list[Split]
    shares: list[list[ShareDue]]
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"
    hashes: list[bytes]
    sealed: list[bytes]
    insured: list[bytes]


def seal_block(keys: TenantKeys, tenant: UUID, invoices: list[Invoice], parts: Collection[Part] = EVERY_PART) -> Block:
    """Encode invoices that were checked, in both flows, and seal each one under a new id; without every part they bill the others alone.

    Raises FaultyInput when one cannot be encoded after all.
    """
    splits = [rules.split(invoice) for invoice in invoices]
    if parts != EVERY_PART:
        splits = [rules.of_parts(whole, parts) for whole in splits]
    apart = [place for place, both in enumerate(zip(invoices, splits, strict=True)) if rules.is_apart(*both)]
    whole, again = encode(invoices, flow=1), encode([invoices[place] for place in apart], flow=2)
    if whole.faults or again.faults:
        raise FaultyInput([*whole.faults, *again.faults])
    second = {place: again.data[again.starts[row] : again.starts[row + 1]] for row, place in enumerate(apart)}
    blobs = [
        pack(
            whole.data[whole.starts[place] : whole.starts[place + 1]] if "amo" in parts else b"",
            second.get(place, b""),
            WIRE.encode(invoice),
        )
        for place, invoice in enumerate(invoices)
    ]
    ids = new_ids(len(invoices))
    return Block(
        ids=ids,
        invoices=invoices,
        splits=splits,
        shares=[[share for share in rules.shares(*both) if share.part in parts] for both in zip(invoices, splits, strict=True)],
        fees=whole.fees,
        amo=whole.amo,
        amc=whole.amc,
        hashes=[hashlib.sha256(blob).digest() for blob in blobs],
        sealed=seal(keys, "invoice", tenant, ids, blobs),
        insured=blind_index(keys, [invoice.insured_nir for invoice in invoices]),
    )
