# SPDX-License-Identifier: Apache-2.0
"""Rejects: the queue and its figures, what is billed again, claims, who takes care of what, payments that were made already."""

import base64
import binascii
from typing import Final
from uuid import UUID

from aiohttp import web

from api.body import LIMIT, flag, number, read_body, uuid_of
from api.keys import TARIFFS
from api.problems import BadCursor, BadParameter, NotFound
from api.writes import json_answer, read, write, write_or_try
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.rejects import OWNERS_FR
from desmos_fast.settlement.rejects import deciding, recycling, service
from desmos_fast.settlement.rejects.model import PAGE, PARTS, ClaimedPart, Wanted
from desmos_fast.settlement.rejects.rules import AGES

routes: Final = web.RouteTableDef()
FILTERS: Final = frozenset({"class", "age", "payer", "owner", "code", "assigned", "invoice"})
_LENGTH: Final = 16
_OWNERS: Final = {name: name for name in OWNERS_FR}


def write_cursor(invoice: UUID, part: str) -> str:
    """Return the cursor of what follows a share."""
    place = invoice.bytes + bytes([[*PARTS].index(part)])  # type: ignore[arg-type]
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def read_cursor(request: web.Request) -> tuple[UUID, str] | None:
    """Return the share after which a page begins, None for the first one. Raises BadCursor."""
    given = request.query.get("cursor")
    if given is None:
        return None
    try:
        place = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        place = b""
    if len(place) != _LENGTH + 1 or place[_LENGTH] >= len(PARTS):
        raise BadCursor("a cursor is taken as it was given, from `next`")
    return UUID(bytes=place[:_LENGTH]), PARTS[place[_LENGTH]]


def wanted(request: web.Request) -> Wanted:
    """Return what the query asks for. Raises BadParameter."""
    query = request.query
    owner, age = query.get("owner"), query.get("age")
    if owner is not None and owner not in _OWNERS:
        raise BadParameter(f"owner is one of {', '.join(_OWNERS)}")
    ages = {name: (first, last) for name, first, last in AGES}
    if age is not None and age not in ages:
        raise BadParameter(f"age is one of {', '.join(ages)}")
    youngest, oldest = (None, None) if age is None else ages[age]
    return Wanted(
        name=query.get("class"), owner=None if owner is None else _OWNERS[owner], code=query.get("code"), payer=query.get("payer"),
        assigned=query.get("assigned"), youngest=youngest, oldest=oldest, invoice=_invoice(query.get("invoice")),
    )  # fmt: skip


def _invoice(given: str | None) -> UUID | None:
    try:
        return None if given is None else UUID(given)
    except ValueError:
        raise BadParameter("invoice is the id of an invoice") from None


def part_of(request: web.Request) -> ClaimedPart:
    """Return the part in the path; a patient's is never rejected. Raises NotFound."""
    given = request.match_info["part"]
    for part in PARTS:
        if part == given:
            return part
    raise NotFound("no such part")


@routes.get("/v1/rejects")
async def index(request: web.Request) -> web.StreamResponse:
    """List what was rejected and is to be dealt with, the oldest invoices first."""
    asked, after, limit = wanted(request), read_cursor(request), number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context, asked, after, limit, write_cursor))

    return await read(request, look)


@routes.get("/v1/rejects/figures")
async def figures(request: web.Request) -> web.StreamResponse:
    """Count what the list shows, by class, owner and age."""
    asked = wanted(request)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.figures(con, context, asked))

    return await read(request, look)


@routes.get("/v1/rejects/{id}/{part}/payments")
async def payments(request: web.Request) -> web.StreamResponse:
    """Show the payments that a share may have had already, each with why."""
    invoice, part = uuid_of(request, "id"), part_of(request)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.payments(con, context, invoice, part))

    return await read(request, look)


@routes.post("/v1/rejects/{id}/{part}:recycle")
async def recycle(request: web.Request) -> web.StreamResponse:
    """Bill again what was rejected, as it was corrected; with `?validate_only=true` say what that would be, without a key."""
    invoice, part, late = uuid_of(request, "id"), part_of(request), flag(request, "allow_late")
    if flag(request, "validate_only"):
        body = await read_body(request, LIMIT)

        async def look(con: Connection, context: Context) -> Answer:
            terms = Terms(await request.app[TARIFFS].current(con), late)
            return json_answer(await recycling.recycle(con, context, invoice, part, body, terms, validate_only=True))

        return await read(request, look)

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        terms = Terms(await request.app[TARIFFS].current(con), late)
        made = await recycling.recycle(con, context, invoice, part, body, terms)
        return json_answer(made, 201, {"Location": f"/v1/invoices/{made.invoice}"})

    return await write(request, effect)


@routes.post("/v1/rejects/{id}/{part}:claim")
async def claim(request: web.Request) -> web.StreamResponse:
    """Note that a claim was sent to the payer: the share waits again; with `?validate_only=true` say what that would be."""
    invoice, part = uuid_of(request, "id"), part_of(request)

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await deciding.claim(con, context, invoice, part, body))

    return await write_or_try(request, effect)


@routes.post("/v1/rejects/{id}/{part}:assign")
async def assign(request: web.Request) -> web.StreamResponse:
    """Give a reject to a person, or back to the owner of its class; with `?validate_only=true` keep nothing."""
    invoice, part = uuid_of(request, "id"), part_of(request)

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await deciding.assign(con, context, invoice, part, body))

    return await write_or_try(request, effect)
