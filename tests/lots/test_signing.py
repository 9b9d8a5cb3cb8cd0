# SPDX-License-Identifier: Apache-2.0
"""The port of cards that sign lots, with the card of the simulator."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.settings import SIGNERS, BadSetting
from desmos_fast.lots import signing
from desmos_fast.lots.signing import LotPlace, LotToSign, Signature, SignatureBroken, SignedLot
from tests.lots.claims import FILES, LINE, lines_of, record_type

DAY = date(2026, 11, 21)
CARD = signing.SimulatedCard()
LOT = LotToSign("750000010", 7, DAY, b"1" + b"x" * 300)


def signed_lots(data: bytes) -> list[SignedLot]:
    """Every lot of a file, signed by the simulator's card."""
    kinds = [record_type(line) for line in lines_of(data)]
    bounds = zip([at for at, kind in enumerate(kinds) if kind == "1"], [at for at, kind in enumerate(kinds) if kind == "6"], strict=True)
    places = [LotPlace("750000010", number, DAY, first + 1, last - first + 1) for number, (first, last) in enumerate(bounds, 1)]
    return [SignedLot(place, CARD.sign_lot(place.within(data))) for place in places]


def test_no_card_signs_unless_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESMOS_SIGNING", raising=False)
    assert signing.chosen().sign_lot(LOT) is None
    assert not signing.chosen().verifies(LOT, CARD.sign_lot(LOT))
    monkeypatch.setenv("DESMOS_SIGNING", "simulator")
    assert signing.chosen().sign_lot(LOT) == CARD.sign_lot(LOT)
    monkeypatch.setenv("DESMOS_SIGNING", "sesam")
    with pytest.raises(BadSetting, match="DESMOS_SIGNING is 'sesam'"):
        signing.chosen()


def test_the_simulated_card_says_what_it_is_and_signs_alike() -> None:
    signature = CARD.sign_lot(LOT)
    assert (signature.signer, len(signature.value)) == ("simulator", 64)
    assert signing.SimulatedCard().sign_lot(LOT) == signature
    assert CARD.verifies(LOT, signature)


@given(at=st.integers(0, 300))
def test_a_signature_fits_no_other_content(at: int) -> None:
    content = bytearray(LOT.content)
    content[at] ^= 1
    assert not CARD.verifies(LOT._replace(content=bytes(content)), CARD.sign_lot(LOT))


@pytest.mark.parametrize("other", [LOT._replace(biller="750000011"), LOT._replace(number=8), LOT._replace(day=date(2026, 11, 22))])
def test_a_signature_fits_no_other_lot(other: LotToSign) -> None:
    assert not CARD.verifies(other, CARD.sign_lot(LOT))


def test_the_setting_names_the_backends() -> None:
    assert set(SIGNERS) == set(signing.BACKENDS)


def test_a_file_whose_lots_are_as_signed_passes() -> None:
    data = (FILES / "file1.b2").read_bytes()
    lots = signed_lots(data)
    assert len(lots) == 4
    assert lots[0].place.within(data).content.startswith(data[LINE : LINE + 10])
    signing.check(lots, data)
    signing.check([], data)


@pytest.mark.parametrize("record", [2, 3, 10, 46])
def test_a_byte_that_changed_inside_a_lot_is_found(record: int) -> None:
    data = bytearray((FILES / "file1.b2").read_bytes())
    lots = signed_lots(bytes(data))
    data[(record - 1) * LINE + 100] ^= 1
    with pytest.raises(SignatureBroken, match="the signature of lot"):
        signing.check(lots, bytes(data))


def test_a_signature_of_nobody_known_or_of_another_length_is_broken() -> None:
    data = (FILES / "file1.b2").read_bytes()
    place = signed_lots(data)[0].place
    for signature in (Signature("unknown", b"x" * 64), Signature("simulator", b"short"), Signature("none", b"")):
        with pytest.raises(SignatureBroken):
            signing.check([SignedLot(place, signature)], data)
