# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON to the objects that the twin of the encoder takes, and what a decoder gives back of an invoice."""

import json
from typing import Any

from tests.oracle.fse import Found, Json, amc_written, encode, whole, whole_act
from tests.oracle.fse_keys import written_name

LONGEST_NUMBER = 400
DEEPEST = 900


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
        found = json.loads(
            text.strip(" \t\r"), object_pairs_hook=Pairs, parse_constant=no_constant, parse_int=integer, parse_float=lambda _: 0.5
        )
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
            where = f"{path}.{key}" if path else key
            if key in items:
                raise NotJson(where)
            items[key] = value_of(value, where, depth + 1)
        return items
    if isinstance(found, list):
        return [value_of(value, f"{path}[{place}]", depth + 1) for place, value in enumerate(found)]
    return found


def whole_characters(text: str) -> None:
    """Refuse half of a surrogate pair: it is no character."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise NotJson("")


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
        (run,), found = encode([invoice], flow, strict=strict, used=used)
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
