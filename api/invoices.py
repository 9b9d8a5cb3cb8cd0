# SPDX-License-Identifier: Apache-2.0
"""Invoices: signed one by one, by batches of lines, checked only, looked through, or shown."""

import re
from collections.abc import AsyncIterator, Collection
from typing import Final, get_args

import msgspec
from aiohttp import web

from api import streams
from api.admission import MOST_STREAMS, Parted
from api.body import LIMIT, day, flag, idempotency_key, number, read_body, uuid_of
from api.keys import CALLER, CLOCK, KEYRING, POOL, REQUEST_ID, SHARES, STREAMS, TARIFFS, TOGETHER
from api.lanes import Way, full
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter, of_error
from api.together import Together
from api.writes import answered, fingerprint, json_answer, read, write_bulk
from desmos_fast.billing import batches, service
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.listing import service as listing
from desmos_fast.billing.listing.model import PAGE, Document, ShareState, Wanted
from desmos_fast.billing.model import Created
from desmos_fast.billing.pricing.explain import Pricing
from desmos_fast.db.idempotency import Answer, Asked
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.identity.context import Context
from monitoring import metrics

routes: Final = web.RouteTableDef()


class Valid(msgspec.Struct, frozen=True, omit_defaults=True):
    """An invoice that would be accepted, and why it is worth what it is when that was asked."""

    valid: bool
    pricing: Pricing | None = None


@routes.post("/v1/invoices")
async def create(request: web.Request) -> web.StreamResponse:
    """Sign one invoice; `?draft=true` stops before the signature, `?validate_only=true` keeps nothing and needs no key.

    `?explain=true` says what made each amount; `?allow_late=true` bills care that is too old.
    """
    draft, explain = flag(request, "draft"), flag(request, "explain")
    late = flag(request, "allow_late")
    if flag(request, "validate_only"):
        return await check(request, explain=explain, late=late)

    caller, together = request[CALLER], request.app[TOGETHER]
    key = idempotency_key(request)
    if not together.has_room(caller.tenant):
        # Not raised: a service that has too much to do says so in as little as it can.
        metrics.count_problem("busy")
        return of_error(full(), request[REQUEST_ID])
    body = await read_body(request, LIMIT)
    asked = Asked(key, await fingerprint(request, body))
    return answered(request, await together.sign(Way(caller, draft, explain, late), asked, body))


def created(made: Created) -> Answer:
    """Return the answer to a request whose invoice is kept."""
    return json_answer(made, 201, {"Location": f"/v1/invoices/{made.id}"})


async def gathering(app: web.Application) -> AsyncIterator[None]:
    """Let invoices in by streams and one by one, and wait at the end for what is being committed."""
    app[STREAMS] = Parted(MOST_STREAMS)
    together = app[TOGETHER] = Together(app[POOL], app[SHARES], app[KEYRING], app[TARIFFS], app[CLOCK], created)
    yield
    await together.close()
    await app[TARIFFS].close()


async def check(request: web.Request, *, explain: bool, late: bool) -> web.Response:
    """Answer what a real request would be refused for, or that it would be accepted."""
    body = await read_body(request, LIMIT)

    async def look(con: Connection, context: Context) -> Answer:
        terms = Terms(await request.app[TARIFFS].current(con), late)
        trial = await service.check_only(con, context, body, terms, explain=explain)
        if trial.faults:
            raise FaultyInput(trial.faults)
        return json_answer(Valid(valid=True, pricing=trial.pricing))

    return await read(request, look)


@routes.get("/v1/invoices")
async def index(request: web.Request) -> web.StreamResponse:
    """List the invoices of the centre, the newest first."""
    asked = Wanted(
        number=number(request, "number", 0, service.LAST_NUMBER) or None,
        document=word(request, "document", get_args(Document)),
        share=word(request, "share", get_args(ShareState)),
        payer=request.query.get("payer"),
        executor=executor(request),
        care_since=day(request, "care_from"),
        care_until=day(request, "care_to"),
        since=day(request, "from"),
        until=day(request, "to"),
        before=read_cursor(request),
        limit=number(request, "limit", PAGE, PAGE),
    )

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await listing.invoices(con, context, asked, write_cursor))

    return await read(request, look)


def word(request: web.Request, name: str, words: Collection[str]) -> str | None:
    """Return one of some words of the query, None without one. Raises BadParameter."""
    given = request.query.get(name)
    if given is not None and given not in words:
        raise BadParameter(f"{name} is one of {', '.join(words)}")
    return given


def executor(request: web.Request) -> int | None:
    """Return the number of who did the first act that the query asks for. Raises BadParameter."""
    given = request.query.get("executor")
    if given is None:
        return None
    if re.fullmatch("[0-9]{9}", given) is None:
        raise BadParameter("executor is a number of nine digits")
    return int(given)


@routes.post("/v1/invoices:batch")
async def batch(request: web.Request) -> web.StreamResponse:
    """Sign the invoices of an NDJSON body; the answer says line by line what was refused."""

    late = flag(request, "allow_late")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        terms = Terms(await request.app[TARIFFS].current(con), late)
        return json_answer(await batches.create(con, context, body, terms))

    return await write_bulk(request, effect)


@routes.post("/v1/invoices:stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """Sign the invoices of an NDJSON body of any length; the answer is NDJSON too, and tells of each line once it is kept.

    Its last line says `done`, or by which `problem` it ended: then the same request is sent again under the same key.
    """
    return await streams.sign(request)


@routes.get("/v1/invoices/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one invoice of the centre; another centre's looks like one that does not exist."""
    invoice = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, invoice))

    return await read(request, look)
