# SPDX-License-Identifier: Apache-2.0
"""Bodies and headers of requests: bounded, checked, never trusted."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Final, Protocol
from uuid import UUID

from aiohttp import web
from multidict import CIMultiDictProxy

from api.coding import expander
from api.logs import mask_text
from api.problems import BadParameter, BodyTooLarge, CutBody, EmptyBody, KeyBad, KeyMissing, NotFound, NotJson, SlowBody
from desmos_fast.base import deadline
from desmos_fast.base.types import uuid7_text

UNMATCHED: Final = "unmatched"
LIMIT: Final = 1024 * 1024
BULK_LIMIT: Final = 64 * 1024 * 1024
IDLE_S: Final = 10.0
# Bytes a second, on the average: a large body holds a place that others wait for, so one that drips is not waited for.
SLOWEST: Final = 32 * 1024
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LIST: Final = frozenset({"state", "from", "to", "destination", "cursor", "limit"})
_OF_PAYER: Final = frozenset({"payer", "cursor", "limit"})
# What asks for a write of another kind; every other parameter of a path that can be read too is one of its reading.
OF_WRITES: Final = frozenset({"draft", "validate_only", "explain", "allow_late"})
PARAMETERS: Final[dict[str, frozenset[str]]] = {
    "/v1/invoices": OF_WRITES | {
        "number", "document", "share", "payer", "executor", "care_from", "care_to", "from", "to", "cursor", "limit",
    },
    "/v1/invoices:batch": frozenset({"allow_late"}),
    "/v1/invoices:stream": frozenset({"allow_late"}),
    "/v1/quotes": frozenset({"on"}),
    "/v1/agents": frozenset({"cursor", "limit"}),
    "/v1/readers": frozenset({"cursor", "limit"}),
    "/v1/readers/events": frozenset({"seconds"}),
    "/v1/anomalies": frozenset({"resolved"}),
    "/v1/rejects": frozenset({"class", "age", "payer", "owner", "code", "assigned", "invoice", "cursor", "limit"}),
    "/v1/rejects/figures": frozenset({"class", "age", "payer", "owner", "code", "assigned", "invoice"}),
    "/v1/rejects/{id}/{part}:recycle": frozenset({"validate_only", "allow_late"}),
    **dict.fromkeys(
        (
            "/v1/rejects/{id}/{part}:claim", "/v1/rejects/{id}/{part}:assign", "/v1/payments/{id}:attach", "/v1/payments/{id}:unpay",
            "/v1/refunds", "/v1/schedule", "/v1/matching/settings", "/v1/matching/labels:forget", "/v1/returns/dead/{id}:discard",
            "/v1/returns/dead/{id}:retry", "/v1/returns", "/v1/reconciliations",
            "/v1/follow-up/settings", "/v1/follow-up/indus:dispute", "/v1/reminders/{id}:sent", "/v1/reminders/{id}:cancel",
        ),
        frozenset({"validate_only"}),
    ),
    "/v1/payments": frozenset({"validate_only", "means", "kind", "state", "invoice", "from", "to", "cursor", "limit"}),
    "/v1/till": frozenset({"on"}),
    "/v1/matching/labels": frozenset({"validate_only", "cursor", "limit"}),
    "/v1/bank-statements": frozenset({"validate_only", "format", "mapping"}),
    "/v1/ledger/balance": frozenset({"by", "from", "to", "cursor", "limit"}),
    "/v1/ledger/entries": frozenset({"account", "ref", "event", "from", "to", "cursor", "limit"}),
    "/v1/returns/dead": frozenset({"state", "cursor", "limit"}),
    "/v1/decisions": frozenset({"validate_only", "kind", "subject", "cursor", "limit"}),
    "/v1/matches": frozenset({"problem", "status", "rule", "outcome", "payer", "invoice", "credit", "history", "cursor", "limit"}),
    "/v1/lots": _LIST,
    "/v1/files": _LIST,
    "/v1/follow-up/outstanding": _OF_PAYER | {"age"},
    "/v1/follow-up/late": _OF_PAYER | {"age"},
    "/v1/follow-up/penalties": _OF_PAYER | {"status"},
    "/v1/follow-up/forclusion": _OF_PAYER | {"stage"},
    "/v1/follow-up/indus": _OF_PAYER | {"kind"},
    "/v1/follow-up/orders": _OF_PAYER,
    "/v1/follow-up/credits": frozenset({"cursor", "limit"}),
    "/v1/reminders": _OF_PAYER | {"state", "rule"},
    "/v1/reminders/{id}/letter": frozenset({"format"}),
    "/v1/audits/tp/{quarter}": frozenset({"format"}),
    "/v1/accounting/exports/{id}/file": frozenset({"format", "separator"}),
    "/v1/accounting/draft": frozenset({"period", "first", "last", "format", "separator"}),
    "/v1/access/review": frozenset({"days"}),
    "/v1/oidc/start": frozenset({"centre", "kind"}),
    "/v1/oidc/callback": frozenset({"code", "state", "error", "error_description", "error_uri", "iss", "session_state"}),
    "/v1/keys": frozenset({"cursor", "limit"}),
    "/v1/users": frozenset({"cursor", "limit"}),
    "/v1/audit": frozenset({"actor", "action", "subject", "from", "to", "cursor", "limit"}),
    "/v1/incidents": frozenset({"validate_only", "kind", "running", "cursor", "limit"}),
    **dict.fromkeys(
        (
            "/v1/maintenance", "/v1/incidents/{id}:acknowledge", "/v1/incidents/{id}:degrade", "/v1/incidents/{id}:restore",
            "/v1/incidents/{id}:attribute", "/v1/incidents/{id}:cancel",
        ),
        frozenset({"validate_only"}),
    ),
    "/v1/webhooks/{id}/deliveries": frozenset({"state", "cursor", "limit"}),
    "/v1/webhooks/{id}:replay": frozenset({"event", "from", "to"}),
}
# Days about which the clocks of Paris have something to say.
_YEARS: Final = range(1900, 2200)
_FLAGS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}


class Headed(Protocol):
    """A request, or no more of it than its head."""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Return its headers."""


def route_of(request: web.Request) -> str:
    """Return the pattern of the route, which names no one, unlike the path."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical


def check_length(request: web.Request, limit: int) -> None:
    """Refuse a body that announces more than `limit` bytes. Raises BodyTooLarge."""
    announced = request.content_length
    if announced is not None and announced > limit:
        raise BodyTooLarge(f"the body announces {announced} bytes, this route takes {limit}")


async def read_body(request: web.Request, limit: int = LIMIT, *, empty: bool = False) -> bytes:
    """Return the body, undone where it came compressed, refusing one above `limit` bytes as soon as it is known to be.

    Raises what `pieces` raises, EmptyBody unless `empty`.
    """
    found = [piece async for piece in pieces(request, limit)]
    body = found[0] if len(found) == 1 else b"".join(found)
    if not body and not empty:
        raise EmptyBody("a body is needed here")
    return body


def refuse_doubles(body: bytes) -> bytes:
    """Return a body as it is, unless an object of JSON in it has a name twice: which of the two is meant nobody knows. Raises NotJson.

    What is no JSON is left to who reads it.
    """
    if len(body) <= LIMIT and body.lstrip()[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(body, object_pairs_hook=_once_each)
    return body


def _once_each(pairs: list[tuple[str, object]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise NotJson("a name stands twice in one object", hint="say each field once")


async def pieces(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """Give the body piece by piece as it arrives, undone where it came compressed; the caller takes the time that it needs.

    Raises BodyTooLarge above `limit` bytes, sent or undone, MediaType for a coding that is not taken, BodyInflates, BodyGarbled,
    CutBody when it does not arrive whole, SlowBody when it stops arriving or drips. The deadline of the request begins when it is there.
    """
    undone = expander(request.headers.get("Content-Encoding"))
    check_length(request, limit)
    limited = deadline.running()
    if limited is not None:
        limited.stop()
    size = 0
    async for chunk in _arriving(request):
        for piece in (chunk,) if undone is None else undone.pieces(chunk):
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(f"the body passes the {limit} bytes that this route takes")
            yield piece
            if undone is not None:
                # A chunk may hold a hundred pieces, and others are waiting.
                await asyncio.sleep(0)
    if undone is not None:
        undone.finish()
    if limited is not None:
        limited.begin_again()


async def _arriving(request: web.Request) -> AsyncIterator[bytes]:
    now = asyncio.get_running_loop().time
    size, waited = 0, 0.0
    try:
        while not request.content.at_eof():
            began = now()
            async with asyncio.timeout(min(IDLE_S, IDLE_S + size / SLOWEST - waited)):
                chunk = await request.content.readany()
            waited += now() - began
            size += len(chunk)
            if chunk:
                yield chunk
    except (web.RequestPayloadError, ConnectionError) as error:
        raise CutBody("the body did not arrive whole") from error
    except TimeoutError as error:
        raise SlowBody(f"the body stood still for {IDLE_S:g} s, or came at less than {SLOWEST // 1024} KiB a second") from error


def idempotency_key(request: Headed) -> str:
    """Return the `Idempotency-Key` of a write; absent, twice, or of a wrong form is refused."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        raise KeyMissing("every write needs an Idempotency-Key", hint="make a UUID before the first attempt and keep it with the work")
    if len(given) > 1 or _KEY.fullmatch(given[0]) is None or mask_text(given[0]) != given[0]:
        raise KeyBad("Idempotency-Key is one header of 1 to 255 visible ASCII characters, and never an identity number")
    return given[0]


def request_id(request: Headed) -> str:
    """Return the caller's `X-Request-Id`, or a new one when it is absent, oddly formed, or holds a NIR."""
    given = request.headers.get("X-Request-Id")
    if given is not None and _REQUEST_ID.fullmatch(given) is not None and mask_text(given) == given:
        return given
    return uuid7_text()


def check_query(request: web.Request, also: frozenset[str] = frozenset()) -> None:
    """Refuse a parameter that the route does not take, or one given twice: a trial must not become the real thing. Raises BadParameter.

    `also` are those that it takes beside its own. A path that leads nowhere is left to say so itself.
    """
    route = route_of(request)
    if not request.rel_url.raw_query_string or route == UNMATCHED:
        return
    taken = _own(route, request.method) | also
    given = [name for name, _ in request.query.items()]
    # What was given is not repeated: it may be anything.
    if not taken.issuperset(given):
        raise BadParameter(
            f"this route takes {' and '.join(sorted(taken))} in its query" if taken else "this route takes nothing in its query"
        )
    if len(given) != len(set(given)):
        raise BadParameter("each parameter is given once")
    if any(character < " " for value in request.query.values() for character in value):
        raise BadParameter("a parameter holds a control character")


def _own(route: str, method: str) -> frozenset[str]:
    """Return what a method of a route takes: what is tried is not listed, what is listed is not tried, and an end is neither."""
    known = PARAMETERS.get(route, frozenset())
    if method in ("GET", "HEAD", "DELETE"):
        return known - OF_WRITES
    return known & OF_WRITES if "cursor" in known else known


def flag(request: web.Request, name: str) -> bool:
    """Return a boolean of the query; anything but true, false, 1 or 0 is refused."""
    value = _FLAGS.get(request.query.get(name, ""))
    if value is None:
        raise BadParameter(f"{name} is true or false")
    return value


def number(request: web.Request, name: str, default: int, highest: int) -> int:
    """Return a whole number from 1 to `highest` of the query."""
    given = request.query.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 9 and 1 <= int(given) <= highest):
        raise BadParameter(f"{name} is a number from 1 to {highest}")
    return int(given)


def day(request: web.Request, name: str) -> date | None:
    """Return a day of the query, written YYYY-MM-DD; None without one."""
    given = request.query.get(name)
    if given is None:
        return None
    with contextlib.suppress(ValueError):
        found = date.fromisoformat(given)
        # Days may be written in other forms too, which are refused.
        if found.isoformat() == given and found.year in _YEARS:
            return found
    raise BadParameter(f"{name} is a day, YYYY-MM-DD, of {_YEARS.start} to {_YEARS.stop - 1}")


def instant(request: web.Request, name: str) -> datetime:
    """Return an instant of the query that must be there: YYYY-MM-DDThh:mm:ss with its offset or Z."""
    given = request.query.get(name, "")
    with contextlib.suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(given)
        # At either end of the calendar its offset may lead out of it.
        if "T" in given and found.tzinfo is not None and found.astimezone(UTC).year in _YEARS:
            return found
    raise BadParameter(f"{name} is an instant such as 2026-11-25T08:00:00Z, of {_YEARS.start} to {_YEARS.stop - 1}")


def uuid_of(request: web.Request, name: str) -> UUID:
    """Return the id in the path; one of another form names nothing, so NotFound."""
    given = request.match_info[name]
    if _UUID.fullmatch(given) is None:
        raise NotFound("no such id")
    return UUID(given)
