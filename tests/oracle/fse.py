# SPDX-License-Identifier: Apache-2.0
"""The twin of the encoder of claims: one invoice after the other, one text per field, after the exchange format and its tables.

An invoice is the object of its JSON, in plain Python; `fse_json` says what is no such object. What a key may hold is found in the words of
the format, and where it is written in the tables; nothing comes from the program under test.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from tests.oracle.fse_keys import AGREEMENT, CCAM, DEFAULTS, EXECUTOR, HEADER, NGAP, Keys, Null, Refused, written_name
from tests.oracle.reader import TABLES, Zone

MOST_FAULTS = 20
NEVER_NULL = ("beneficiary", "amo", "executor")
SECRET = ("insured_nir", "beneficiary.nir")
ACTS = {"ngap": NGAP, "ccam": CCAM}
HOLDERS = list(HEADER)[1:]

Json = Mapping[str, Any]


class Found(NamedTuple):
    """A fault of the invoice of that place."""

    row: int
    code: str
    field: str
    value: Any = None
    width: int | None = None


def look(row: int, item: Json, name: str, path: str, checks: Keys, strict: bool) -> Iterator[Found]:
    for key, check in checks.items():
        where = f"{path}.{key}" if path else key
        value = item[key] if key in item else DEFAULTS[name][key]
        try:
            if value is None and not isinstance(check, Null):
                raise Refused("B2_BAD_VALUE")
            if strict and name == "referring_doctor" and key.endswith("_name") and isinstance(value, str) and written_name(value) != value:
                raise Refused("B2_BAD_VALUE")
            check(value)
        except Refused as refused:
            yield Found(row, refused.code, where, None if where in SECRET else value, refused.width)


def look_under(row: int, item: Json, key: str, path: str, checks: Keys, strict: bool) -> Iterator[Found]:
    """Look at an object of the invoice, which may be absent unless it is needed."""
    if item.get(key) is None:
        if key in NEVER_NULL:
            yield Found(row, "B2_BAD_VALUE", path)
    elif not isinstance(item[key], dict):
        yield Found(row, "B2_BAD_VALUE", path)
    else:
        yield from look(row, item[key], key, path, checks, strict)


def header_rules(row: int, invoice: Json) -> Iterator[Found]:
    wrong = "B2_BAD_VALUE"
    amo, amc, doctor = invoice["amo"], invoice["amc"], invoice["referring_doctor"]
    if amo["regime"] == "01" and invoice["beneficiary"]["rank"]:
        yield Found(row, wrong, "beneficiary.rank", invoice["beneficiary"]["rank"])
    if amo["pathway"] in ("O", "M") and (doctor is None or not written_name(doctor["first_name"])):
        yield Found(row, "B2_MISSING", "referring_doctor")
    if amc is not None:
        if amc["separate_claim"] and amc["number"] == "M":
            yield Found(row, wrong, "amc.separate_claim", 1)
        if amc["number"] != "M" and int(amc["number"]) == 99999997:
            if amc["contract_type"] != "89":
                yield Found(row, wrong, "amc.contract_type", amc["contract_type"])
            if amc["separate_claim"]:
                yield Found(row, wrong, "amc.separate_claim", 1)
    yield from accident_rules(row, amo["nature"], invoice["accident"])
    who = invoice["prescriber"]
    if who is not None and who["am"] is None and not (who["condition"] == "S" and who["rpps"] is not None):
        yield Found(row, "B2_MISSING", "prescriber.am")


def accident_rules(row: int, nature: int, accident: Json | None) -> Iterator[Found]:
    wrong = "B2_BAD_VALUE"
    if accident is None:
        if nature == 41:
            yield Found(row, "B2_MISSING", "accident")
        return
    kind, number = accident["kind"], accident["number"]
    if nature not in ((41,) if kind == "work" else (10, 13)):
        yield Found(row, wrong, "accident.kind", kind)
    if kind != "work" and number is not None:
        yield Found(row, wrong, "accident.number", number)
    if number is None and accident["date"] is None:
        yield Found(row, "B2_MISSING", "accident")
    if number is not None and accident["date"] is not None:
        yield Found(row, wrong, "accident")
    if number is not None and number.startswith("000"):
        yield Found(row, wrong, "accident.number", number)


def act_faults(row: int, act: Any, path: str, strict: bool) -> Iterator[Found]:
    if not isinstance(act, dict):
        yield Found(row, "B2_BAD_VALUE", path)
        return
    kind = act["kind"]
    found = [
        *look(row, act, kind, path, ACTS[kind], strict),
        *look_under(row, act, "executor", f"{path}.executor", EXECUTOR, strict),
        *look_under(row, act, "prior_agreement", f"{path}.prior_agreement", AGREEMENT, strict),
    ]
    yield from found or act_rules(row, whole_act(act), path)


def act_rules(row: int, act: Json, path: str) -> Iterator[Found]:
    wrong, asked = "B2_BAD_VALUE", act["prior_agreement"]
    if asked is not None:
        if asked["code"] == 9 and asked["requested_on"] is not None:
            yield Found(row, wrong, f"{path}.prior_agreement.requested_on", asked["requested_on"])
        if asked["code"] != 9 and asked["requested_on"] is None:
            yield Found(row, "B2_MISSING", f"{path}.prior_agreement.requested_on")
    if act["qualifier"] in ("N", "G"):
        for key, allowed in (("rate", (0,)), ("amo", (0,)), ("exemption", ("", "0"))):
            if act[key] not in allowed:
                yield Found(row, wrong, f"{path}.{key}", act[key])
    if act["amo"] + act["amc"] > act["fees"]:
        yield Found(row, "B2_AMOUNTS", path)


# Reading what is left out ---------------------------------------------------------------------------------------------------------


def whole(invoice: Json) -> dict[str, Any]:
    """Return the header of an invoice, what hangs below it included, with what stands for each key that is left out."""
    found = {**DEFAULTS[""], **invoice}
    for key in HOLDERS:
        if isinstance(found.get(key), dict):
            found[key] = {**DEFAULTS[key], **found[key]}
    return found


def whole_act(act: Json) -> dict[str, Any]:
    found = {**DEFAULTS[act["kind"]], **act}
    found["executor"] = {**DEFAULTS["executor"], **act["executor"]}
    if found["prior_agreement"] is not None:
        found["prior_agreement"] = {**DEFAULTS["prior_agreement"], **found["prior_agreement"]}
    return found


# Writing -------------------------------------------------------------------------------------------------------------------------


def rules_of(invoice: Json, act: Json | None, flow: int, totals: dict[str, int]) -> dict[str, Any]:
    """The computed values, as section 2 of the format lists them."""
    found: dict[str, Any] = dict(totals)
    found["=biller"] = re.sub("^2([AB])00", lambda match: "2001" if match[1] == "A" else "2002", invoice["biller"])
    accident, amc, who = invoice["accident"], invoice["amc"], invoice["prescriber"]
    found["=accident"] = None
    if accident is not None:
        found["=accident"] = accident["number"] or "000" + accident["date"][2:].replace("-", "")
    found["=split_flag"] = "F" if amc is not None and amc["separate_claim"] else ""
    found["=amc_number"] = "" if amc is None else " " * 9 + "M" if amc["number"] == "M" else amc["number"].rjust(10, "0")
    found["=prescriber_specialty"] = who["specialty"] if who is not None and who["condition"] == "S" else None
    if act is not None:
        found["=act_code"] = act["code"] if act["kind"] == "ngap" else act["grouping"]
        found["=prior_agreement_code"] = 9 if act["prior_agreement"] is None else act["prior_agreement"]["code"]
        found["=act_amc"] = amc_written(invoice, act, flow)
    return found


def amc_written(invoice: Json, act: Json, flow: int) -> int:
    apart = invoice["amc"] is not None and invoice["amc"]["separate_claim"]
    return 0 if apart and flow == 1 else int(act["amc"])


class Step(NamedTuple):
    """A zone that holds a value: its width, and where the value comes from."""

    zone: Zone
    width: int
    rule: str
    keys: tuple[str, ...]
    part: str


@cache
def steps(kind: str) -> tuple[str | Step, ...]:
    """Return the zones of a record: what always stands there, or the step that fills it."""
    found: list[str | Step] = []
    for zone in TABLES[kind].values():
        width, (path, _, part) = zone.end - zone.start, zone.value.partition("[")
        if zone.kind == "const":
            found.append(zone.value.ljust(width))
        elif zone.kind == "filler":
            found.append(" " * width)
        else:
            found.append(Step(zone, width, path if path.startswith("=") else "", tuple(path.split(".")), part.rstrip("]")))
    return tuple(found)


def source(invoice: Json, act: Json | None, rules: dict[str, Any], step: Step) -> Any:
    if step.rule:
        return rules[step.rule]
    item: Any = invoice
    for key in step.keys:
        item = act if key == "act" else item[key]
        if item is None:
            return None
    if not step.part:
        return item
    if ":" in step.part:
        first, last = step.part.split(":")
        return item[int(first) : int(last)]
    place = int(step.part)
    return item[place] if place < len(item) else None


def written(value: Any, step: Step) -> str:
    if step.zone.kind in ("num", "amount"):
        return str(value or 0).rjust(step.width, "0")
    if step.zone.kind == "date6":
        return "000000" if value is None else (value[2:].replace("-", "") if "-" in value else value)
    if step.zone.name.endswith("_name"):
        value = written_name(value or "")
    return (value or "").ljust(step.width)


def record(kind: str, invoice: Json, act: Json | None, rules: dict[str, Any]) -> str:
    parts = (step if isinstance(step, str) else written(source(invoice, act, rules, step), step) for step in steps(kind))
    return "".join(parts) + "\n"


def kinds_of(invoice: Json, act: Json) -> list[str]:
    who = invoice["prescriber"]
    known = act["executor"]["rpps"] is not None or (who is not None and (who["rpps"] is not None or who["structure"] is not None))
    return ["4", "4S", *(["4E"] if known else []), *(["4M"] if act["kind"] == "ccam" else [])]


def totals_of(invoice: Json, acts: list[dict[str, Any]], flow: int) -> dict[str, int]:
    fees, amo = sum(act["fees"] for act in acts), sum(act["amo"] for act in acts)
    return {
        "=line_count": sum(len(kinds_of(invoice, act)) for act in acts),
        "=total_fees": fees,
        "=total_amo": amo,
        "=total_insured_share": fees - amo,
        "=total_amc": sum(amc_written(invoice, act, flow) for act in acts),
    }


def faults_of(row: int, invoice: Any, flow: int, used: set[tuple[str, int]], strict: bool) -> list[Found]:
    """Every fault but that of totals, which are summed when there is no other."""
    found = list(look(row, invoice, "", "", HEADER[""], strict))
    for key in HOLDERS:
        found += look_under(row, invoice, key, key, HEADER[key], strict)
    bad = {fault.field for fault in found}
    found += [] if found else header_rules(row, whole(invoice))
    acts = invoice["acts"]
    if type(acts) is not list:
        found.append(Found(row, "B2_BAD_VALUE", "acts"))
    elif not acts:
        found.append(Found(row, "B2_MISSING", "acts"))
    else:
        for place, act in enumerate(acts):
            found += act_faults(row, act, f"acts[{place}]", strict)
    if not bad & {"biller", "number"}:
        if (invoice["biller"], invoice["number"]) in used:
            found.append(Found(row, "B2_DUPLICATE_NUMBER", "number", invoice["number"]))
        used.add((invoice["biller"], invoice["number"]))
    return found


def too_wide(row: int, totals: dict[str, int]) -> Iterator[Found]:
    for zone in TABLES["5"].values():
        if zone.value in totals and totals[zone.value] >= 10 ** (zone.end - zone.start):
            yield Found(row, "B2_OVERFLOW", zone.value.removeprefix("="), totals[zone.value], zone.end - zone.start)


def run_of(invoice: Json, acts: list[dict[str, Any]], flow: int, totals: dict[str, int]) -> bytes:
    head = rules_of(invoice, None, flow, totals)
    lines = [record("2", invoice, None, head), record("2S", invoice, None, head)]
    for act in acts:
        rules = rules_of(invoice, act, flow, totals)
        lines += [record(kind, invoice, act, rules) for kind in kinds_of(invoice, act)]
    lines.append(record("5", invoice, None, head))
    return "".join(lines).encode("ascii")


def encode(
    invoices: list[Any], flow: int, *, strict: bool = False, used: set[tuple[str, int]] | None = None
) -> tuple[list[bytes], list[Found]]:
    """Encode each invoice on its own: its records, none for a faulty one, and the faults in order."""
    runs: list[bytes] = []
    faults: list[Found] = []
    used = set() if used is None else used
    for row, given in enumerate(invoices):
        found = faults_of(row, given, flow, used, strict)
        run = b""
        if not found:
            invoice, acts = whole(given), [whole_act(act) for act in given["acts"]]
            totals = totals_of(invoice, acts, flow)
            found = list(too_wide(row, totals))
            run = b"" if found else run_of(invoice, acts, flow, totals)
        runs.append(run)
        faults += found[:MOST_FAULTS]
    return runs, faults
