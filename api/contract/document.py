# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 description, made of the tables, the Structs, the titles of problems and what the handlers say of themselves."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from api.body import OF_WRITES, PARAMETERS
from api.conditions import ADDED_TO, CONDITION
from api.contract import access, agents, incidents, money, rooms
from api.contract.examples import of_operation
from api.contract.model import JSON, NDJSON, NEEDS_BODY, Operation, Problem
from api.contract.parameters import in_path, in_query
from api.ending import ENDING
from api.problems import CONTENT_TYPE
from api.titles import PROBLEMS
from desmos_fast.identity.options.rules import option_of
from desmos_fast.identity.rights import RULES

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    one.name: one for room in (access, agents, incidents, rooms, money) for one in room.OPERATIONS
}
VERSION: Final = "1.0.0"
_OPEN: Final = ("bad_request", "bad_parameter", "internal", "database_unavailable", "busy", "deadline_passed", "stopping")
ANY: Final = (*_OPEN, "unauthorized", "forbidden", "role_missing", "cross_site", "enrolment_needed")
_BODY: Final = ("empty_body", "body_garbled", "not_json", "body_inflates", "body_too_large", "body_too_slow", "media_type")
_KEY: Final = ("idempotency_key_missing", "idempotency_key_bad", "idempotency_key_reused", "idempotency_key_running")
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_REF: Final = "#/components/schemas/{name}"
Json = dict[str, Any]


def is_sparse(one: Operation) -> bool:
    """Say whether an operation takes `fields`: what is read and answered as one JSON object."""
    return one.method == "GET" and one.way == "read" and one.media == (JSON,) and one.answer is not None


def sparse_answers() -> dict[str, Any]:
    """Return the type of the answer of each route that takes `fields`."""
    return {one.path: one.answer for one in OPERATIONS.values() if is_sparse(one)}


def is_guarded(one: Operation) -> bool:
    """Say whether a write may be meant for what is there alone: it changes what can be read in the same place."""
    return one.way in ("write", "try") and ("GET", one.path) in OPERATIONS and one.path not in ADDED_TO


def problems_of(one: Operation) -> list[str]:
    """Return every code that an operation may be refused with."""
    found = [*one.problems]
    if one.way != "public":
        found += _OPEN if one.way == "open" else ANY
    if one.name in RULES and RULES[one.name].audited:
        found.append("look_up_ceiling")
    if one.way in NEEDS_BODY:
        found += _BODY
    if one.way in ("write", "try"):
        found += _KEY
    if one.way != "public" and _IN_PATH.search(one.path):
        found.append("not_found")
    if "cursor" in PARAMETERS.get(one.path, ()):
        found.append("bad_cursor")
    if option_of(one.path) is not None:
        found.append("option_not_subscribed")
    if is_sparse(one):
        found.append("unknown_field")
    if is_guarded(one):
        found.append("precondition_failed")
    return sorted(set(found))


def describe(handlers: Mapping[tuple[str, str], str]) -> Json:
    """Return the description of routes, given what each handler says of itself by method and path; a route in no table is left out."""
    used = [OPERATIONS[name] for name in handlers if name in OPERATIONS]
    types = [kind for one in used for kind in (one.answer, one.tried, one.body) if kind is not None]
    schemas, components = msgspec.json.schema_components([Problem, *types], ref_template=_REF)
    known = dict(zip([Problem, *types], schemas, strict=True))
    paths: dict[str, Json] = {}
    for one in sorted(used, key=lambda one: (one.path, one.method)):
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, handlers[one.name], known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "desmos_fast", "version": VERSION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Billing and collection for French health centres, on a test profile. Money is whole cents of euro.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in sorted({one.tag for one in used})],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "The API key of a centre."}},
            "headers": _HEADERS,
            "responses": {code: _refused(PROBLEMS[code].status, [code]) for code in sorted(PROBLEMS)},
            "schemas": {name: components[name] for name in sorted(components)},
        },
    }  # fmt: skip


_HEADERS: Final[Json] = {
    "X-Request-Id": {"description": "The id of this request, the caller's own where it gave one.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "Location": {"description": "Where what was made is shown.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true`: this key was answered before, and this is that answer.", "schema": {"type": "string", "const": "true"},
    },
    "ETag": {"description": "What tells this answer from any other one.", "schema": {"type": "string"}},
    "RateLimit": {"description": "How many more of a limited kind may come now: `\"writes\";r=3`.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limits of this kind of request.", "schema": {"type": "string"}},
    "Deprecation": {"description": "Since when the route is deprecated (RFC 9745).", "schema": {"type": "string"}},
    "Sunset": {"description": "Until when the route answers (RFC 8594).", "schema": {"type": "string"}},
    "Link": {"description": "What to do instead.", "schema": {"type": "string"}},
    "X-Test-Clock": {"description": "What time it is for a test centre whose clock is ahead.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to give a key.", "schema": {"type": "string"}},
}  # fmt: skip


def _header(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _operation(one: Operation, said: str, known: Mapping[Any, Json]) -> Json:
    summary, _, more = (one.summary or said).strip().partition("\n")
    made: Json = {
        "operationId": _name(one), "tags": [one.tag], "summary": summary.removesuffix("."), "responses": dict(_responses(one, known)),
    }  # fmt: skip
    if more.strip():
        made["description"] = " ".join(more.split())
    if one.name in ENDING:
        made["deprecated"] = True
    if parameters := list(_parameters(one)):
        made["parameters"] = parameters
    if one.way in ("public", "open"):
        made["security"] = []
    if one.body is not None or one.way in NEEDS_BODY and not one.empty:
        made["requestBody"] = {"required": not one.empty, "content": dict(_bodies(one, known))}
    return made


def _name(one: Operation) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", one.path.replace("/v1", "").lower()).strip("_")
    return f"{one.method.lower()}_{words}"


def _parameters(one: Operation) -> Iterator[Json]:
    for name in _IN_PATH.findall(one.path):
        yield in_path(name)
    for name in sorted(PARAMETERS.get(one.path, ())):
        if _takes(one, name):
            yield in_query(one.path, name)
    if is_sparse(one):
        yield in_query(one.path, "fields")
        yield _condition("If-None-Match", "The ETag of an answer that you have: 304 while it is the same.")
    if is_guarded(one):
        yield _condition("If-Match", "The ETag of what you read here: 412 when somebody changed it meanwhile.")
    if one.way in ("write", "try"):
        needed = "needed unless `validate_only` is true" if one.way == "try" else "the same key and body give the same answer, for 90 days"
        yield {
            "name": "Idempotency-Key", "in": "header", "required": one.way == "write",
            "description": f"Made before the first attempt; {needed}.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
        }  # fmt: skip


def _condition(name: str, said: str) -> Json:
    schema = {"type": "string", "pattern": CONDITION}
    return {"name": name, "in": "header", "required": False, "description": said, "schema": schema}


def _takes(one: Operation, name: str) -> bool:
    """Say whether a parameter of a path is one of this method: what is tried is not listed, what is listed is not tried."""
    methods = {method for method, path in OPERATIONS if path == one.path}
    return len(methods) == 1 or (name in OF_WRITES) == (one.method not in ("GET", "DELETE"))


def _bodies(one: Operation, known: Mapping[Any, Json]) -> Iterator[tuple[str, Json]]:
    for media in one.body_media:
        if media == JSON:
            yield media, {"schema": known[one.body], **_examples(one)}
        elif media == NDJSON:
            # Whatever the lines hold is answered line by line.
            yield media, {"schema": {"description": f"One {one.body.__name__} a line."}}
        else:
            yield media, {"schema": {}}


def _examples(one: Operation) -> Json:
    found = {example.name: {"summary": example.summary, "value": example.body} for example in of_operation(*one.name)}
    return {"examples": found} if found else {}


def _responses(one: Operation, known: Mapping[Any, Json]) -> Iterator[tuple[str, Json]]:
    success = {str(one.status): one.answer}
    if one.tried is not None:
        success.setdefault("200", one.tried)
    for status, kind in sorted(success.items()):
        yield status, _success(one, status, kind, known)
    if one.path == "/readyz":
        yield "503", {"description": "Not ready", "headers": _header("Retry-After"), "content": {JSON: {"schema": known[one.answer]}}}
    if one.path in ("/v1/openapi.json", "/docs/{file}") or is_sparse(one):
        yield "304", {"description": "As it was", "headers": _header()}
    by_status: dict[int, list[str]] = {}
    for code in problems_of(one):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for number, codes in sorted(by_status.items()):
        yield str(number), {"$ref": f"#/components/responses/{codes[0]}"} if len(codes) == 1 else _refused(number, codes)


def _success(one: Operation, status: str, kind: Any, known: Mapping[Any, Json]) -> Json:
    keyed = ("Idempotency-Replayed",) if one.way in ("write", "try") else ()
    located = ("Location",) if one.location and status in ("201", "302") else ()
    tagged = ("ETag",) if is_sparse(one) else ()
    limited = ("RateLimit", "RateLimit-Policy") if one.way in ("write", "try", "ask") else ()
    ending = tuple(ENDING.get(one.name, ()))
    made: Json = {"description": HTTPStatus(int(status)).phrase, "headers": _header(*keyed, *located, *tagged, *limited, *ending)}
    if status not in ("204", "302"):
        made["content"] = {media: {"schema": known[kind]} if media == JSON else {"schema": {}} for media in one.media}
    return made


def _refused(status: int, codes: Sequence[str]) -> Json:
    extra = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(status, ())
    schema = {"allOf": [{"$ref": _REF.format(name="Problem")}, {"properties": {"code": {"enum": [*codes]}}}]}
    return {
        "description": "; ".join(f"`{code}`: {PROBLEMS[code].en}" for code in codes),
        "headers": _header(*extra, *(("Retry-After",) if "idempotency_key_running" in codes else ())),
        "content": {CONTENT_TYPE: {"schema": schema}},
    }
