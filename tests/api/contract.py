# SPDX-License-Identifier: Apache-2.0
"""What the description says of an answer, held against the answer."""

import functools
import re
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from api import app

# What is longer is a long list, whose rows are like those of a short one.
LONGEST: Final = 256 * 1024
described: Final = functools.cache(app.described)


@functools.cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(described()["paths"], key=lambda path: (path.count("{"), -len(path)))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths]


def template_of(path: str) -> str | None:
    """Return the path of the description that a path is one of."""
    return next((known for pattern, known in _templates() if pattern.fullmatch(path)), None)


@functools.cache
def _response(method: str, path: str, status: int) -> dict[str, Any] | None:
    found = described()["paths"][path].get(method.lower(), {}).get("responses", {}).get(str(status))
    if found is not None and "$ref" in found:
        found = described()["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return dict(found) if found is not None else None


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Return what checks a value against a schema of the description."""
    return Draft202012Validator({**schema, "components": described()["components"]}, format_checker=FormatChecker())


@functools.cache
def _validator(method: str, path: str, status: int, media: str) -> Draft202012Validator:
    response = _response(method, path, status)
    assert response is not None
    return validator(response["content"][media]["schema"])


def check(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Fail when an answer is none that the description knows: status, media type, shape."""
    known = template_of(path.partition("?")[0])
    if known is None or method.lower() not in described()["paths"][known]:
        return
    response = _response(method, known, status)
    assert response is not None, f"{method} {known} answers {status}, which is not described: {body[:200]!r}"
    media, content = content_type.partition(";")[0], response.get("content", {})
    if not content:
        assert not body, f"{method} {known} answers {status} with a body"
        return
    assert media in content, f"{method} {known} answers {status} in {media}"
    # What is asked for by `fields` holds less than the description requires.
    whole = status != 200 or "fields=" not in path
    if whole and media.endswith(("/json", "+json")) and len(body) <= LONGEST:
        faults = [
            f"{fault.json_path}: {fault.message[:200]}"
            for fault in _validator(method, known, status, media).iter_errors(orjson.loads(body))
        ]
        assert not faults, f"{method} {known} {status}: {faults[:3]}"
