# SPDX-License-Identifier: Apache-2.0
"""What each key of an invoice may hold, one function a rule, in the words of the exchange format, and what stands for one left out."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from tests.oracle.reader import CODES

ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
SPELT = {"Æ": "AE", "Œ": "OE", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "TH", "Ł": "L", "ß": "SS"}
TEETH = frozenset(
    [f"{quadrant}{rank}" for quadrant in range(1, 5) for rank in range(1, 9)]
    + [f"{quadrant}{rank}" for quadrant in range(5, 9) for rank in range(1, 6)]
)


class Refused(Exception):
    """A value that may not stand in its key: its code, and the width where it is too wide."""

    def __init__(self, code: str, width: int | None = None) -> None:
        super().__init__(code)
        self.code, self.width = code, width


Check = Callable[[Any], object]


def text(value: Any) -> str:
    if type(value) is not str:
        raise Refused("B2_BAD_VALUE")
    return value


def is_digits(value: str) -> bool:
    return re.fullmatch(r"[0-9]*", value) is not None and "\n" not in value


def integer(width: int, low: int = 0, high: int | None = None, codes: str = "") -> Check:
    def check(value: Any) -> None:
        if type(value) is not int or value < 0:
            raise Refused("B2_BAD_VALUE")
        if value >= 10**width:
            raise Refused("B2_OVERFLOW", width)
        if value < low or (high is not None and value > high) or (codes and str(value) not in CODES[codes]):
            raise Refused("B2_BAD_VALUE")

    return check


def code(width: int, needed: bool = False, codes: str = "", blank: bool = False) -> Check:
    def check(value: Any) -> None:
        if len(text(value)) > width:
            raise Refused("B2_OVERFLOW", width)
        if codes:
            if value == "" and needed:
                raise Refused("B2_MISSING")
            if value not in CODES[codes] and not (blank and value == ""):
                raise Refused("B2_BAD_VALUE")
            return
        if set(value) - ALPHABET:
            raise Refused("B2_BAD_CHAR")
        if value == "" and needed:
            raise Refused("B2_MISSING")
        if value != value.strip(" "):
            raise Refused("B2_BAD_VALUE")

    return check


def fixed(width: int, codes: str = "", blank: bool = False, not_zero: bool = False) -> Check:
    def check(value: Any) -> None:
        if text(value) == "" and blank:
            return
        if len(value) != width:
            raise Refused("B2_BAD_VALUE")
        if not is_digits(value):
            raise Refused("B2_BAD_NUMERIC")
        if (not_zero and set(value) == {"0"}) or (codes and value not in CODES[codes]):
            raise Refused("B2_BAD_VALUE")

    return check


def day(value: Any) -> None:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text(value)) is None or value.endswith("\n"):
        raise Refused("B2_BAD_DATE")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise Refused("B2_BAD_DATE") from None
    if not 1970 <= found.year <= 2069:
        raise Refused("B2_BAD_DATE")


def birth(value: Any) -> None:
    if len(text(value)) != 8 or not is_digits(value) or value[:2] not in ("18", "19", "20") or value[2:] == "000000":
        raise Refused("B2_BAD_DATE")


def nir(value: Any) -> None:
    if re.fullmatch(r"[0-9]{5}([0-9]{2}|2A|2B)[0-9]{6}[0-9]{2}", text(value)) is None or value.endswith("\n"):
        raise Refused("B2_BAD_NIR")
    number = int(value[:13].replace("2A", "19").replace("2B", "18")) if value[5:7] in ("2A", "2B") else int(value[:13])
    if 97 - number % 97 != int(value[13:]):
        raise Refused("B2_NIR_KEY")


def finess(value: Any) -> None:
    if re.fullmatch(r"([0-9]{2}|2A|2B)[0-9]{7}", text(value)) is None or value.endswith("\n"):
        raise Refused("B2_BAD_VALUE")
    doubled = [2 * int(character) for character in value.replace("A", "1").replace("B", "2")[1::2]]
    plain = [int(character) for character in value.replace("A", "1").replace("B", "2")[0::2]]
    if (sum(plain) + sum(number - 9 if number > 9 else number for number in doubled)) % 10:
        raise Refused("B2_FINESS_KEY")


def biller(value: Any) -> None:
    if isinstance(value, str) and (value[:4] in ("2001", "2002") or (value[1:2] in ("A", "B") and value[2:4] != "00")):
        raise Refused("B2_BAD_VALUE")
    finess(value)


def amc_number(value: Any) -> None:
    if text(value) == "M":
        return
    if len(value) > 10:
        raise Refused("B2_OVERFLOW", 10)
    if not is_digits(value) or not value.strip("0"):
        raise Refused("B2_BAD_VALUE")


def written_name(value: str) -> str | None:
    for letter, spelling in SPELT.items():
        value = value.replace(letter, spelling).replace(letter.lower(), spelling)
    letters = ""
    for character in unicodedata.normalize("NFKD", value):
        if unicodedata.category(character).startswith("M"):
            continue
        for upper in character.upper():
            if upper in ALPHABET:
                letters += upper
            elif unicodedata.category(upper)[0] in "PSZ":
                letters += " "
            else:
                return None
    return re.sub(" +", " ", letters).strip(" ")


def name(width: int, needed: bool = False) -> Check:
    def check(value: Any) -> None:
        written = written_name(text(value))
        if written is None:
            raise Refused("B2_BAD_CHAR")
        if written == "" and needed:
            raise Refused("B2_MISSING")
        if len(written) > width:
            raise Refused("B2_OVERFLOW", width)

    return check


def flag(value: Any) -> None:
    if value is not True and value is not False:
        raise Refused("B2_BAD_VALUE")


def one_of(*words: str) -> Check:
    def check(value: Any) -> None:
        if text(value) not in words:
            raise Refused("B2_BAD_VALUE")

    return check


def modifiers(value: Any) -> None:
    elements(value, 4)
    for element in value:
        if text(element) == "":
            raise Refused("B2_BAD_VALUE")
        code(1)(element)


def teeth(value: Any) -> None:
    elements(value, 16)
    for element in value:
        if text(element) not in TEETH:
            raise Refused("B2_BAD_VALUE")


def elements(value: Any, most: int) -> None:
    if type(value) is not list:
        raise Refused("B2_BAD_VALUE")
    if len(value) > most:
        raise Refused("B2_OVERFLOW", most)


class Null(NamedTuple):
    """What may be null, or else must pass."""

    check: Check

    def __call__(self, value: Any) -> None:
        if value is not None:
            self.check(value)


Keys = dict[str, Check | Null]
MONEY = integer(7)
HEADER: dict[str, Keys] = {
    "": {
        "number": integer(9, 1), "biller": biller, "insured_nir": nir, "created_on": Null(day),
        "security": one_of("secured", "degraded", "desynchronised"), "third_party": one_of("full", "amo", "none"),
    },
    "beneficiary": {
        "birth_date": birth, "birth_rank": integer(1, 1), "rank": integer(3), "nir": Null(nir), "last_name": text, "first_name": text,
    },
    "amo": {
        "regime": fixed(2, "regime"), "caisse": fixed(3), "centre": fixed(4), "rights_source": integer(1, codes="rights_source"),
        "rights_from": Null(day), "nature": integer(2, codes="nature_assurance"), "exemption": code(1, True, "exoneration"),
        "pathway": code(1, codes="pathway"), "treating_physician": code(1, codes="treating_physician"),
    },
    "referring_doctor": {"last_name": name(25, True), "first_name": name(15), "am": Null(fixed(9, not_zero=True))},
    "amc": {"number": amc_number, "contract_type": fixed(2), "separate_claim": flag},
    "accident": {"kind": one_of("work", "third_party"), "number": Null(fixed(9)), "date": Null(day)},
    "prescriber": {
        "condition": code(1, codes="practice_condition"), "am": Null(fixed(9, not_zero=True)), "rpps": Null(fixed(11, not_zero=True)),
        "specialty": fixed(2, blank=True), "origin": code(1, codes="prescription_origin"), "structure": Null(finess),
        "prescribed_on": Null(day),
    },
}  # fmt: skip
ACT: Keys = {
    "complement": code(1), "date": day, "quantity": integer(2, 1), "coefficient": integer(6, 1), "units": integer(2, 1),
    "unit_price": MONEY, "base": MONEY, "rate": integer(3, high=100), "amo": MONEY, "fees": MONEY, "amc": integer(6),
    "exemption": code(1, codes="exoneration", blank=True), "qualifier": code(1, codes="qualifier"),
}  # fmt: skip
NGAP: Keys = {"code": code(4, True), **ACT}
CCAM: Keys = {
    "code": code(13, True), "grouping": code(4, True), "activity": code(1, True), "phase": integer(1), "modifiers": modifiers,
    "association": code(1), "extension": code(1), "conditional": code(1), "teeth": teeth, "supplement": code(1), **ACT,
}  # fmt: skip
def executor_condition(value: Any) -> None:
    code(1, codes="practice_condition")(value)
    if value == "B":
        raise Refused("B2_BAD_VALUE")


EXECUTOR: Keys = {
    "am": fixed(9, not_zero=True), "rpps": Null(fixed(11, not_zero=True)), "specialty": fixed(2),
    "condition": executor_condition, "zone": fixed(2, blank=True),
}  # fmt: skip
AGREEMENT: Keys = {"code": integer(1, codes="prior_agreement"), "requested_on": Null(day)}
# What stands for a key that is left out; a key that is not here is needed.
DEFAULTS: dict[str, dict[str, Any]] = {
    "": {
        "created_on": None, "security": "secured", "third_party": "full", "referring_doctor": None, "amc": None, "accident": None,
        "prescriber": None,
    },
    "beneficiary": {"birth_rank": 1, "rank": 0, "nir": None, "last_name": "", "first_name": ""},
    "amo": {
        "rights_source": 0, "rights_from": None, "nature": 10, "exemption": "0", "pathway": "", "treating_physician": "",
    },
    "referring_doctor": {"first_name": "", "am": None},
    "amc": {"contract_type": "00", "separate_claim": False},
    "accident": {"number": None, "date": None},
    "prescriber": {"am": None, "rpps": None, "specialty": "", "origin": "", "structure": None, "prescribed_on": None},
    "executor": {"rpps": None, "zone": ""},
    "prior_agreement": {"requested_on": None},
    "ngap": {
        "complement": "", "quantity": 1, "coefficient": 100, "units": 1, "exemption": "", "qualifier": "", "prior_agreement": None,
    },
}  # fmt: skip
DEFAULTS["ccam"] = {
    **DEFAULTS["ngap"], "phase": 0, "modifiers": [], "association": "", "extension": "", "conditional": "", "teeth": [], "supplement": "",
}  # fmt: skip
