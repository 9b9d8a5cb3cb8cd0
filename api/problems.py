# SPDX-License-Identifier: Apache-2.0
"""Errors become RFC 9457 problems here and nowhere else."""

import random
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import orjson
from aiohttp import web

from api.logs import mask_text
from api.titles import FAULT_FR_DEFAULT, FAULTS_FR, PROBLEMS, Title
from desmos_fast.base.errors import Conflict, DesmosError, InvalidInput, OurBug, OutsideFailed
from desmos_fast.exchange.faults import Fault, FaultyInput

CONTENT_TYPE: Final = "application/problem+json"
MAX_ERRORS: Final = 1000
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_BRANCHES: Final[tuple[tuple[type[DesmosError], str], ...]] = (
    (InvalidInput, InvalidInput.code),
    (Conflict, Conflict.code),
    (OutsideFailed, OutsideFailed.code),
    (OurBug, OurBug.code),
)
_HTTP_CODES: Final[dict[int, str]] = {
    400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large",
    415: "media_type",
}  # fmt: skip


class ApiError(InvalidInput):
    """A refusal that belongs to HTTP itself; `code` is one of the table's."""

    code: ClassVar[str] = "bad_request"


class NotJson(ApiError):
    """The body is not JSON, or not of the shape of the route."""

    code = "not_json"


class EmptyBody(ApiError):
    """The body is empty where one is needed."""

    code = "empty_body"


class BadParameter(ApiError):
    """A parameter of the query has a wrong form."""

    code = "bad_parameter"


class BadCursor(ApiError):
    """A cursor is not one that we gave."""

    code = "bad_cursor"


class KeyMissing(ApiError):
    """A write came without `Idempotency-Key`."""

    code = "idempotency_key_missing"


class KeyBad(ApiError):
    """`Idempotency-Key` is not 1 to 255 visible ASCII characters, or holds a NIR."""

    code = "idempotency_key_bad"


class Unauthorized(ApiError):
    """No API key, or one that we do not know."""

    code = "unauthorized"


class NotFound(ApiError):
    """No such thing for this centre; another centre's things look the same."""

    code = "not_found"


class BodyTooLarge(ApiError):
    """The body passes the limit of the route."""

    code = "body_too_large"


class CutBody(ApiError):
    """The body ended before its announced length, or its chunks are malformed."""

    code = "bad_request"


class SlowBody(ApiError):
    """The body stopped arriving."""

    code = "body_too_slow"


class MediaType(ApiError):
    """The body comes in a form that is not accepted."""

    code = "media_type"


class Stopping(OutsideFailed):
    """The service is stopping and takes no new work."""

    code = "stopping"


def retry_after() -> str:
    """Return a jittered delay of 1 to 5 seconds, so that clients do not come back together."""
    return str(random.randint(1, 5))


def title_of(error: DesmosError) -> Title:
    """Return the row of an error: its own code's, else its branch's."""
    row = PROBLEMS.get(error.code)
    if row is None:
        row = PROBLEMS[next((code for branch, code in _BRANCHES if isinstance(error, branch)), OurBug.code)]
    return row


def pointer(path: str | None) -> str:
    """Turn a field path (`acts[0].executor.am`) into a JSON pointer (`/acts/0/executor/am`)."""
    if not path:
        return ""
    steps = (name or index for name, index in _STEP.findall(path))
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _shown(value: object) -> object:
    """Return a value as it may be sent: text without a NIR, and a number that few readers of JSON hold whole as text."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return mask_text(str(value))
    return mask_text(value) if isinstance(value, str) else value


def fault_entry(fault: Fault) -> dict[str, Any]:
    """Return one fault as an entry of `errors`, any NIR hidden, places that do not apply left out."""
    entry: dict[str, Any] = {"code": fault.code, "pointer": pointer(fault.field)}
    entry["title_fr"] = FAULTS_FR.get(fault.code, FAULT_FR_DEFAULT)
    if fault.message:
        entry["detail"] = mask_text(fault.message)
    if fault.value is not None:
        entry["value"] = _shown(fault.value)
    for name in ("line", "invoice", "record", "offset", "record_type", "width", "position", "hint", "expected", "rule"):
        place = getattr(fault, name, None)
        if place not in (None, ""):
            entry[name] = place
    return entry


def body_of(code: str, title: Title, detail: str, request_id: str, errors: Iterable[dict[str, Any]] = ()) -> bytes:
    """Return the bytes of one problem; `detail` is masked here, whoever wrote it."""
    problem: dict[str, Any] = {
        "type": f"urn:desmos:problem:{code}",
        "title": title.en,
        "title_fr": title.fr,
        "status": title.status,
        "code": code,
        "detail": mask_text(detail),
        "instance": f"urn:desmos:request:{request_id}",
        "errors": list(errors),
    }
    return orjson.dumps(problem)


def respond(code: str, detail: str, request_id: str, errors: Iterable[dict[str, Any]] = (), *, title: Title | None = None) -> web.Response:
    """Return a problem as a response, with the headers that its status asks for."""
    row = PROBLEMS[code] if title is None else title
    response = web.Response(body=body_of(code, row, detail, request_id, errors), status=row.status, content_type=CONTENT_TYPE)
    if row.status == 503:
        response.headers["Retry-After"] = retry_after()
    elif code == "idempotency_key_running":
        response.headers["Retry-After"] = "1"
    elif row.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="desmos-fast"'
    return response


def of_error(error: DesmosError, request_id: str) -> web.Response:
    """Return the problem of one of our errors; an error of ours never shows its detail when it is our bug."""
    title = title_of(error)
    if title.status >= 500 and not isinstance(error, OutsideFailed):
        return respond("internal", "The fault is recorded under this request id.", request_id)
    errors = [fault_entry(fault) for fault in error.faults[:MAX_ERRORS]] if isinstance(error, FaultyInput) else _extra(error)
    detail = f"{error.detail}; {error.hint}" if error.hint else error.detail
    response = respond(error.code, detail, request_id, errors, title=title)
    if (wait_s := getattr(error, "wait_s", None)) is not None:
        response.headers["Retry-After"] = str(wait_s)
    return response


def _extra(error: DesmosError) -> list[dict[str, Any]]:
    """Return the entries of an error that carries its own faults without being a list of them."""
    faults = getattr(error, "faults", ())
    return [fault_entry(fault) for fault in faults if isinstance(fault, Fault)]


def of_http(error: web.HTTPException, request_id: str) -> web.Response:
    """Return the problem of what the HTTP library refused by itself, its headers (such as `Allow`) kept."""
    code = _HTTP_CODES.get(error.status, "bad_request" if error.status < 500 else "internal")
    title = PROBLEMS[code]._replace(status=error.status) if error.status < 500 else PROBLEMS[code]
    response = respond(code, PROBLEMS[code].en + ".", request_id, title=title)
    kept: Mapping[str, str] = error.headers
    for name in ("Allow",):
        if name in kept:
            response.headers[name] = kept[name]
    return response
