# SPDX-License-Identifier: Apache-2.0
"""`?fields=`: an answer that holds what was asked for alone; one place for every list and object that is read."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec
import orjson
from aiohttp import web

from api.keys import ANSWERS
from api.logs import mask_text
from api.problems import BadParameter
from desmos_fast.base.errors import InvalidInput
from desmos_fast.exchange.faults import Fault

NAME: Final = "fields"
MOST: Final = 64
LONGEST: Final = 2000
# The cursor of what follows comes along, or a list could not be read on.
ALWAYS: Final = "next"
_REF: Final = "#/components/schemas/"
# What may be asked for inside of what may be anything.
_ANY: Final[Mapping[str, Any]] = {}
# What is wanted of an object, by name: all of it where nothing further is said.
Wanted = dict[str, "Wanted"]


class UnknownField(InvalidInput):
    """`fields` names what the answer never has."""

    code: ClassVar[str] = "unknown_field"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("fields names what this answer does not have", hint="GET /v1/openapi.json says what it has")
        self.faults = faults


def takes(request: web.Request, route: str) -> bool:
    """Say whether a request takes `fields`."""
    return request.method in ("GET", "HEAD") and route in request.app[ANSWERS]


def wanted(request: web.Request, route: str) -> Wanted | None:
    """Return what a request asks for, None for all. Raises BadParameter, UnknownField."""
    given = request.query.get(NAME)
    if given is None or not takes(request, route):
        return None
    names = given.split(",")
    if len(given) > LONGEST or len(names) > MOST or not all(all(name.split(".")) for name in names):
        raise BadParameter(f"{NAME} is at most {MOST} names with commas between, such as id,lots.number")
    schema, components = _schema(request.app[ANSWERS][route])
    unknown = [name for name in names if not _has(schema, components, name.split("."))]
    if unknown:
        raise UnknownField([Fault(code="unknown_field", field=mask_text(name), message="the answer has no such field") for name in unknown])
    found: Wanted = {ALWAYS: {}}
    for name in names:
        _add(found, name.split("."))
    return found


@functools.cache
def _schema(answer: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    (schema,), components = msgspec.json.schema_components([answer], ref_template=_REF + "{name}")
    return schema, components


def _has(schema: Mapping[str, Any], components: Mapping[str, Any], steps: list[str]) -> bool:
    if not steps:
        return True
    if "$ref" in schema:
        return _has(components[schema["$ref"].removeprefix(_REF)], components, steps)
    either = schema.get("anyOf")
    if either is not None:
        return any(_has(one, components, steps) for one in either)
    if schema.get("type") == "array":
        return any(_has(one, components, steps) for one in (schema.get("items", _ANY), *schema.get("prefixItems", ())) if one is not False)
    properties = schema.get("properties", {})
    if steps[0] in properties:
        return _has(properties[steps[0]], components, steps[1:])
    if "additionalProperties" in schema:
        return isinstance(schema["additionalProperties"], dict) and _has(schema["additionalProperties"], components, steps[1:])
    return "type" not in schema or schema["type"] == "object" and not properties


def _add(found: Wanted, steps: list[str]) -> None:
    """Want one more thing; what is wanted whole stays whole."""
    here, known = found, False
    for rank, step in enumerate(steps):
        known = step in here
        inner = here.setdefault(step, {})
        if known and not inner:
            return
        if rank == len(steps) - 1:
            inner.clear()
        here = inner


def cut(body: bytes, asked: Wanted) -> bytes:
    """Return an answer without what was not asked for."""
    return orjson.dumps(_cut(orjson.loads(body), asked))


def _cut(value: Any, asked: Wanted) -> Any:
    if not asked:
        return value
    if isinstance(value, list):
        return [_cut(one, asked) for one in value]
    if isinstance(value, dict):
        return {name: _cut(value[name], inner) for name, inner in asked.items() if name in value}
    return value
