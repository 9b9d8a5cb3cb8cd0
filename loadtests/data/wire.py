# SPDX-License-Identifier: Apache-2.0
"""The invented invoices as other programs give them: dicts of a JSON parser, and NDJSON in several forms."""

import json
from typing import Any, Final

import msgspec
import orjson

from loadtests.data.invoices import invented

SCHEMA: Final = "in schema order"
ORDER: Final = "in another order of keys"
SPACING: Final = "with spaces"
FORMS: Final = (SCHEMA, ORDER, SPACING)


def ndjson(size: int, form: str = SCHEMA) -> bytes:
    """Return one invoice a line: its keys in the order in which msgspec writes them, backwards, or with spaces between them."""
    lines = msgspec.json.Encoder().encode_lines(invented(size))
    if form == SCHEMA:
        return lines
    items = [orjson.loads(line) for line in lines.splitlines()]
    if form == ORDER:
        return b"".join(orjson.dumps(_backwards(item)) + b"\n" for item in items)
    return b"".join(json.dumps(item, separators=(", ", ": ")).encode() + b"\n" for item in items)


def dicts(size: int) -> list[dict[str, Any]]:
    """Return invoices as a JSON parser gives them."""
    return loaded(ndjson(size))


def loaded(data: bytes) -> list[dict[str, Any]]:
    """Parse NDJSON with orjson."""
    return [orjson.loads(line) for line in data.splitlines()]


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(value[name]) for name in reversed(value)}
    return [_backwards(item) for item in value] if isinstance(value, list) else value
