# SPDX-License-Identifier: Apache-2.0
"""Claims back to invoices in plain Python, from the format document: the decoder for input without a fault."""

from functools import partial
from typing import Any

from tests.oracle.reader import Read, lettered, order, records

NUMBERS = ("quantity", "coefficient", "units", "unit_price", "base", "rate", "amo", "fees", "amc")
SECURITY = {"S": "secured", "D": "degraded", "Y": "desynchronised"}


def decode(data: bytes) -> list[dict[str, Any]]:
    read, _ = records(data)
    order(read)
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for first, stop in read.units:
        lot = max((place for place in range(first) if read.types[place] == "1"), default=None)
        invoice = _invoice(read, first, stop, lot)
        key = (invoice["biller"], invoice["number"])
        # Of two claims, the one of flow 02 has the amounts; the place is that of the first.
        if key not in found or (lot is not None and read.zone(lot, "flow") == "02"):
            found[key] = invoice
    return list(found.values())


def _known(text: str, nothing: Any = None) -> Any:
    return text if text.strip("0 ") else nothing


def _date(text: str) -> str | None:
    return f"{'19' if text >= '70' else '20'}{text[:2]}-{text[2:4]}-{text[4:]}" if text.strip("0") else None


def _invoice(read: Read, first: int, stop: int, lot: int | None) -> dict[str, Any]:
    head, more = partial(read.zone, first), partial(read.zone, first + 1)
    lines = [place for place in range(first, stop) if read.types[place] == "4"]
    acts = [
        {read.types[one]: one for one in range(place, after)} for place, after in zip(lines, [*lines[1:], stop - 1], strict=True)
    ]
    care = _date(read.zone(lines[0], "care_date")) or ""
    birth, own = head("birth_date"), more("beneficiary_nir")
    invoice: dict[str, Any] = {
        "number": int(head("invoice_number")),
        "biller": lettered(head("biller")),
        "insured_nir": head("nir") + head("nir_key"),
        "beneficiary": {
            "birth_date": ("20" if int("20" + birth[:2]) <= int(care[:4]) else "19") + birth,
            "birth_rank": int(head("birth_rank")),
            "rank": int(head("rank")),
            "nir": own + more("beneficiary_nir_key") if own.strip() else None,
        },
        "amo": {
            "regime": head("regime"), "caisse": head("caisse"), "centre": head("centre"), "rights_source": int(head("rights_source")),
            "rights_from": _date(head("rights_from")), "nature": int(head("nature_assurance")), "exemption": head("exoneration").strip(),
            "pathway": more("pathway").strip(), "treating_physician": more("treating_physician_flag").strip(),
        },
        "referring_doctor": {
            "last_name": more("referring_last_name").rstrip(), "first_name": more("referring_first_name").rstrip(),
            "am": _known(more("referring_am")),
        } if more("referring_last_name").strip() else None,
        "amc": {
            "number": head("amc_number").strip(), "contract_type": head("contract_type"), "separate_claim": head("split_flag") == "F",
        } if head("amc_number").strip() else None,
        "accident": _accident(head("accident"), head("nature_assurance")),
        "prescriber": _prescriber(read, acts[0]),
        "acts": [_act(read, act) for act in acts],
    }  # fmt: skip
    if lot is not None:
        invoice["security"] = SECURITY[read.zone(lot, "security_mode")]
    return invoice


def _accident(text: str, nature: str) -> dict[str, Any] | None:
    if not text.strip("0"):
        return None
    kind = "work" if nature == "41" else "third_party"
    return {"kind": kind, "date": _date(text[3:])} if text.startswith("000") else {"kind": kind, "number": text}


def _prescriber(read: Read, act: dict[str, int]) -> dict[str, Any] | None:
    condition, e = read.zone(act["4S"], "prescriber_condition").strip(), act.get("4E")
    if not condition:
        return None
    return {
        "am": _known(read.zone(act["4"], "prescriber_am")),
        "rpps": None if e is None else _known(read.zone(e, "prescriber_rpps")),
        "specialty": _known(read.zone(act["4"], "prescriber_specialty"), ""),
        "condition": condition,
        "origin": read.zone(act["4"], "prescription_origin").strip(),
        "structure": None if e is None else read.zone(e, "prescriber_structure").strip() or None,
    }


def _act(read: Read, act: dict[str, int]) -> dict[str, Any]:
    line, s, e, m = act["4"], act["4S"], act.get("4E"), act.get("4M")
    code = read.zone(line, "act_code").rstrip()
    common = {
        "complement": read.zone(line, "act_complement").strip(), "date": _date(read.zone(line, "care_date")),
        **{name: read.number(line, name) for name in NUMBERS},
        "exemption": read.zone(line, "line_exoneration").strip(), "qualifier": read.zone(line, "qualifier").strip(),
        "executor": {
            "am": read.zone(line, "executor_am"), "rpps": None if e is None else _known(read.zone(e, "executor_rpps")),
            "specialty": read.zone(line, "executor_specialty"), "zone": _known(read.zone(line, "executor_zone"), ""),
            "condition": read.zone(s, "executor_condition"),
        },
        "prior_agreement": {
            "code": read.number(s, "prior_agreement_code"), "requested_on": _date(read.zone(s, "prior_agreement_date")),
        } if read.zone(s, "prior_agreement_code") != "9" else None,
    }  # fmt: skip
    if m is None:
        return {"kind": "ngap", "code": code, **common}
    lists = {"modifiers": ("modifier", 4), "teeth": ("tooth", 16)}
    return {
        "kind": "ccam", "code": read.zone(m, "ccam_code").rstrip(), "grouping": code, "activity": read.zone(m, "activity"),
        "phase": read.number(m, "phase"),
        **{key: [item for rank in range(1, count + 1) if (item := read.zone(m, f"{name}_{rank}").strip())]
           for key, (name, count) in lists.items()},
        **{key: read.zone(m, key).strip() for key in ("association", "extension", "conditional", "supplement")},
        **common,
    }  # fmt: skip
