# SPDX-License-Identifier: Apache-2.0
"""Sound invoices of every variation of docs/reference/invoice.md, as the objects of their JSON.

`invoice` makes one from scratch. `many` mixes headers and acts from pools that it makes for each block: as varied, and fast.
"""

from collections.abc import Iterator
from typing import Any

from tests.generators import words
from tests.generators.draw import Draw
from tests.oracle.fse_keys import DEFAULTS, TEETH
from tests.oracle.reader import CODES

Json = dict[str, Any]

CODE = {name: sorted(codes) for name, codes in CODES.items()}
TOOTH = sorted(TEETH)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# The plainest first, as every choice here: a counterexample shrinks towards it.
NATURE = (10, 13, 30, 41, 90)
OTHER_REGIMES = [code for code in CODE["regime"] if code != "01"]
OWN_EXEMPTION = ["", *CODE["exoneration"]]
AGREED = [int(code) for code in CODE["prior_agreement"] if code != "9"]
MOST_CHEAP = 99_000


def thin(d: Draw, item: Json, name: str) -> Json:
    """Leave out some of the keys whose value is their default."""
    if not d.below(3):
        return item
    defaults = DEFAULTS[name]
    return {key: value for key, value in item.items() if key not in defaults or value != defaults[key] or d.below(2)}


def maybe(d: Draw, value: Any, other: Any = None) -> Any:
    return value if d.below(2) else other


def beneficiary(d: Draw, regime: str) -> Json:
    return thin(d, {
        "birth_date": words.birth(d), "birth_rank": d.number(1, 9), "rank": 0 if regime == "01" else d.number(0, 999),
        "nir": maybe(d, words.nir(d)), "last_name": words.free_text(d), "first_name": words.free_text(d),
    }, "beneficiary")  # fmt: skip


def amo(d: Draw, regime: str, nature: int) -> Json:
    return thin(d, {
        "regime": regime, "caisse": d.digits(3), "centre": d.digits(4), "rights_source": int(d.pick(CODE["rights_source"])),
        "rights_from": maybe(d, words.day(d)), "nature": nature, "exemption": d.pick(CODE["exoneration"]),
        "pathway": d.pick(CODE["pathway"]), "treating_physician": d.pick(CODE["treating_physician"]),
    }, "amo")  # fmt: skip


def referring_doctor(d: Draw, needed: bool) -> Json | None:
    if not needed and d.below(3) < 2:
        return None
    doctor = {
        "last_name": words.name(d, 25, True), "first_name": words.name(d, 15, needed) if needed or d.below(2) else "",
        "am": maybe(d, d.digits(9, 1)),
    }  # fmt: skip
    return thin(d, doctor, "referring_doctor")


def amc(d: Draw) -> Json | None:
    kind = d.below(8)
    if kind < 2:
        return None
    if kind == 2:
        return {"number": d.pick(("99999997", "099999997", "0099999997")), "contract_type": "89", **maybe(d, {"separate_claim": False}, {})}
    if kind == 3:
        return thin(d, {"number": "M", "contract_type": d.digits(2), "separate_claim": False}, "amc")
    number = d.pick(("88888888", "75500017", "0075500017", "99999996")) if kind == 4 else d.digits(1 + d.below(10), 1)
    return thin(d, {"number": number, "contract_type": d.pick(("00", "89", d.digits(2))), "separate_claim": not d.below(2)}, "amc")


def accident(d: Draw, nature: int) -> Json | None:
    if nature == 41 and d.below(2):
        return thin(d, {"kind": "work", "number": d.digits(9, 1_000_000), "date": None}, "accident")
    if nature == 41 or (nature in (10, 13) and d.below(6) == 5):
        return thin(d, {"kind": "work" if nature == 41 else "third_party", "number": None, "date": words.day(d)}, "accident")
    return None


def prescriber(d: Draw) -> Json | None:
    if d.below(2):
        return None
    condition = d.pick(CODE["practice_condition"])
    rpps = maybe(d, d.digits(11, 1))
    known = condition == "S" and rpps is not None and d.below(2)
    return thin(d, {
        "condition": condition, "am": None if known else d.digits(9, 1), "rpps": rpps, "specialty": maybe(d, d.digits(2), ""),
        "origin": d.pick(CODE["prescription_origin"]), "structure": maybe(d, words.structure(d)), "prescribed_on": maybe(d, words.day(d)),
    }, "prescriber")  # fmt: skip


def header(d: Draw) -> Json:
    """Return an invoice without number, biller and acts."""
    regime = "01" if d.below(2) else d.pick(OTHER_REGIMES)
    nature = d.pick(NATURE)
    insurer = amo(d, regime, nature)
    return thin(d, {
        "insured_nir": words.nir(d), "created_on": maybe(d, words.day(d)), "security": d.pick(("secured", "degraded", "desynchronised")),
        "third_party": d.pick(("full", "amo", "none")), "beneficiary": beneficiary(d, regime), "amo": insurer,
        "referring_doctor": referring_doctor(d, insurer.get("pathway") in ("O", "M")), "amc": amc(d), "accident": accident(d, nature),
        "prescriber": prescriber(d),
    }, "")  # fmt: skip


def text(d: Draw, width: int) -> str:
    """Return a code of any length up to that, with a space inside at times."""
    found = "".join(d.pick(LETTERS) for _ in range(1 + d.below(width)))
    return f"{found[0]} {found[2:]}" if len(found) > 2 and d.once_in(8) else found


def letter(d: Draw) -> str:
    return "" if d.below(3) < 2 else d.pick(LETTERS)


def executor(d: Draw) -> Json:
    return thin(d, {
        "am": d.digits(9, 1), "specialty": d.digits(2), "condition": d.pick("LS"), "rpps": maybe(d, d.digits(11, 1)),
        "zone": maybe(d, d.digits(2), ""),
    }, "executor")  # fmt: skip


def prior_agreement(d: Draw) -> Json | None:
    kind = d.below(4)
    if kind < 2:
        return None
    return thin(d, {"code": 9, "requested_on": None} if kind == 2 else {"code": d.pick(AGREED), "requested_on": words.day(d)},
                "prior_agreement")  # fmt: skip


def amounts(d: Draw, most: int, free: bool) -> Json:
    fees = d.number(0, most)
    reimbursed = 0 if free else fees if d.once_in(4) else d.below(fees + 1)
    left = min(fees - reimbursed, 999_999)
    return {
        "unit_price": d.number(0, 9_999_999), "base": d.number(0, 9_999_999), "rate": 0 if free else d.number(0, 100), "amo": reimbursed,
        "fees": fees, "amc": (0, left, d.below(left + 1))[d.below(3)],
    }  # fmt: skip


def act(d: Draw, most: int) -> Json:
    """Return an act whose fees are not above that."""
    qualifier = d.pick(CODE["qualifier"])
    free = qualifier in ("N", "G")
    ccam = d.below(2)
    found = {
        "kind": "ccam" if ccam else "ngap", "code": text(d, 13 if d.once_in(4) else 7) if ccam else text(d, 4), "complement": letter(d),
        "date": words.day(d), "quantity": d.number(1, 99), "coefficient": d.pick((100, d.number(1, 999_999))), "units": d.number(1, 99),
        **amounts(d, most, free), "exemption": d.pick(("", "0")) if free else d.pick(OWN_EXEMPTION), "qualifier": qualifier,
        "executor": executor(d), "prior_agreement": prior_agreement(d),
    }  # fmt: skip
    if ccam:
        found |= {
            "grouping": text(d, 4), "activity": d.pick(LETTERS), "phase": d.number(0, 9), "modifiers": some(d, LETTERS, 4),
            "association": letter(d), "extension": letter(d), "conditional": letter(d), "teeth": some(d, TOOTH, 16),
            "supplement": letter(d),
        }  # fmt: skip
    return thin(d, found, "ccam" if ccam else "ngap")


def some(d: Draw, items: Any, most: int) -> list[str]:
    """Return a list that is empty, between or full."""
    return [d.pick(items) for _ in range((0, d.below(most + 1), most)[d.below(3)])]


def number(d: Draw, place: int) -> int:
    """Return a number that no other place has, of those below ten million."""
    return (1 + place, 999_999_999 - place, 500_000_000 + place)[d.below(3)]


def how_many(d: Draw) -> int:
    """Return how many acts an invoice has: a few, at times hundreds."""
    kind = d.below(600)
    return 1 + kind % 3 if kind < 540 else d.number(1, 10) if kind < 592 else d.number(1, 60) if kind < 599 else d.number(61, 249)


def invoice(d: Draw, place: int, few: bool = False) -> Json:
    """Return an invoice made from scratch, whose number is that of its place."""
    count = 1 + d.below(3) if few else how_many(d)
    acts = [act(d, 9_999_999 if count <= 10 else MOST_CHEAP) for _ in range(count)]
    return {"number": number(d, place), "biller": words.finess(d), **header(d), "acts": acts}


def many(d: Draw, count: int) -> Iterator[Json]:
    """Yield a block of invoices; headers and acts are shared between them and must not be changed. Many repeat the one before."""
    pool = count // 4 + 1
    headers = [header(d) for _ in range(pool)]
    dear, cheap = [act(d, 9_999_999) for _ in range(pool)], [act(d, MOST_CHEAP) for _ in range(pool)]
    billers = [words.finess(d) for _ in range(pool)]
    biller, head = billers[0], headers[0]
    for place in range(count):
        acts = how_many(d)
        chosen = dear if acts <= 10 else cheap
        if d.below(4):
            head = d.pick(headers)
        if d.below(2):
            biller = d.pick(billers)
        done = [d.pick(chosen)] * acts if d.once_in(4) else [d.pick(chosen) for _ in range(acts)]
        yield {"number": number(d, place), "biller": biller, **head, "acts": done}
