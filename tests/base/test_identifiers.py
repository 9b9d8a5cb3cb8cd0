# SPDX-License-Identifier: Apache-2.0
"""Keys of identifiers, beside python-stdnum where it knows them, and what masks them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import nir

from desmos_fast.base.identifiers import finess_is_valid, luhn_sum_is_zero, mask_nir, nir_has_form, nir_is_synthetic, nir_is_valid, nir_key

DEPARTMENTS = st.sampled_from(["01", "75", "99", "2A", "2B", "19", "18"])
NIRS = st.builds(
    lambda start, department, end: start + department + end,
    st.from_regex(r"[12][0-9]{4}", fullmatch=True),
    DEPARTMENTS,
    st.from_regex(r"[0-9]{6}", fullmatch=True),
)


@given(NIRS)
@example("2550899999900")
def test_the_key_of_a_nir_is_that_of_stdnum(first13: str) -> None:
    key = nir_key(first13)
    assert f"{key:02d}" == nir.calc_check_digits(first13)
    assert nir_is_valid(f"{first13}{key:02d}")
    assert not nir_is_valid(f"{first13}{key % 97 + 1:02d}")


@given(st.from_regex(r"[0-9]{2,20}", fullmatch=True))
def test_luhn_is_that_of_stdnum(digits: str) -> None:
    assert luhn_sum_is_zero(digits) == luhn.is_valid(digits)


@pytest.mark.parametrize("finess", ["750000010", "2A0002689"])
def test_a_finess_holds_its_key(finess: str) -> None:
    assert finess_is_valid(finess)
    wrong = str((int(finess[-1]) + 1) % 10)
    assert not finess_is_valid(finess[:-1] + wrong)


@pytest.mark.parametrize("text", ["", "75000001", "7500000100", "2C0002689", "1A0002689", "75000001O", "٧50000010"])
def test_what_is_no_finess(text: str) -> None:
    assert not finess_is_valid(text)


@pytest.mark.parametrize("text", ["", "25508999990000", "2550899999900O0", "25508999999000٠", " 255089999990000", "255082C99990000"])
def test_what_has_not_the_form_of_a_nir(text: str) -> None:
    assert not nir_has_form(text)


def test_a_synthetic_person_is_told_by_the_place_of_birth() -> None:
    assert nir_is_synthetic("255089999990000")
    assert not nir_is_synthetic("255087511690000")


@given(NIRS, st.sampled_from(["", " ", ",", "\n", '"', "é"]), st.booleans())
def test_a_nir_in_a_text_is_hidden(first13: str, beside: str, with_key: bool) -> None:
    written = f"{first13}{nir_key(first13):02d}" if with_key else first13
    assert written not in mask_nir(f"{beside}{written}{beside}")


@given(NIRS, st.sampled_from([" ", ".", ":", "-", "\xa0", "\u202f"]), st.sampled_from(["", " ", ",", "\n"]), st.booleans(), st.booleans())
def test_a_nir_is_hidden_in_groups_too_as_people_write_it(first13: str, gap: str, beside: str, whole_place: bool, with_key: bool) -> None:
    place = [first13[5:10]] if whole_place else [first13[5:7], first13[7:10]]
    groups = [first13[0], first13[1:3], first13[3:5], *place, first13[10:], *([f"{nir_key(first13):02d}"] if with_key else [])]
    assert mask_nir(f"{beside}{gap.join(groups)}{beside}") == f"{beside}***************{beside}"


def test_a_number_that_is_no_nir_stays() -> None:
    for said in ("06 12 34 56 78", "le 25 11 2026, 1 234 567 890,12 EUR", "FR76 3000 4000 0300 0000 0000 143", "1 12 05 26"):
        assert mask_nir(said) == said
    assert mask_nir("750000010 3000 20261120 12345678901234567890") == "750000010 3000 20261120 12345678901234567890"
