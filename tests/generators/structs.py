# SPDX-License-Identifier: Apache-2.0
"""Structs of invoices as the objects of their JSON."""

from typing import Any

import msgspec

from desmos_fast.billing.model import CcamAct, NgapAct

CLASSES = {
    "beneficiary": "Beneficiary", "amo": "Amo", "referring_doctor": "ReferringDoctor", "amc": "Amc", "accident": "Accident",
    "prescriber": "Prescriber", "executor": "Executor", "prior_agreement": "PriorAgreement",
}  # fmt: skip
# Members that no record carries: the type of a Struct alone answers for them.
UNREAD = {("Invoice", "security"), ("Invoice", "third_party"), ("Beneficiary", "last_name"), ("Beneficiary", "first_name")}
LISTS = ("acts", "modifiers", "teeth")


class Odd:
    """What stands in a Struct and in no JSON, or not so."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


def plain(item: Any) -> Any:
    """Return a Struct as the object of its JSON; what has the wrong class in its place stays no object and no list."""
    found: dict[str, Any] = {"kind": "ngap" if type(item) is NgapAct else "ccam"} if isinstance(item, NgapAct | CcamAct) else {}
    for key in item.__struct_fields__:
        value = getattr(item, key)
        if (type(item).__name__, key) in UNREAD:
            continue
        if key in LISTS and type(value) is tuple:
            found[key] = [act(one) for one in value] if key == "acts" else [opaque(one) for one in value]
        elif key in CLASSES and type(value).__name__ == CLASSES[key]:
            found[key] = plain(value)
        else:
            found[key] = opaque(value)
    return found


def act(value: Any) -> Any:
    return plain(value) if type(value) in (NgapAct, CcamAct) else opaque(value)


def opaque(value: Any) -> Any:
    return Odd(value) if isinstance(value, dict | list | msgspec.Struct) else value
