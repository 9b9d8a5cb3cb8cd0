# SPDX-License-Identifier: Apache-2.0
"""Mappings, lists and texts as YAML: the little of it that files of Prometheus need, each text quoted as JSON, which YAML contains."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def dump(told: Mapping[str, Any]) -> str:
    """Return a mapping as a YAML document."""
    return "\n".join(_lines(told, "")) + "\n"


def _lines(told: Any, indent: str) -> Iterator[str]:
    if isinstance(told, Mapping):
        for key, value in told.items():
            yield from _entry(f"{indent}{key}:", value, indent + "  ")
        return
    for value in told:
        if isinstance(value, Mapping):
            first, *rest = _lines(value, indent + "  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", value, indent + "  ")


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
        if not value:
            yield f"{head} {'{}' if isinstance(value, Mapping) else '[]'}"
            return
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {json.dumps(value, ensure_ascii=False)}"
