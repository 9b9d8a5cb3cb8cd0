# SPDX-License-Identifier: Apache-2.0
"""The bytes inside a sealed invoice, and a block sealed for one tenant."""

import hashlib

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.types import uuid7
from desmos_fast.billing import sealed
from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Amc
from desmos_fast.billing.sealed import SealedUnread, pack, seal_block, unpack
from desmos_fast.db.kernel import SealBroken, blind_index, unseal
from desmos_fast.db.keyring import Keyring
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import LayoutChanged
from tests.billing.visits import OTHER, act, invoice

KEYRING = Keyring(b"m" * 32)


@given(st.binary(), st.binary(), st.binary())
def test_what_is_packed_comes_back(flow1: bytes, flow2: bytes, wire: bytes) -> None:
    assert unpack(pack(flow1, flow2, wire)) == (flow1, flow2, wire)


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x02", pack(b"a", b"b", b"")[:-1], b"\x01" + pack(b"a", b"b", b"c")[1:], b"\x02" + b"\xff" * 9 + b"abc"],
    ids=["empty", "no head", "cut", "version 1", "sizes beyond the end"],
)
def test_what_was_not_packed_is_not_read(blob: bytes) -> None:
    with pytest.raises(SealedUnread):
        unpack(blob)


def test_what_was_signed_under_other_layouts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    blob, other = pack(b"a", b"b", b"c"), msgspec.structs.replace(load_pack(), profile="autre-2")
    monkeypatch.setattr(sealed, "load_pack", lambda: other)
    with pytest.raises(LayoutChanged, match="'essai-1', and 'autre-2'"):
        unpack(blob)
    assert unpack(pack(b"a", b"b", b"c")) == (b"a", b"b", b"c")


def test_each_invoice_of_a_block_is_sealed_for_itself() -> None:
    tenant, keys = uuid7(), KEYRING.of(uuid7())
    apart = Amc(number="75912345", separate_claim=True)
    given = [
        invoice(number=1),
        invoice(number=2, amc=apart),
        invoice(act(3000, 3000, 100, 3000, 0), number=3, amc=apart),
        invoice(number=4, amc=apart, nir=OTHER),
    ]
    block = seal_block(keys, tenant, given)
    opened = [unpack(blob) for blob in unseal(keys, "invoice", tenant, block.ids, block.sealed)]
    for place, one in enumerate(given):
        flow1, flow2, wire = opened[place]
        assert flow1 == encode([one], flow=1).data
        assert flow2 == (encode([one], flow=2).data if one.number in (2, 4) else b"")
        assert orjson.loads(wire)["number"] == one.number
        assert block.hashes[place] == hashlib.sha256(pack(flow1, flow2, wire)).digest()
    assert block.insured == blind_index(keys, [one.insured_nir for one in given])
    assert block.insured[0] == block.insured[1] != block.insured[3]
    assert block.ids == sorted(block.ids)
    with pytest.raises(SealBroken):
        unseal(keys, "invoice", tenant, block.ids[::-1], block.sealed)


def test_an_invoice_that_cannot_be_encoded_seals_nothing() -> None:
    with pytest.raises(FaultyInput) as caught:
        seal_block(KEYRING.of(uuid7()), uuid7(), [invoice(number=1), invoice(act(1, 1, 100, 2, 0), number=2)])
    assert [fault.invoice for fault in caught.value.faults] == [2]
