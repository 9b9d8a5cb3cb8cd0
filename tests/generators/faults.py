# SPDX-License-Identifier: Apache-2.0
"""Faults planted in sound invoices: every code that an invoice can be refused with, with what must be told of it."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.generators import values, words
from tests.generators.draw import Draw
from tests.generators.invoices import CODE, Json
from tests.oracle.fse_keys import DEFAULTS

# What a planted fault must be told as, code and field; when it could not be planted, nothing.
Expected = list[tuple[str, str]]
Plant = Callable[[Draw, Json], Expected]

VALUE, MISSING = "B2_BAD_VALUE", "B2_MISSING"
MONEY = values.integer(7)
KEYS: dict[str, dict[str, values.Maker]] = {
    "": {
        "number": values.integer(9, 1), "biller": values.finess(biller=True), "insured_nir": values.nir(),
        "created_on": values.day(null=True), "security": values.words_of(), "third_party": values.words_of(),
    },
    "beneficiary": {
        "birth_date": values.birth(), "birth_rank": values.integer(1, 1), "rank": values.integer(3), "nir": values.nir(null=True),
        "last_name": values.text(), "first_name": values.text(),
    },
    "amo": {
        "regime": values.fixed(2, listed=CODE["regime"]), "caisse": values.fixed(3), "centre": values.fixed(4),
        "rights_source": values.integer(1, listed=range(6)), "rights_from": values.day(null=True),
        "nature": values.integer(2, listed=(10, 13, 30, 41, 90)), "exemption": values.listed(CODE["exoneration"], needed=True),
        "pathway": values.listed(CODE["pathway"]), "treating_physician": values.listed(CODE["treating_physician"]),
    },
    "referring_doctor": {
        "last_name": values.name(25, needed=True), "first_name": values.name(15), "am": values.fixed(9, not_zero=True, null=True),
    },
    "amc": {"number": values.amc_number(), "contract_type": values.fixed(2), "separate_claim": values.flag()},
    "accident": {"kind": values.words_of(), "number": values.fixed(9, null=True), "date": values.day(null=True)},
    "prescriber": {
        "condition": values.listed("LSB"), "am": values.fixed(9, not_zero=True, null=True),
        "rpps": values.fixed(11, not_zero=True, null=True), "specialty": values.fixed(2, blank=True),
        "origin": values.listed(CODE["prescription_origin"]), "structure": values.finess(biller=False),
        "prescribed_on": values.day(null=True),
    },
    "executor": {
        "am": values.fixed(9, not_zero=True), "specialty": values.fixed(2), "condition": values.listed("LS"),
        "rpps": values.fixed(11, not_zero=True, null=True), "zone": values.fixed(2, blank=True),
    },
    "prior_agreement": {"code": values.integer(1, listed=range(10)), "requested_on": values.day(null=True)},
}  # fmt: skip
ACT: dict[str, values.Maker] = {
    "complement": values.code(1), "date": values.day(), "quantity": values.integer(2, 1), "coefficient": values.integer(6, 1),
    "units": values.integer(2, 1), "unit_price": MONEY, "base": MONEY, "rate": values.integer(3, high=100), "amo": MONEY, "fees": MONEY,
    "amc": values.integer(6), "exemption": values.listed(["", *CODE["exoneration"]]), "qualifier": values.listed(CODE["qualifier"]),
}  # fmt: skip
KEYS["ngap"] = {"code": values.code(4, needed=True), **ACT}
KEYS["ccam"] = {
    "code": values.code(13, needed=True), "grouping": values.code(4, needed=True), "activity": values.code(1, needed=True),
    "phase": values.integer(1), "modifiers": values.modifiers(), "association": values.code(1), "extension": values.code(1),
    "conditional": values.code(1), "teeth": values.teeth(), "supplement": values.code(1), **ACT,
}  # fmt: skip
NEEDED = {"": ("beneficiary", "amo", "acts"), "ngap": ("kind", "executor"), "ccam": ("kind", "executor")}
HOLDERS = ("beneficiary", "amo", "referring_doctor", "amc", "accident", "prescriber")


def places(d: Draw, invoice: Json) -> list[tuple[str, str, Json]]:
    """List the objects of an invoice, of its acts those of one: name, path, object."""
    found = [("", "", invoice)]
    found += [(key, key, invoice[key]) for key in HOLDERS if isinstance(invoice.get(key), dict)]
    acts = invoice.get("acts")
    if isinstance(acts, list) and acts:
        place = d.below(len(acts))
        act = acts[place]
        if isinstance(act, dict) and act.get("kind") in ("ngap", "ccam"):
            found.append((act["kind"], f"acts[{place}]", act))
            found += [(key, f"acts[{place}].{key}", act[key]) for key in ("executor", "prior_agreement") if isinstance(act.get(key), dict)]
    return found


def below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def wrong_value(d: Draw, invoice: Json) -> Expected:
    name, path, item = d.pick(places(d, invoice))
    key = d.pick(list(KEYS[name]))
    return put_wrong(item, path, key, *d.pick(KEYS[name][key](d)))


def put_wrong(item: Json, path: str, key: str, code: str, value: Any) -> Expected:
    item[key] = value
    # Of a list, what is no text is told by its place.
    elements = value if key in ("modifiers", "teeth") and isinstance(value, list) else ()
    odd = [f"[{place}]" for place, one in enumerate(elements) if not isinstance(one, str)]
    return [(code, below(path, key) + "".join(odd[:1]))]


def every_wrong_value(d: Draw, sound: list[Json]) -> Iterator[tuple[Json, Expected]]:
    """Yield an invoice for each wrong value of each key, in one of the sound ones that has its object."""
    for name, keys in KEYS.items():
        holder = next(invoice for invoice in sound if any(found == name for found, _, _ in places(d, invoice)))
        for key, maker in keys.items():
            for code, value in maker(d):
                invoice = copy(holder)
                found = [(path, item) for other, path, item in places(d, invoice) if other == name]
                if found:
                    yield invoice, put_wrong(found[0][1], found[0][0], key, code, value)


def missing_key(d: Draw, invoice: Json) -> Expected:
    name, path, item = d.pick(places(d, invoice))
    key = d.pick([key for key in (*KEYS[name], *NEEDED.get(name, ())) if key not in DEFAULTS[name]])
    if key not in item:
        return []
    del item[key]
    return [(MISSING, below(path, key))]


def unknown_key(d: Draw, invoice: Json) -> Expected:
    name, path, item = d.pick(places(d, invoice))
    kind = "Kind" if name in ("ngap", "ccam", "accident") else "kind"
    strange = ("tarif", "x", "", "Number", "number ", "é", "a\nb", "` - at `$.x`", "[0]", "a.b", kind, "a" * 300)
    key = d.pick(("teeth", "grouping", "activity") if name == "ngap" and d.below(3) == 2 else strange)
    item[key] = d.pick((1, None, "x", [1, {"a": [2]}], {"b": {}}, True, 1.5))
    return [("B2_UNKNOWN_KEY", below(path, key[:64]))]


def person_elsewhere(d: Draw, invoice: Json) -> Expected:
    """The number of a person where it does not belong, or as a key: whatever is told must not show it."""
    person = invoice.get("insured_nir")
    if not isinstance(person, str) or len(person) != 15:
        return []
    person = d.pick((person, person[:13], f"X {person}"))
    name, path, item = d.pick(places(d, invoice))
    if d.once_in(4):
        item[person] = 1
        return [("B2_UNKNOWN_KEY", below(path, person))]
    item[d.pick([key for key in KEYS[name] if key not in ("insured_nir", "nir", "last_name", "first_name")])] = person
    return []


def no_object(d: Draw, invoice: Json) -> Expected:
    """Something else where an object or a list of acts stands."""
    key = d.pick((*HOLDERS, "acts"))
    invoice[key] = d.pick(([], [{}], "x", 1, True, 1.5)) if key != "acts" else d.pick((None, {}, "x", 1, True, 1.5))
    return [(VALUE, key)]


def no_act(d: Draw, invoice: Json) -> Expected:
    acts = invoice["acts"]
    place = d.below(len(acts))
    kind = d.below(4)
    if kind == 0:
        acts[place] = d.pick((None, [], "x", 1, True, 1.5))
        return [(VALUE, f"acts[{place}]")]
    if kind == 1:
        acts[place]["kind"] = d.pick(("nabm", "", "NGAP", "ngap ", None, 1, [], {}, True, "é"))
        return [(VALUE, f"acts[{place}].kind")]
    if kind == 2:
        key = d.pick(("executor", "prior_agreement"))
        acts[place][key] = d.pick(([], "x", 1, True, 1.5, *((None,) if key == "executor" else ())))
        return [(VALUE, f"acts[{place}].{key}")]
    invoice["acts"] = []
    return [(MISSING, "acts")]


def null_object(d: Draw, invoice: Json) -> Expected:
    key = d.pick(("beneficiary", "amo"))
    invoice[key] = None
    return [(VALUE, key)]


# Rules between keys --------------------------------------------------------------------------------------------------------------


def rank(d: Draw, invoice: Json) -> Expected:
    invoice["amo"]["regime"], invoice["beneficiary"]["rank"] = "01", d.number(1, 999)
    return [(VALUE, "beneficiary.rank")]


def pathway(d: Draw, invoice: Json) -> Expected:
    invoice["amo"]["pathway"] = d.pick("OM")
    doctor = d.pick((None, {"last_name": "DUPONT"}, {"last_name": "DUPONT", "first_name": ""}, {"last_name": "X", "first_name": "-’ "}))
    invoice["referring_doctor"] = doctor
    if doctor is None and d.below(2):
        del invoice["referring_doctor"]
    return [(MISSING, "referring_doctor")]


def insurer(d: Draw, invoice: Json) -> Expected:
    kind = d.below(3)
    if kind == 0:
        invoice["amc"] = {"number": "M", "separate_claim": True}
        return [(VALUE, "amc.separate_claim")]
    number = d.pick(("99999997", "099999997", "0099999997"))
    if kind == 1:
        invoice["amc"] = {"number": number, **d.pick(({}, {"contract_type": "00"}, {"contract_type": "88"}, {"contract_type": "98"}))}
        return [(VALUE, "amc.contract_type")]
    invoice["amc"] = {"number": number, "contract_type": "89", "separate_claim": True}
    return [(VALUE, "amc.separate_claim")]


def accident(d: Draw, invoice: Json) -> Expected:
    day, number = words.day(d), d.digits(9, 1_000_000)
    zeros = "000" + d.digits(6)
    cases = (
        (41, None, MISSING, "accident"),
        (d.pick((10, 13, 30, 90)), {"kind": "work", **d.pick(({"date": day}, {"number": number}))}, VALUE, "accident.kind"),
        (d.pick((30, 41, 90)), {"kind": "third_party", "date": day}, VALUE, "accident.kind"),
        (d.pick((10, 13)), {"kind": "third_party", "number": number}, VALUE, "accident.number"),
        (41, {"kind": "work", **d.pick(({}, {"number": None}, {"date": None, "number": None}))}, MISSING, "accident"),
        (10, {"kind": "third_party"}, MISSING, "accident"),
        (41, {"kind": "work", "date": day, "number": number}, VALUE, "accident"),
        (41, {"kind": "work", "number": zeros}, VALUE, "accident.number"),
    )
    invoice["amo"]["nature"], invoice["accident"], code, field = d.pick(cases)
    return [(code, field)]


def prescriber(d: Draw, invoice: Json) -> Expected:
    rpps = d.digits(11, 1)
    cases: tuple[Json, ...] = ({"condition": d.pick("LB"), "rpps": rpps}, {"condition": "S", "rpps": None}, {"condition": "S"})
    invoice["prescriber"] = {**d.pick(cases), **d.pick(({}, {"am": None}))}
    return [(MISSING, "prescriber.am")]


def agreement(d: Draw, invoice: Json) -> Expected:
    place = d.below(len(invoice["acts"]))
    nine = d.below(2)
    asked = {"code": 9, "requested_on": words.day(d)} if nine else {"code": d.pick((0, 1, 4, 5, 8)), **d.pick(({}, {"requested_on": None}))}
    invoice["acts"][place]["prior_agreement"] = asked
    return [(VALUE if nine else MISSING, f"acts[{place}].prior_agreement.requested_on")]


def free(d: Draw, invoice: Json) -> Expected:
    place = d.below(len(invoice["acts"]))
    act = invoice["acts"][place]
    act.update(qualifier=d.pick("NG"), rate=0, amo=0, exemption=d.pick(("", "0")), amc=0, fees=5000)
    key = d.pick(("rate", "amo", "exemption"))
    act[key] = {"rate": d.number(1, 100), "amo": d.number(1, 5000), "exemption": d.pick("1345679C")}[key]
    return [(VALUE, f"acts[{place}].{key}")]


def too_much(d: Draw, invoice: Json) -> Expected:
    place = d.below(len(invoice["acts"]))
    act = invoice["acts"][place]
    act["qualifier"] = ""
    act.update(d.pick(({"fees": 0, "amo": 0, "amc": 1}, {"fees": 2999, "amo": 2100, "amc": 900}, {"fees": 0, "amo": 0, "amc": 999_999})))
    return [("B2_AMOUNTS", f"acts[{place}]")]


def dear(d: Draw, invoice: Json) -> Expected:
    """Totals one cent too wide, or far too wide."""
    act = invoice["acts"][0]
    act.update(fees=9_999_999, amc=0, qualifier="", amo=5_000_000)
    last = {**act, "fees": 10, "amo": 0}
    invoice["acts"] = [act] * d.pick((10, 11, 19)) + [last]
    return [("B2_OVERFLOW", "total_fees")]


def long(d: Draw, invoice: Json) -> Expected:
    act = {key: value for key, value in invoice["acts"][0].items() if key != "prior_agreement"}
    act.update(fees=0, amo=0, amc=0)
    invoice["acts"] = [act] * d.pick((500, 501, 2000))
    return [("B2_OVERFLOW", "line_count")]


RULES: tuple[Plant, ...] = (rank, pathway, insurer, accident, prescriber, agreement, free, too_much)
PLANTS: tuple[Plant, ...] = (
    *(wrong_value,) * 24, *(missing_key,) * 4, *(unknown_key,) * 3, no_object, no_act, null_object, *RULES * 2, dear,
)  # fmt: skip
RARE: tuple[Plant, ...] = (long,)


def copy(item: Any) -> Any:
    """Copy an invoice, which shares its parts with others."""
    if isinstance(item, dict):
        return {key: copy(value) for key, value in item.items()}
    return [copy(value) for value in item] if isinstance(item, list) else item


def planted(d: Draw, sound: Json, several: bool) -> tuple[Json, Expected | None]:
    """Return a copy of a sound invoice with a fault and how it must be told; with several faults, each may hide others: None."""
    invoice = copy(sound)
    plant = d.pick(RARE) if d.once_in(1000) else d.pick(PLANTS)
    expected = plant(d, invoice)
    if not several:
        return invoice, expected
    for _ in range(1 + d.below(3)):
        plant = d.pick((wrong_value, missing_key, unknown_key, person_elsewhere))
        plant(d, invoice)
    return invoice, None
