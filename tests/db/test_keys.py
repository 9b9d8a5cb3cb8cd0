# SPDX-License-Identifier: Apache-2.0
"""Keys of tenants, and sealing as the rooms call it."""

import traceback
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desmos_fast.base.types import uuid7
from desmos_fast.db import kernel
from desmos_fast.db.keyring import Keyring, MasterKeyTooShort, TenantKeys

MASTER = b"a master key of forty bytes, for tests !"
TENANT, OTHER = UUID(int=1), UUID(int=2)
NIR = "185079999990173"


def test_keys_are_hkdf_of_the_master_and_the_tenant() -> None:
    keys = Keyring(MASTER).of(TENANT)
    for purpose, key in ((b"seal", keys.seal), (b"index", keys.index)):
        info = b"desmos-fast 1 " + purpose + b"\0" + TENANT.bytes
        assert key == HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(MASTER)


def test_no_two_tenants_nor_purposes_share_a_key() -> None:
    ring = Keyring(MASTER)
    found = {key for number in range(50) for key in (ring.of(UUID(int=number)).seal, ring.of(UUID(int=number)).index)}
    assert len(found) == 100
    assert ring.of(TENANT) is ring.of(TENANT)
    assert ring.of(TENANT) == Keyring(MASTER).of(TENANT) != Keyring(MASTER[::-1]).of(TENANT)


def test_no_repr_shows_a_key() -> None:
    ring = Keyring(MASTER)
    keys = ring.of(TENANT)
    for shown in (repr(ring), repr(keys), f"{keys}", repr([keys])):
        assert shown.strip("[]") in ("Keyring(...)", "TenantKeys(...)")


def test_short_keys_are_refused() -> None:
    with pytest.raises(MasterKeyTooShort):
        Keyring(bytes(31))
    with pytest.raises(ValueError, match="32 bytes"):
        TenantKeys(bytes(32), bytes(31))


def test_a_sealed_row_opens_with_the_cryptography_package() -> None:
    keys = Keyring(MASTER).of(TENANT)
    ids = [uuid7(), uuid7()]
    sealed = kernel.seal(keys, "invoice", TENANT, ids, [b"one", b"two"])
    for row, content, plain in zip(ids, sealed, (b"one", b"two"), strict=True):
        place = b"invoice\0" + TENANT.bytes + row.bytes
        assert AESGCM(keys.seal).decrypt(content[:12], content[12:], place) == plain
    assert kernel.unseal(keys, "invoice", TENANT, ids, sealed) == [b"one", b"two"]


@pytest.mark.parametrize("change", ["table", "tenant", "id", "key", "bytes", "length"])
def test_a_row_out_of_its_place_is_a_broken_seal(change: str) -> None:
    ring = Keyring(MASTER)
    keys, ids = ring.of(TENANT), [uuid7(), uuid7()]
    good, bad = kernel.seal(keys, "invoice", TENANT, ids, [b"one", NIR.encode()])
    if change == "bytes":
        bad = bad[:-1] + bytes([bad[-1] ^ 1])
    with pytest.raises(kernel.SealBroken) as refusal:
        kernel.unseal(
            ring.of(OTHER) if change == "key" else keys,
            "file" if change == "table" else "invoice",
            OTHER if change == "tenant" else TENANT,
            [ids[0], uuid7()] if change == "id" else ids,
            [good, bad[:20] if change == "length" else bad],
        )
    assert refusal.value.row == (0 if change in ("table", "tenant", "key") else 1)
    assert refusal.value.code == "seal_broken"
    told = "".join(traceback.format_exception(refusal.value))
    assert NIR not in told and keys.seal.hex() not in told and repr(keys.seal) not in told


def test_rows_without_ids_are_refused() -> None:
    keys = Keyring(MASTER).of(TENANT)
    with pytest.raises(ValueError, match="number"):
        kernel.seal(keys, "invoice", TENANT, [uuid7()], [])
    with pytest.raises(ValueError, match="number"):
        kernel.unseal(keys, "invoice", TENANT, [uuid7()], [])


@pytest.mark.parametrize("table", ["", "invoice\0", "factur\u00e9"])
def test_a_name_that_could_be_taken_for_another_is_refused(table: str) -> None:
    with pytest.raises(ValueError):
        kernel.seal(Keyring(MASTER).of(TENANT), table, TENANT, [], [])


def test_the_index_joins_a_nir_with_and_without_its_key() -> None:
    ring = Keyring(MASTER)
    with_key, without, other = kernel.blind_index(ring.of(TENANT), [NIR, NIR[:13], "2" + NIR[1:]])
    assert with_key == without != other
    assert len(with_key) == 32
    assert kernel.blind_index(ring.of(OTHER), [NIR]) != [with_key]


def test_a_nir_too_short_is_refused_without_being_told() -> None:
    with pytest.raises(kernel.NirTooShort) as refusal:
        kernel.blind_index(Keyring(MASTER).of(TENANT), [NIR, NIR[:12]])
    assert refusal.value.row == 1
    assert NIR[:12] not in str(refusal.value)
