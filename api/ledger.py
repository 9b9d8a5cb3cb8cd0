# SPDX-License-Identifier: Apache-2.0
"""The ledger: its entries and trial balances."""

import base64
import binascii
from typing import Final, get_args
from uuid import UUID

from aiohttp import web

from api.body import day, number
from api.paging import read_cursor, write_cursor
from api.problems import BadCursor, BadParameter
from api.writes import json_answer, read
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.ledger import service
from desmos_fast.settlement.ledger.model import PAGE, By, Wanted

routes: Final = web.RouteTableDef()
_WAYS: Final[dict[str, By]] = {name: name for name in get_args(By)}


@routes.get("/v1/ledger/entries")
async def entries(request: web.Request) -> web.StreamResponse:
    """List the entries of the centre's ledger, the newest first."""
    place = read_cursor(request)
    wanted = Wanted(
        account=request.query.get("account"),
        ref=request.query.get("ref"),
        event=request.query.get("event"),
        since=day(request, "from"),
        until=day(request, "to"),
        before=None if place is None else min(place.int, 2**63 - 1),
        limit=number(request, "limit", PAGE, PAGE),
    )

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.entries(con, context, wanted, lambda seq: write_cursor(UUID(int=seq))))

    return await read(request, look)


@routes.get("/v1/ledger/balance")
async def balance(request: web.Request) -> web.StreamResponse:
    """Show a trial balance of the centre: by account unless asked otherwise."""
    by = _WAYS.get(request.query.get("by", "account"))
    if by is None:
        raise BadParameter(f"by is one of {', '.join(_WAYS)}")
    since, until, after = day(request, "from"), day(request, "to"), _read_place(request)
    limit = number(request, "limit", PAGE, PAGE)

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.balance(con, context, by, since, until, after=after, limit=limit, cursor=_write_place))

    return await read(request, look)


def _write_place(name: str, account: str) -> str:
    return base64.urlsafe_b64encode(f"{name}\n{account}".encode()).rstrip(b"=").decode()


def _read_place(request: web.Request) -> tuple[str, str] | None:
    given = request.query.get("cursor")
    if given is None:
        return None
    try:
        name, account = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True).decode().split("\n")
    except (binascii.Error, ValueError):
        raise BadCursor("a cursor is taken as it was given, from `next`") from None
    if _write_place(name, account) != given:
        raise BadCursor("a cursor is taken as it was given, from `next`")
    return name, account
