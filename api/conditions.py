# SPDX-License-Identifier: Apache-2.0
"""Entity tags: what is read need not be sent again, and what is set is not set over what somebody else set meanwhile (RFC 9110, 13)."""

import hashlib
import re
from typing import ClassVar, Final

from aiohttp import ETag, web

from api.problems import ApiError
from desmos_fast.base.errors import DesmosError, NotThere
from desmos_fast.db.locks import hold
from desmos_fast.db.pool import Connection

SIZE: Final = 16
NAMES: Final = ("If-Match", "If-None-Match")
_TAG: Final = r'(W/)?"[!#-~]*"'
CONDITION: Final = rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$"
_CONDITION: Final = re.compile(CONDITION)
# A compressed answer is another representation, and has its own strong tag.
COMPRESSED: Final = "-gz"
# What is signed shares its commit with what others sign, so a list of it is never as one of them read it.
ADDED_TO: Final = frozenset({"/v1/invoices"})
UNDER: Final = web.RequestKey("under", Connection)
"""The connection of the write for which a route is read."""


class PreconditionFailed(ApiError):
    """What is there is not what the request was made for."""

    code: ClassVar[str] = "precondition_failed"


def tag_of(body: bytes) -> str:
    """Return what tells the bytes of an answer from any others."""
    return hashlib.blake2b(body, digest_size=SIZE).hexdigest()


def tagged(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Give an answer its tag, or take its place when the caller has it already."""
    if request.method not in ("GET", "HEAD") or response.status != 200 or not isinstance(response, web.Response):
        return response
    if not isinstance(response.body, bytes) or response.content_type != "application/json":
        return response
    tag = tag_of(response.body)
    given = {one.value.removesuffix(COMPRESSED) for one in request.if_none_match or ()}
    if tag in given or "*" in given:
        response = web.Response(status=304, headers={"Vary": "Accept-Encoding"})
    response.etag = ETag(tag + (COMPRESSED if response.compression else ""))
    return response


def is_conditional(request: web.Request) -> bool:
    """Say whether a write is meant for one state of what it changes alone."""
    return NAMES[0] in request.headers or NAMES[1] in request.headers


def _reading(request: web.Request) -> web.AbstractRoute | None:
    """Return the route that reads what another one changes, None where nothing can be read."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical in ADDED_TO:
        return None
    return next((one for one in resource or () if one.method == "GET"), None)


def refuse_unsound(request: web.Request) -> None:
    """Refuse a condition of another form, and one on what cannot be read: nobody has its tag. Raises ApiError.

    A path that leads nowhere is left to say so itself.
    """
    if not is_conditional(request) or request.match_info.http_exception is not None:
        return
    for name in NAMES:
        if name in request.headers and not _CONDITION.fullmatch(",".join(request.headers.getall(name))):
            raise ApiError(f"{name} is * or the ETag of an answer, its quotes included, or several with commas between")
    if request.method not in ("GET", "HEAD") and _reading(request) is None:
        raise ApiError("what this route changes has no ETag", hint="send it without If-Match and If-None-Match")


async def check(request: web.Request, con: Connection, tenant: object) -> None:
    """Refuse a write when what it changes is not what it was meant for; nobody else who says so may come between until the end.

    Raises PreconditionFailed.
    """
    reading = _reading(request)
    assert reading is not None, "refused before any route"
    await hold(con, f"change of {tenant} {request.path}")
    there = await _there(request, con, reading)
    if "If-Match" in request.headers:
        asked = request.if_match or ()
        if there is None or not any(one.value in (there, there + COMPRESSED, "*") and not one.is_weak for one in asked):
            raise PreconditionFailed("what is there is not what If-Match says", hint="read it again, then set it with its ETag")
    if there is not None and any(one.value.removesuffix(COMPRESSED) in (there, "*") for one in request.if_none_match or ()):
        raise PreconditionFailed("If-None-Match says what is there")


async def _there(request: web.Request, con: Connection, reading: web.AbstractRoute) -> str | None:
    """Return the tag of what a route reads within a write, None when there is nothing."""
    request[UNDER] = con
    try:
        answer = await reading.handler(request)
    except DesmosError as error:
        if error.code != NotThere.code:
            raise
        return None
    finally:
        del request[UNDER]
    return tag_of(answer.body) if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else None
