# SPDX-License-Identifier: Apache-2.0
"""The peer that one would write in Python to read claims: a struct for each record, a dict for each invoice, orjson. No check at all.

It knows what `loadtests.data.invoices` writes: sound records in order, people of the 20th century, no accident.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field

LINE: Final = 129
NAMES: Final = ("2", "2S", "4", "4S", "4E", "4M")
Read = Mapping[str, Any]


def _reader(name: str) -> Callable[[bytes, int], dict[str, Any]]:
    """Return what reads a record of a type into a dict: numbers as numbers, all else as text without its blanks."""
    fields = load_pack().tables[name].fields
    layout = struct.Struct("".join(f"{field.length}s" if _wanted(field) else f"{field.length}x" for field in fields))
    wanted = [field for field in fields if _wanted(field)]
    names = [field.name for field in wanted]
    numbers = [field.kind == "amount" or field.name in NUMBERS for field in wanted]

    def read(data: bytes, at: int) -> dict[str, Any]:
        parts = layout.unpack_from(data, at)
        values = [int(part) if number else part.decode().rstrip() for part, number in zip(parts, numbers, strict=True)]
        return dict(zip(names, values, strict=True))

    return read


def _wanted(field: Field) -> bool:
    return field.kind not in ("const", "filler")


NUMBERS: Final = frozenset(
    ("rank", "invoice_number", "rights_source", "nature_assurance", "birth_rank", "quantity", "coefficient", "units", "rate", "phase",
     "prior_agreement_code")
)  # fmt: skip


def struct_reader() -> Callable[[bytes], bytes]:
    """Return the peer."""
    two, two_s, four, four_s, four_e, four_m = (_reader(name) for name in NAMES)

    def decoded(data: bytes) -> bytes:
        out: list[bytes] = []
        head: dict[str, Any] = {}
        lines: list[dict[str, Any]] = []
        for at in range(0, len(data), LINE):
            first, mark = data[at : at + 1], data[at + 35 : at + 36]
            if first == b"2":
                if data[at + 38 : at + 39] == b"S":
                    head |= two_s(data, at)
                else:
                    head, lines = two(data, at), []
            elif first == b"5":
                out.append(orjson.dumps(_invoice(head, lines)))
            elif mark in b"SEM":
                lines[-1] |= (four_s if mark == b"S" else four_e if mark == b"E" else four_m)(data, at)
            else:
                lines.append(four(data, at))
        return b"\n".join(out) + b"\n"

    return decoded


def _day(text: str) -> str | None:
    return None if text == "000000" else f"20{text[:2]}-{text[2:4]}-{text[4:]}"


def _known(text: str | None) -> str | None:
    return text if text is not None and text.strip("0") else None


def _invoice(head: Read, lines: list[dict[str, Any]]) -> dict[str, Any]:
    amc = {"number": head["amc_number"], "contract_type": head["contract_type"], "separate_claim": head["split_flag"] == "F"}
    doctor = {"last_name": head["referring_last_name"], "first_name": head["referring_first_name"], "am": _known(head["referring_am"])}
    return {
        "number": head["invoice_number"], "biller": head["biller"], "insured_nir": head["nir"] + head["nir_key"],
        "beneficiary": {
            "birth_date": "19" + head["birth_date"], "birth_rank": head["birth_rank"], "rank": head["rank"],
            "nir": head["beneficiary_nir"] + head["beneficiary_nir_key"] if head["beneficiary_nir"] else None,
        },
        "amo": {
            "regime": head["regime"], "caisse": head["caisse"], "centre": head["centre"], "rights_source": head["rights_source"],
            "rights_from": _day(head["rights_from"]), "nature": head["nature_assurance"], "exemption": head["exoneration"],
            "pathway": head["pathway"], "treating_physician": head["treating_physician_flag"],
        },
        "referring_doctor": doctor if doctor["last_name"] else None, "amc": amc if amc["number"] else None, "accident": None,
        "prescriber": _prescriber(lines[0]) if lines[0]["prescriber_condition"] else None, "acts": [_act(line) for line in lines],
    }  # fmt: skip


def _prescriber(line: Read) -> dict[str, Any]:
    salaried = line["prescriber_condition"] == "S"
    return {
        "am": _known(line["prescriber_am"]), "rpps": _known(line["prescriber_rpps"]), "condition": line["prescriber_condition"],
        "specialty": line["prescriber_specialty"] if salaried else "", "origin": line["prescription_origin"],
        "structure": line["prescriber_structure"] or None,
    }  # fmt: skip


def _act(line: Read) -> dict[str, Any]:
    act: dict[str, Any] = {
        name: line[name] for name in ("quantity", "coefficient", "units", "unit_price", "base", "rate", "amo", "fees", "amc", "qualifier")
    }
    agreed = line["prior_agreement_code"] != 9
    act |= {
        "complement": line["act_complement"], "date": _day(line["care_date"]), "exemption": line["line_exoneration"],
        "executor": {
            "am": line["executor_am"], "rpps": _known(line.get("executor_rpps")), "specialty": line["executor_specialty"],
            "zone": line["executor_zone"] if line["executor_zone"] != "00" else "", "condition": line["executor_condition"],
        },
        "prior_agreement": {"code": line["prior_agreement_code"], "requested_on": _day(line["prior_agreement_date"])} if agreed else None,
    }  # fmt: skip
    if "ccam_code" not in line:
        return {"kind": "ngap", "code": line["act_code"], **act}
    return {
        "kind": "ccam", "code": line["ccam_code"], "grouping": line["act_code"], "activity": line["activity"], "phase": line["phase"],
        "modifiers": [item for place in range(1, 5) if (item := line[f"modifier_{place}"])],
        "teeth": [item for place in range(1, 17) if (item := line[f"tooth_{place}"])],
        "association": line["association"], "extension": line["extension"], "conditional": line["conditional"],
        "supplement": line["supplement"], **act,
    }  # fmt: skip
