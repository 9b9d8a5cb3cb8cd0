# SPDX-License-Identifier: Apache-2.0
"""Columns to the objects of JSON that their rows mean: texts are bytes filled with NUL or spaces, and an empty one is an absent one."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle.fse_keys import CCAM, NGAP

Columns = Mapping[str, Sequence[Any]]

ELEMENTS = {"modifiers": 1, "teeth": 2}
ONLY_CCAM = sorted(CCAM.keys() - NGAP.keys())


def rows(columns: Columns) -> list[dict[str, Any]]:
    """Return one object a row; `acts` says where the acts of each begin, and the end."""
    places = columns["acts"]
    head = {path: values for path, values in columns.items() if path != "acts" and not path.startswith("act.")}
    acts = {path.removeprefix("act."): values for path, values in columns.items() if path.startswith("act.")}
    found = []
    for row, (first, end) in enumerate(zip(places, places[1:], strict=False)):
        invoice = filled(head, row)
        # An object of which nothing is said is not there.
        said = {key: value for key, value in invoice.items() if not isinstance(value, dict) or any(value.values())}
        found.append({"acts": [act(filled(acts, place)) for place in range(first, end)], **said})
    return found


def filled(columns: Columns, row: int) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for path, values in columns.items():
        value = entry(values[row])
        owner, _, key = path.rpartition(".")
        if value is not None:
            inner = item.setdefault(owner, {}) if owner else item
            width = ELEMENTS.get(key)
            inner[key] = value if width is None else [value[at : at + width] for at in range(0, len(value), width)]
    return item


def entry(value: Any) -> Any:
    return value.decode("utf-8", "replace").rstrip("\0 ") or None if isinstance(value, bytes) else value


def act(item: dict[str, Any]) -> dict[str, Any]:
    if "grouping" in item:
        return {"kind": "ccam", **item}
    # A zero of the CCAM says nothing in an act of the NGAP.
    return {"kind": "ngap", **{key: value for key, value in item.items() if key not in ONLY_CCAM or value}}
