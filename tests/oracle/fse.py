# SPDX-License-Identifier: Apache-2.0
"""The twin of the encoder of claims: one invoice after the other, one text per field, after the exchange format and its tables.

It finds what a key may hold in the words of the format, and where it is written in the tables; nothing comes from the kernel.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from desmos_fast.exchange.layouts import Field, load_pack
from tests.oracle.fse_keys import AGREEMENT, CCAM, EXECUTOR, HEADER, NGAP, Keys, Null, Refused, written_name

MOST_FAULTS = 20
NEVER_NULL = ("beneficiary", "amo", "executor")
SECRET = ("insured_nir", "beneficiary.nir")
CLASSES = {
    "beneficiary": "Beneficiary", "amo": "Amo", "referring_doctor": "ReferringDoctor", "amc": "Amc", "accident": "Accident",
    "prescriber": "Prescriber", "executor": "Executor", "prior_agreement": "PriorAgreement",
}  # fmt: skip


class Found(NamedTuple):
    """A fault of the invoice of that place."""

    row: int
    code: str
    field: str
    value: Any = None
    width: int | None = None


def look(row: int, item: Any, path: str, checks: Keys) -> Iterator[Found]:
    for key, check in checks.items():
        where = f"{path}.{key}" if path else key
        value = getattr(item, key)
        try:
            if value is None and not isinstance(check, Null):
                raise Refused("B2_BAD_VALUE")
            check(value)
        except Refused as refused:
            yield Found(row, refused.code, where, None if where in SECRET else value, refused.width)


def look_under(row: int, item: Any, key: str, path: str, checks: Keys) -> Iterator[Found]:
    """Look at an object of the invoice, which may be absent unless it is needed."""
    if item is None:
        if key in NEVER_NULL:
            yield Found(row, "B2_BAD_VALUE", path)
    elif type(item).__name__ != CLASSES[key]:
        yield Found(row, "B2_BAD_VALUE", path)
    else:
        yield from look(row, item, path, checks)


def header_rules(row: int, invoice: Any) -> Iterator[Found]:
    wrong = "B2_BAD_VALUE"
    amo, amc, doctor = invoice.amo, invoice.amc, invoice.referring_doctor
    if amo.regime == "01" and invoice.beneficiary.rank:
        yield Found(row, wrong, "beneficiary.rank", invoice.beneficiary.rank)
    if amo.pathway in ("O", "M") and (doctor is None or not written_name(doctor.first_name)):
        yield Found(row, "B2_MISSING", "referring_doctor")
    if amc is not None:
        if amc.separate_claim and amc.number == "M":
            yield Found(row, wrong, "amc.separate_claim", 1)
        if amc.number != "M" and int(amc.number) == 99999997:
            if amc.contract_type != "89":
                yield Found(row, wrong, "amc.contract_type", amc.contract_type)
            if amc.separate_claim:
                yield Found(row, wrong, "amc.separate_claim", 1)
    yield from accident_rules(row, invoice)
    who = invoice.prescriber
    if who is not None and who.am is None and not (who.condition == "S" and who.rpps is not None):
        yield Found(row, "B2_MISSING", "prescriber.am")


def accident_rules(row: int, invoice: Any) -> Iterator[Found]:
    wrong, nature, accident = "B2_BAD_VALUE", invoice.amo.nature, invoice.accident
    if accident is None:
        if nature == 41:
            yield Found(row, "B2_MISSING", "accident")
        return
    if nature not in ((41,) if accident.kind == "work" else (10, 13)):
        yield Found(row, wrong, "accident.kind", accident.kind)
    if accident.kind != "work" and accident.number is not None:
        yield Found(row, wrong, "accident.number", accident.number)
    if accident.number is None and accident.date is None:
        yield Found(row, "B2_MISSING", "accident")
    if accident.number is not None and accident.date is not None:
        yield Found(row, wrong, "accident")
    if accident.number is not None and accident.number.startswith("000"):
        yield Found(row, wrong, "accident.number", accident.number)


def act_faults(row: int, act: Any, path: str) -> Iterator[Found]:
    kinds = {"NgapAct": NGAP, "CcamAct": CCAM}
    if type(act).__name__ not in kinds:
        yield Found(row, "B2_BAD_VALUE", path)
        return
    found = [
        *look(row, act, path, kinds[type(act).__name__]),
        *look_under(row, act.executor, "executor", f"{path}.executor", EXECUTOR),
        *look_under(row, act.prior_agreement, "prior_agreement", f"{path}.prior_agreement", AGREEMENT),
    ]
    yield from found or act_rules(row, act, path)


def act_rules(row: int, act: Any, path: str) -> Iterator[Found]:
    wrong, asked = "B2_BAD_VALUE", act.prior_agreement
    if asked is not None:
        if asked.code == 9 and asked.requested_on is not None:
            yield Found(row, wrong, f"{path}.prior_agreement.requested_on", asked.requested_on)
        if asked.code != 9 and asked.requested_on is None:
            yield Found(row, "B2_MISSING", f"{path}.prior_agreement.requested_on")
    if act.qualifier in ("N", "G"):
        for key, allowed in (("rate", (0,)), ("amo", (0,)), ("exemption", ("", "0"))):
            if getattr(act, key) not in allowed:
                yield Found(row, wrong, f"{path}.{key}", getattr(act, key))
    if act.amo + act.amc > act.fees:
        yield Found(row, "B2_AMOUNTS", path)


# Writing -------------------------------------------------------------------------------------------------------------------------


def rules_of(invoice: Any, act: Any, flow: int, totals: dict[str, int]) -> dict[str, Any]:
    """The computed values, as section 2 of the format lists them."""
    found: dict[str, Any] = dict(totals)
    found["=biller"] = re.sub("^2([AB])00", lambda match: "2001" if match[1] == "A" else "2002", invoice.biller)
    accident, amc, who = invoice.accident, invoice.amc, invoice.prescriber
    found["=accident"] = None
    if accident is not None:
        found["=accident"] = accident.number or "000" + accident.date[2:].replace("-", "")
    found["=split_flag"] = "F" if amc is not None and amc.separate_claim else ""
    found["=amc_number"] = "" if amc is None else " " * 9 + "M" if amc.number == "M" else amc.number.rjust(10, "0")
    found["=prescriber_specialty"] = who.specialty if who is not None and who.condition == "S" else None
    if act is not None:
        found["=act_code"] = act.code if type(act).__name__ == "NgapAct" else act.grouping
        found["=prior_agreement_code"] = 9 if act.prior_agreement is None else act.prior_agreement.code
        found["=act_amc"] = amc_written(invoice, act, flow)
    return found


def amc_written(invoice: Any, act: Any, flow: int) -> int:
    apart = invoice.amc is not None and invoice.amc.separate_claim
    return 0 if apart and flow == 1 else int(act.amc)


def source(invoice: Any, act: Any, rules: dict[str, Any], field: Field) -> Any:
    if field.kind in ("const", "filler"):
        return None
    path, _, part = field.value.partition("[")
    if path.startswith("="):
        return rules[path]
    item = invoice
    for key in path.split("."):
        item = act if key == "act" else getattr(item, key)
        if item is None:
            return None
    if not part:
        return item
    if ":" in part:
        first, last = part.rstrip("]").split(":")
        return item[int(first) : int(last)]
    place = int(part.rstrip("]"))
    return item[place] if place < len(item) else None


def written(value: Any, field: Field) -> str:
    if field.kind == "const":
        return field.value.ljust(field.length)
    if field.kind == "filler":
        return " " * field.length
    if field.kind in ("num", "amount"):
        return str(value or 0).rjust(field.length, "0")
    if field.kind == "date6":
        return "000000" if value is None else (value[2:].replace("-", "") if "-" in value else value)
    if field.name.endswith("_name"):
        value = written_name(value or "")
    return (value or "").ljust(field.length)


def record(kind: str, invoice: Any, act: Any, rules: dict[str, Any]) -> str:
    fields = load_pack().tables[kind].fields
    return "".join(written(source(invoice, act, rules, field), field) for field in fields) + "\n"


def needs_4e(invoice: Any, act: Any) -> bool:
    who = invoice.prescriber
    return act.executor.rpps is not None or (who is not None and (who.rpps is not None or who.structure is not None))


def kinds_of(invoice: Any, act: Any) -> list[str]:
    ccam = type(act).__name__ == "CcamAct"
    return ["4", "4S", *(["4E"] if needs_4e(invoice, act) else []), *(["4M"] if ccam else [])]


def totals_of(invoice: Any, flow: int) -> dict[str, int]:
    fees, amo = sum(act.fees for act in invoice.acts), sum(act.amo for act in invoice.acts)
    return {
        "=line_count": sum(len(kinds_of(invoice, act)) for act in invoice.acts),
        "=total_fees": fees,
        "=total_amo": amo,
        "=total_insured_share": fees - amo,
        "=total_amc": sum(amc_written(invoice, act, flow) for act in invoice.acts),
    }


def faults_of(row: int, invoice: Any, flow: int, used: set[tuple[str, int]]) -> list[Found]:
    found = list(look(row, invoice, "", HEADER[""]))
    for key in list(HEADER)[1:]:
        found += look_under(row, getattr(invoice, key), key, key, HEADER[key])
    bad = {fault.field for fault in found}
    found += [] if found else header_rules(row, invoice)
    if type(invoice.acts) is not tuple:
        found.append(Found(row, "B2_BAD_VALUE", "acts"))
    elif not invoice.acts:
        found.append(Found(row, "B2_MISSING", "acts"))
    else:
        for place, act in enumerate(invoice.acts):
            found += act_faults(row, act, f"acts[{place}]")
    if not bad & {"biller", "number"}:
        if (invoice.biller, invoice.number) in used:
            found.append(Found(row, "B2_DUPLICATE_NUMBER", "number", invoice.number))
        used.add((invoice.biller, invoice.number))
    if not found:
        totals = totals_of(invoice, flow)
        for field in load_pack().tables["5"].fields:
            if field.value in totals and totals[field.value] >= 10**field.length:
                found.append(Found(row, "B2_OVERFLOW", field.value.removeprefix("="), totals[field.value], field.length))
    return found[:MOST_FAULTS]


def encode(invoices: list[Any], flow: int) -> tuple[list[bytes], list[Found]]:
    """Encode each invoice on its own: its records, none for a faulty one, and the faults in order."""
    runs: list[bytes] = []
    faults: list[Found] = []
    used: set[tuple[str, int]] = set()
    for row, invoice in enumerate(invoices):
        found = faults_of(row, invoice, flow, used)
        faults += found
        if found:
            runs.append(b"")
            continue
        totals = totals_of(invoice, flow)
        head = rules_of(invoice, None, flow, totals)
        lines = [record("2", invoice, None, head), record("2S", invoice, None, head)]
        for act in invoice.acts:
            rules = rules_of(invoice, act, flow, totals)
            lines += [record(kind, invoice, act, rules) for kind in kinds_of(invoice, act)]
        lines.append(record("5", invoice, None, head))
        runs.append("".join(lines).encode("ascii"))
    return runs, faults
