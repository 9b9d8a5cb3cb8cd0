# SPDX-License-Identifier: Apache-2.0
"""What a run of generated input has held: keys there and left out, codes of lists, widths, and every code that refuses."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from desmos_fast.billing import model
from tests.generators.invoices import Json
from tests.oracle.fse_keys import DEFAULTS, written_name
from tests.oracle.reader import CODES, TABLES, Zone

STRUCTS: dict[str, type[msgspec.Struct]] = {
    "": model.Invoice, "beneficiary": model.Beneficiary, "amo": model.Amo, "referring_doctor": model.ReferringDoctor, "amc": model.Amc,
    "accident": model.Accident, "prescriber": model.Prescriber, "ngap": model.NgapAct, "ccam": model.CcamAct,
    "executor": model.Executor, "prior_agreement": model.PriorAgreement,
}  # fmt: skip
# Object and key, and the list of its codes.
LISTED = {
    ("amo", "regime"): "regime", ("amo", "rights_source"): "rights_source", ("amo", "nature"): "nature_assurance",
    ("amo", "exemption"): "exoneration", ("amo", "pathway"): "pathway", ("amo", "treating_physician"): "treating_physician",
    ("amc", "number"): "amc_reserved", ("amc", "contract_type"): "contract_type", ("prescriber", "condition"): "practice_condition",
    ("prescriber", "origin"): "prescription_origin", ("ngap", "exemption"): "exoneration", ("ccam", "exemption"): "exoneration",
    ("ngap", "qualifier"): "qualifier", ("ccam", "qualifier"): "qualifier", ("executor", "condition"): "practice_condition",
    ("prior_agreement", "code"): "prior_agreement",
}  # fmt: skip
NOT_OF = {("executor", "condition"): {"B"}}
INVOICE_CODES = {
    "B2_BAD_JSON", "B2_UNKNOWN_KEY", "B2_MISSING", "B2_OVERFLOW", "B2_BAD_CHAR", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE",
    "B2_BAD_NIR", "B2_NIR_KEY", "B2_FINESS_KEY", "B2_AMOUNTS", "B2_DUPLICATE_NUMBER",
}  # fmt: skip
RECORD_CODES = {
    "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
    "B2_UNEXPECTED_VALUE", "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_AMOUNTS",
    "B2_DUPLICATE_NUMBER", "B2_DUPLICATE_LOT", "B2_LOT_MISMATCH", "B2_BAD_OUTCOME",
}  # fmt: skip
PLACE = re.compile(r"\[\d+\]")


def objects(invoice: Json) -> Iterator[tuple[str, Json]]:
    """List the objects of a sound invoice with their names."""
    yield "", invoice
    yield from ((name, invoice[name]) for name in STRUCTS if name and isinstance(invoice.get(name), dict))
    for act in invoice["acts"]:
        yield act["kind"], act
        yield from ((name, act[name]) for name in ("executor", "prior_agreement") if act.get(name) is not None)


def zones() -> Iterator[tuple[str, str, Zone]]:
    """List what is written as it is given: the object, the key, and the zone that is its width."""
    for name in ("2", "2S", "4", "4S", "4E", "4M"):
        for zone in TABLES[name].values():
            owner, _, key = zone.value.removeprefix("act.").rpartition(".")
            if zone.kind in ("num", "amount", "alpha") and key and "[" not in key and not key.startswith("="):
                owners = ("ccam",) if name == "4M" else ("ngap", "ccam") if zone.value == f"act.{key}" else (owner,)
                yield from ((one, key, zone) for one in owners if key in STRUCTS[one].__struct_fields__)


class Coverage:
    """Counts over the sound invoices, the faults of refused ones, and the faults of records."""

    def __init__(self) -> None:
        self.there: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.values: Counter[str] = Counter()
        self.widest: dict[str, int] = {}
        self.invoice_faults: Counter[str] = Counter()
        self.faulty_keys: Counter[str] = Counter()
        self.record_faults: Counter[str] = Counter()

    def sound(self, invoice: Json) -> None:
        for name, item in objects(invoice):
            for key, value in item.items():
                self.there[f"{name}.{key}"] += 1
                if (name, key) in LISTED:
                    self.values[f"{name}.{key}={value.lstrip('0') if key == 'number' else value}"] += 1
                if value is not None and not isinstance(value, list | dict):
                    text = written_name(value) or "" if key.endswith("_name") else str(value)
                    if len(text) > self.widest.get(f"{name}.{key}", 0):
                        self.widest[f"{name}.{key}"] = len(text)
            self.left_out.update(f"{name}.{key}" for key in DEFAULTS[name] if key not in item)

    def refused(self, code: str, field: str) -> None:
        self.invoice_faults[code] += 1
        self.faulty_keys[f"{code} {PLACE.sub('[]', field)}"[:60]] += 1

    def update(self, name: str, counts: dict[str, int]) -> None:
        """Add what another run counted under one of the names above."""
        if name == "widest":
            self.widest = {key: max(counts.get(key, 0), self.widest.get(key, 0)) for key in {*counts, *self.widest}}
        else:
            getattr(self, name).update(counts)

    def lacks(self) -> list[str]:
        """Name everything that the format knows and that was never there."""
        wanted: list[tuple[str, Any, set[str]]] = [
            ("there", self.there, {f"{name}.{key}" for name, kind in STRUCTS.items() for key in kind.__struct_fields__}),
            ("left out", self.left_out, {f"{name}.{key}" for name, defaults in DEFAULTS.items() for key in defaults}),
            ("value", self.values, {
                f"{name}.{key}={code}" for (name, key), found in LISTED.items() for code in CODES[found] - NOT_OF.get((name, key), set())
            }),
            ("refused invoice", self.invoice_faults, INVOICE_CODES),
            ("refused record", self.record_faults, RECORD_CODES),
        ]  # fmt: skip
        found = [f"{what}: {name}" for what, seen, all_of in wanted for name in sorted(all_of - set(seen))]
        for name, key, zone in zones():
            widest = self.widest.get(f"{name}.{key}", 0)
            if widest != zone.end - zone.start and key != "structure":
                found.append(f"width: {name}.{key} is {widest} at most, its zone {zone.end - zone.start}")
        return found

    def told(self) -> str:
        """Sum up in a few lines."""
        lists = {f"{name}.{key}" for name, key in LISTED}
        lines = [
            f"keys there {len(self.there)}, left out {len(self.left_out)}, codes of {len(lists)} lists {len(self.values)}",
            f"faults of invoices: {len(self.invoice_faults)} codes, {len(self.faulty_keys)} codes and keys",
            *(f"  {code} {count}" for code, count in sorted(self.invoice_faults.items())),
            f"faults of records: {len(self.record_faults)} codes",
            *(f"  {code} {count}" for code, count in sorted(self.record_faults.items())),
        ]
        return "\n".join(lines + [f"never there: {name}" for name in self.lacks()])
