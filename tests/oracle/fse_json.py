# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON to the objects that the twin of the encoder takes, what is no invoice, and what a decoder gives back of one."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.oracle.fse import ACTS, HOLDERS, NEVER_NULL, Found, Json, amc_written, encode, whole, whole_act
from tests.oracle.fse_keys import AGREEMENT, EXECUTOR, HEADER, Keys, Null, Refused, written_name

LONGEST_NUMBER = 400
# Readers of JSON differ in how deep they go; none needs more than an invoice, and none may take what has no end.
DEEPEST = 900
KEYS: dict[str, Keys] = {**HEADER, **ACTS, "executor": EXECUTOR, "prior_agreement": AGREEMENT}
UNDER = {"": (*HOLDERS, "acts"), "ngap": ("executor", "prior_agreement"), "ccam": ("executor", "prior_agreement")}
INTEGERS = {
    "": ("number",), "beneficiary": ("birth_rank", "rank"), "amo": ("rights_source", "nature"), "prior_agreement": ("code",),
    **dict.fromkeys(ACTS, ("quantity", "coefficient", "units", "unit_price", "base", "rate", "amo", "fees", "amc", "phase")),
}  # fmt: skip
WORDS = (("", "security"), ("", "third_party"), ("accident", "kind"))
LISTS = ("modifiers", "teeth")
# Needed keys in the order in which the first that is missing is told.
NEEDED = {
    "": ("number", "biller", "insured_nir", "beneficiary", "amo", "acts"), "beneficiary": ("birth_date",),
    "amo": ("regime", "caisse", "centre"), "referring_doctor": ("last_name",), "amc": ("number",), "accident": ("kind",),
    "prescriber": ("condition",), "executor": ("am", "specialty", "condition"), "prior_agreement": ("code",),
    "ngap": ("code", "date", "unit_price", "base", "rate", "amo", "fees", "amc", "executor"),
}  # fmt: skip
NEEDED["ccam"] = (*NEEDED["ngap"], "grouping", "activity")


class Pairs(list[tuple[str, Any]]):
    """The keys and values of an object as they were written, so that none is lost."""


class NotJson(Exception):
    """A line that is no JSON, or that says one thing twice at a path."""


def no_constant(name: str) -> Any:
    raise ValueError(name)


def integer(digits: str) -> int:
    """Python takes no number of thousands of digits; all of those are too wide."""
    return int(digits[:LONGEST_NUMBER])


def read(line: bytes) -> Any:
    """Return the value of a line; raise NotJson with the path of a key that is given twice, or with none."""
    try:
        text = line.decode("utf-8")
        found = json.loads(text.strip(" \t\r"), object_pairs_hook=Pairs, parse_constant=no_constant, parse_int=integer)
    except (ValueError, RecursionError):
        raise NotJson("") from None
    return value_of(found, "", 0)


def value_of(found: Any, path: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise NotJson("")
    if isinstance(found, str):
        whole_characters(found)
    if isinstance(found, Pairs):
        items: dict[str, Any] = {}
        for key, value in found:
            whole_characters(key)
            where = below(path, key)
            if key in items:
                raise NotJson(where)
            items[key] = value_of(value, where, depth + 1)
        return items
    if isinstance(found, list):
        return [value_of(value, f"{path}[{place}]", depth + 1) for place, value in enumerate(found)]
    return found


def whole_characters(text: str) -> None:
    """Refuse half of a surrogate pair: it is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotJson("") from None


# What is no invoice --------------------------------------------------------------------------------------------------------------


def misshapen(item: Any, name: str, path: str) -> Iterator[tuple[str, str]]:
    """List wrong types and unknown keys as they stand in an object, then its missing keys; the kind of an act comes before all."""
    if not isinstance(item, dict):
        yield "B2_BAD_VALUE", path
        return
    for key, value in item.items():
        where = below(path, key)
        if key in KEYS[name]:
            yield from wrong_type(value, name, key, where)
        elif key == "acts" and name == "":
            yield from wrong_acts(value, where)
        elif key in UNDER.get(name, ()):
            if value is not None or key in NEVER_NULL:
                yield from misshapen(value, key, where)
        elif key != "kind" or name not in ACTS:
            yield "B2_UNKNOWN_KEY", below(hidden(path), strange(key))
    yield from (("B2_MISSING", below(path, key)) for key in NEEDED[name] if key not in item)


def below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def hidden(path: str) -> str:
    """Hide what has the form of a NIR, with or without its key: a path may hold what somebody took for a key."""
    return re.sub(r"(?<![0-9A-Za-z])[0-9]{5}([0-9]{2}|2[ABab])[0-9]{6}([0-9]{2})?(?![0-9A-Za-z])", "*" * 15, path)


def strange(key: str) -> str:
    """Show the beginning of a key that nobody knows, and nothing of one in which a NIR stands among other characters."""
    shown = hidden(key)
    inside = re.search(r"[0-9]{5}([0-9]{2}|2[ABab])[0-9]{6}", re.sub(r"[\W_]", "", shown))
    return "*" * 15 if inside else shown[:64]


def wrong_acts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield "B2_BAD_VALUE", path
        return
    for place, act in enumerate(value):
        where = f"{path}[{place}]"
        if not isinstance(act, dict):
            yield "B2_BAD_VALUE", where
        elif "kind" not in act:
            yield "B2_MISSING", f"{where}.kind"
        elif not isinstance(act["kind"], str) or act["kind"] not in ACTS:
            yield "B2_BAD_VALUE", f"{where}.kind"
        else:
            yield from misshapen(act, act["kind"], where)


def wrong_type(value: Any, name: str, key: str, where: str) -> Iterator[tuple[str, str]]:
    if value is None and isinstance(KEYS[name][key], Null):
        return
    if key in LISTS and isinstance(value, list):
        yield from (("B2_BAD_VALUE", f"{where}[{place}]") for place, one in enumerate(value) if not isinstance(one, str))
        return
    kind = int if key in INTEGERS.get(name, ()) else bool if key == "separate_claim" else str
    if key in LISTS or type(value) is not kind or ((name, key) in WORDS and not is_word(value, name, key)):
        yield "B2_BAD_VALUE", where


def is_word(value: Any, name: str, key: str) -> bool:
    try:
        KEYS[name][key](value)
    except Refused:
        return False
    return True


def encode_objects(
    invoices: list[Any], flow: int, *, strict: bool = False, used: set[tuple[str, int]] | None = None
) -> tuple[list[bytes], list[Found]]:
    """Encode what a decoder of JSON made: of what is no invoice the first fault is told, and its number is not used."""
    used = set() if used is None else used
    runs: list[bytes] = []
    faults: list[Found] = []
    for row, invoice in enumerate(invoices):
        first = next(misshapen(invoice, "", ""), None)
        if first is not None:
            runs.append(b"")
            faults.append(Found(row, *first))
            continue
        (run,), found = encode([invoice], flow, strict=strict, used=used)
        runs.append(run)
        faults += [fault._replace(row=row) for fault in found]
    return runs, faults


def encode_lines(
    data: bytes, flow: int, *, strict: bool = False, first_line: int = 1
) -> tuple[list[tuple[int, bytes]], list[Found]]:
    """Encode one invoice a line: the line and the records of each sound one, and the faults of the others by their lines."""
    runs: list[tuple[int, bytes]] = []
    faults: list[Found] = []
    used: set[tuple[str, int]] = set()
    for number, line in enumerate(data.split(b"\n"), first_line):
        if not line.strip(b" \t\r"):
            continue
        try:
            invoice = read(line)
        except NotJson as refused:
            faults.append(Found(number, "B2_BAD_JSON", str(refused)))
            continue
        (run,), found = encode_objects([invoice], flow, strict=strict, used=used)
        faults += [fault._replace(row=number) for fault in found]
        if run:
            runs.append((number, run))
    return runs, faults


# Back again ----------------------------------------------------------------------------------------------------------------------


def returned(given: Json) -> dict[str, Any]:
    """Return what a decoder gives back of a sound invoice whose records stand in a bare run, after section 4 of the format."""
    invoice, acts = whole(given), [whole_act(act) for act in given["acts"]]
    amo, doctor, amc, harm = (invoice[key] for key in ("amo", "referring_doctor", "amc", "accident"))
    birth = invoice["beneficiary"]["birth_date"][2:]
    recent = int("20" + birth[:2]) <= int(acts[0]["date"][:4])
    return {
        "number": invoice["number"], "biller": invoice["biller"], "insured_nir": invoice["insured_nir"],
        "beneficiary": {
            "birth_date": ("20" if recent else "19") + birth,
            **{key: invoice["beneficiary"][key] for key in ("birth_rank", "rank", "nir")},
        },
        "amo": amo,
        "referring_doctor": None if doctor is None else {
            "last_name": written_name(doctor["last_name"]), "first_name": written_name(doctor["first_name"]), "am": doctor["am"],
        },
        "amc": None if amc is None else {**amc, "number": amc["number"] if amc["number"] == "M" else amc["number"].zfill(10)},
        "accident": None if harm is None else {key: value for key, value in harm.items() if value is not None},
        "prescriber": prescriber(invoice["prescriber"]),
        "acts": [act_returned(invoice, act) for act in acts],
    }  # fmt: skip


def prescriber(who: Json | None) -> dict[str, Any] | None:
    if who is None:
        return None
    found = {key: value for key, value in who.items() if key != "prescribed_on"}
    return {**found, "specialty": who["specialty"] if who["condition"] == "S" and who["specialty"] != "00" else ""}


def act_returned(invoice: Json, act: dict[str, Any]) -> dict[str, Any]:
    asked, executor = act["prior_agreement"], act["executor"]
    return {
        **act,
        "amc": amc_written(invoice, act, 1),
        "executor": {**executor, "zone": "" if executor["zone"] == "00" else executor["zone"]},
        "prior_agreement": None if asked is None or asked["code"] == 9 else asked,
    }
