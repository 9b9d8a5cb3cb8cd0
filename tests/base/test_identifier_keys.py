# SPDX-License-Identifier: Apache-2.0
"""Identifiers by example, beside python-stdnum over drawn ones, and as the kernels of claims judge them."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

import msgspec
import pytest
from stdnum import iban, luhn
from stdnum.fr import nir, siren, siret

from desmos_fast.base import identifiers
from desmos_fast.base.identifiers import IDENTIFIERS, Kind, ins_is_valid, trouble
from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.reading.codec import examine_claims

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "01_ngap_visit"
NIR, FINESS = "255081416802538", "750000010"
VECTORS: Final[list[tuple[Kind, str, bool]]] = [
    ("nir", "255081416802538", True), ("nir", "255081416802537", False), ("nir", "255082A16802597", True),
    ("nir", "180122B12345629", True), ("nir", "180127512345642", True), ("nir", "295109912611193", True),
    ("nir", "295109912611199", False), ("finess", "750712184", True), ("finess", "750000010", True), ("finess", "750000018", False),
    ("finess", "760312082", True), ("finess", "2A0002689", True), ("finess", "2B0000020", True), ("finess_b2", "200102689", True),
    ("am", "751234568", True), ("am", "751234567", False), ("rpps", "99700218896", True), ("rpps", "10001234565", True),
    ("rpps", "10001234569", False), ("siren", "732829320", True), ("siret", "73282932000074", True),
    ("iban", "FR1420041010050500013M02606", True), ("iban", "FR1420041010050500013M02607", False),
    # Beyond the examples that everyone has: the other spelling of Corsica, La Poste's sites and seat, and numbers without a key.
    ("finess_b2", "200200020", True), ("finess_b2", "200102688", False), ("siren", "732829321", False), ("siret", "73282932000075", False),
    ("siret", "73282932100072", False), ("siret", "35600000009075", True), ("siret", "35600000009076", False),
    ("siret", "35600000000048", True), ("amc", "75500017", True), ("amc", "0099999997", True),
]  # fmt: skip
# Each is wrong by its form, whatever its key would be.
FORMS: Final[list[tuple[Kind, str]]] = [
    ("nir", "25508141680253"), ("nir", "2550814168025380"), ("nir", "255082C16802597"), ("nir", "255082a16802597"),
    ("nir", "25508141680253٨"), ("nir", "255081416802538\n"), ("finess", "1A0002689"), ("finess", "A20002689"), ("finess", "75000001"),
    ("finess_b2", "2A0002689"), ("am", "000000000"), ("am", "7512345680"), ("am", "75123456 "), ("rpps", "00000000000"),
    ("rpps", "899700218896"), ("amc", "7550001"), ("amc", "00000000"), ("amc", "12345678901"), ("amc", "M"), ("siren", "73282932"),
    ("siret", "732829320 0007"), ("siret", "732829320"), ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "fr1420041010050500013M02606"), ("iban", "FRB420041010050500013M02606"), ("iban", "DE89370400440532013000"), ("iban", ""),
]  # fmt: skip


def is_valid(kind: Kind, text: str) -> bool:
    name = "amc_number" if kind == "amc" else kind
    found: bool = getattr(identifiers, f"{name}_is_valid")(text)
    return found


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, _, _ in VECTORS} == set(get_args(Kind)) == set(IDENTIFIERS)


@pytest.mark.parametrize(("kind", "text", "valid"), VECTORS)
def test_a_key_is_right_or_not(kind: Kind, text: str, valid: bool) -> None:
    assert is_valid(kind, text) is valid
    assert trouble(kind, text) == ("" if valid else "the key is wrong")


@pytest.mark.parametrize(("kind", "text"), FORMS)
def test_a_wrong_form_is_told_in_words_that_do_not_repeat_it(kind: Kind, text: str) -> None:
    assert not is_valid(kind, text)
    said = trouble(kind, text)
    assert said == f"the form is wrong: {IDENTIFIERS[kind].words}"
    assert not text or text not in said


def test_a_matricule_comes_under_an_oid() -> None:
    oids = ["1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10"]
    assert all(ins_is_valid(NIR, oid) for oid in oids)
    assert not ins_is_valid(NIR, "1.2.250.1.213.1.4.11")
    assert not any(ins_is_valid(NIR[:-1] + "7", oid) for oid in oids)


def iban_of(text: str) -> bool:
    """Judge by stdnum, which knows accounts of every country and lets letters be check digits."""
    return text[:2] == "FR" and text[2:4].isdigit() and iban.is_valid(text)


def luhn_of(width: int, *, corsica: bool = False) -> Callable[[str], bool]:
    """Judge by stdnum's Luhn what it has no module for."""

    def judge(text: str) -> bool:
        if corsica and text[:2] in ("2A", "2B"):
            text = {"2A": "21", "2B": "22"}[text[:2]] + text[2:]
        return len(text) == width and text.isdigit() and luhn.is_valid(text)

    return judge


THEIRS: Final[dict[Kind, Callable[[str], bool]]] = {
    "nir": nir.is_valid, "siren": siren.is_valid, "siret": siret.is_valid, "iban": iban_of,
    "finess": luhn_of(9, corsica=True), "finess_b2": luhn_of(9), "am": luhn_of(9), "rpps": luhn_of(11),
}  # fmt: skip


def with_luhn(body: str) -> str:
    return body + luhn.calc_check_digit(body)


def sound(kind: Kind, draw: random.Random) -> str:
    """Make an identifier whose key is right, by what stdnum says."""

    def digits(count: int) -> str:
        return "".join(draw.choices("0123456789", k=count))

    match kind:
        case "nir":
            first = draw.choice("12") + digits(4) + draw.choice(["2A", "2B", digits(2), digits(2)]) + digits(6)
            return first + nir.calc_check_digits(first)
        case "siret":
            seat = draw.choice(["356000000", with_luhn(digits(8)), with_luhn(digits(8))])
            return with_luhn(seat + digits(4))
        case "iban":
            account = digits(10) + "".join(draw.choices("0123456789ABCXYZ", k=11)) + digits(2)
            return "FR" + iban.calc_check_digits(f"FR00{account}") + account
        case "finess":
            department, spelt = draw.choice([("2A", "21"), ("2B", "22"), ("75", "75"), ("97", "97")])
            return department + with_luhn(spelt + digits(6))[2:]
        case "rpps":
            return with_luhn(draw.choice("18") + digits(9))
        case _:
            return with_luhn(draw.choice("123456789") + digits(7))


def damaged(text: str, draw: random.Random) -> str:
    """Change an identifier as a hand does: another character, two that change places, one too few, one too many."""
    place = draw.randrange(len(text) - 1)
    match draw.randrange(5):
        case 0 | 1:
            return text[:place] + draw.choice("0123456789AB") + text[place + 1 :]
        case 2:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        case 3:
            return text[:place] + text[place + 1 :]
        case _:
            return text[:place] + draw.choice("0123456789") + text[place:]


def compare(kind: Kind, count: int, seed: int) -> None:
    draw = random.Random(seed)
    right = 0
    for _ in range(count):
        text = sound(kind, draw)
        if draw.random() < 0.6:
            text = damaged(text, draw)
        theirs = THEIRS[kind](text)
        assert is_valid(kind, text) is theirs, text
        right += theirs
    # Neither answer is rare: a check that always says the same would be seen.
    assert 0.3 * count < right < 0.7 * count


@pytest.mark.parametrize("kind", THEIRS)
def test_drawn_identifiers_are_judged_as_by_stdnum(kind: Kind) -> None:
    compare(kind, 10_000, 1)


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", THEIRS)
def test_a_million_drawn_identifiers_are_judged_as_by_stdnum(kind: Kind) -> None:
    compare(kind, 1_000_000, 2)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, text, _ in VECTORS if kind in ("nir", "finess")])
def test_the_encoder_judges_as_we_do(kind: Kind, text: str) -> None:
    [invoice], _, _ = read_ndjson(GOLDEN.with_suffix(".ndjson").read_bytes())
    field = "insured_nir" if kind == "nir" else "biller"
    faults = [fault.code for fault in encode([msgspec.structs.replace(invoice, **{field: text})]).faults]
    assert faults == ([] if is_valid(kind, text) else [f"B2_{kind.upper()}_KEY"])


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, text, _ in VECTORS if kind in ("nir", "finess_b2")])
def test_the_reader_judges_as_we_do(kind: Kind, text: str) -> None:
    before = NIR if kind == "nir" else FINESS
    data = GOLDEN.with_suffix(".b2").read_bytes().replace(before.encode(), text.encode())
    _, faults = examine_claims(data)
    code = "B2_NIR_KEY" if kind == "nir" else "B2_FINESS_KEY"
    assert {fault.code for fault in faults} == (set() if is_valid(kind, text) else {code})
