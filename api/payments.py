# SPDX-License-Identifier: Apache-2.0
"""The desk: payments of patients, refunds, and the till."""

from typing import Final, get_args
from uuid import UUID

from aiohttp import web

from api.body import day, number, uuid_of
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.desk import service
from desmos_fast.settlement.desk.model import (
    PAGE,
    AttachAsked,
    Kind,
    Means,
    PaymentAsked,
    PaymentView,
    RefundAsked,
    State,
    UnpayAsked,
    Wanted,
)

routes: Final = web.RouteTableDef()


def _made(payment: PaymentView) -> Answer:
    return json_answer(payment, 201, {"Location": f"/v1/payments/{payment.id}"})


@routes.post("/v1/payments")
async def take(request: web.Request) -> web.StreamResponse:
    """Take a payment: for invoices, for care to come, or for neither yet."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return _made(await service.take(con, context, service.read(body, PaymentAsked)))

    return await write_or_try(request, effect)


@routes.post("/v1/payments/{id}:attach")
async def attach(request: web.Request) -> web.StreamResponse:
    """Put what a payment has left on invoices."""
    payment = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.attach(con, context, payment, service.read(body, AttachAsked)))

    return await write_or_try(request, effect)


@routes.post("/v1/payments/{id}:unpay")
async def unpay(request: web.Request) -> web.StreamResponse:
    """Take a payment back: a bounced cheque, a mistake."""
    payment = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.unpay(con, context, payment, service.read(body, UnpayAsked)))

    return await write_or_try(request, effect)


@routes.post("/v1/refunds")
async def refund(request: web.Request) -> web.StreamResponse:
    """Give back the excess of an invoice, or the rest of a payment."""

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return _made(await service.refund(con, context, service.read(body, RefundAsked)))

    return await write_or_try(request, effect)


@routes.get("/v1/payments")
async def index(request: web.Request) -> web.StreamResponse:
    """List payments and refunds, the newest first."""
    wanted = Wanted(
        means=_one_of(request, "means", get_args(Means)),
        kind=_one_of(request, "kind", get_args(Kind)),
        state=_one_of(request, "state", get_args(State)),
        invoice=_invoice(request),
        since=day(request, "from"),
        until=day(request, "to"),
        before=read_cursor(request),
        limit=number(request, "limit", PAGE, PAGE),
    )

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context, wanted, write_cursor))

    return await read(request, look)


@routes.get("/v1/payments/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one payment or refund, and the shares that it touches."""
    payment = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, payment))

    return await read(request, look)


@routes.get("/v1/till")
async def till(request: web.Request) -> web.StreamResponse:
    """Show one day at the desk, by means of payment."""
    on = day(request, "on")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.till(con, context, on))

    return await read(request, look)


def _one_of(request: web.Request, name: str, words: tuple[str, ...]) -> str | None:
    given = request.query.get(name)
    if given is not None and given not in words:
        raise BadParameter(f"{name} is one of {', '.join(words)}")
    return given


def _invoice(request: web.Request) -> UUID | None:
    given = request.query.get("invoice")
    try:
        return None if given is None else UUID(given)
    except ValueError:
        raise BadParameter("invoice is the id of an invoice") from None
