# SPDX-License-Identifier: Apache-2.0
"""Generated invoices as columns: NumPy arrays of several types, some of them left out."""

from typing import Any

import numpy as np

from tests.generators.draw import Draw
from tests.generators.invoices import Json
from tests.oracle.fse_json import INTEGERS, KEYS, NEEDED
from tests.oracle.fse_keys import DEFAULTS

HEAD = ("", "beneficiary", "amo", "referring_doctor", "amc", "accident", "prescriber")
LISTS = ("modifiers", "teeth")


def paths() -> dict[str, tuple[str, str]]:
    """Name every column, with its object and key."""
    found = {f"{name}.{key}".removeprefix("."): (name, key) for name in HEAD for key in KEYS[name]}
    found |= {f"act.{key}": ("ccam", key) for key in KEYS["ccam"]}
    return found | {f"act.{name}.{key}": (name, key) for name in ("executor", "prior_agreement") for key in KEYS[name]}


PATHS = paths()


def fits(item: Any) -> bool:
    """Say whether every value is text, a number of 64 bits, a flag or a list of texts: what else there is has no column."""
    if isinstance(item, dict):
        return all(fits(value) for value in item.values())
    if isinstance(item, list):
        return all(isinstance(one, str | dict) and fits(one) for one in item)
    return item is None or isinstance(item, str | bool) or (isinstance(item, int) and -(2**63) <= item < 2**63)


def cell(item: Any, name: str, key: str) -> Any:
    """Return the entry of a key: zero or nothing where it is absent or of another type."""
    value = item.get(key, DEFAULTS[name].get(key)) if isinstance(item, dict) else DEFAULTS[name].get(key)
    if key == "separate_claim":
        return value is True
    if key in INTEGERS.get(name, ()):
        none = 9 if name == "prior_agreement" else 0
        return value if type(value) is int else none
    if key in LISTS:
        value = "".join(one for one in value if isinstance(one, str)) if isinstance(value, list) else ""
    return value.encode() if isinstance(value, str) else b""


def columns(invoices: list[Json]) -> dict[str, list[Any]]:
    """Return one list a key, of bytes, numbers or flags."""
    found: dict[str, list[Any]] = {path: [] for path in PATHS}
    places = [0]
    for invoice in invoices:
        acts = invoice["acts"] if isinstance(invoice.get("acts"), list) else []
        places.append(places[-1] + len(acts))
        for path, (name, key) in PATHS.items():
            if not path.startswith("act."):
                found[path].append(cell(invoice if not name else invoice.get(name), name, key))
                continue
            for act in acts:
                found[path].append(cell(act if name == "ccam" else act.get(name) if isinstance(act, dict) else None, name, key))
    return {**found, "acts": places}


def thinned(d: Draw, given: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Leave out some columns of keys that are not needed."""
    needed = {path for path, (name, key) in PATHS.items() if key in NEEDED.get(name, ())} | {"acts"}
    return {path: values for path, values in given.items() if path in needed or not d.once_in(12)}


def arrays(d: Draw, given: dict[str, list[Any]]) -> dict[str, Any]:
    """Return arrays of the same entries: texts wider than they need be, numbers as narrow as they may be, steps between entries."""
    return {path: np.array(values, np.int64) if path == "acts" else array(d, path, values) for path, values in given.items()}


def array(d: Draw, path: str, values: list[Any]) -> Any:
    name, key = PATHS[path]
    if key == "separate_claim":
        return np.array(values, np.bool_)
    if key in INTEGERS.get(name, ()):
        lowest, highest = min(values, default=0), max(values, default=0)
        kinds = [kind for kind in (np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8)
                 if np.iinfo(kind).min <= lowest and highest <= np.iinfo(kind).max]  # fmt: skip
        return np.array(values, d.pick(kinds))
    width = max(map(len, values), default=0) + d.pick((0, 0, 1, 5)) or 1
    filling = b" " if d.once_in(4) else b"\0"
    texts = np.array([value.ljust(width, filling) for value in values], f"S{width}")
    kind = d.below(4)
    if kind == 2:
        return texts.view(np.uint8).reshape(len(values), width)
    return np.repeat(texts, 2)[::2] if kind == 3 else texts
