# SPDX-License-Identifier: Apache-2.0
"""Reminders: look, take the letter, say that it was sent, cancel; and the audits of quarters."""

from typing import Final

from aiohttp import web

from api.body import number, uuid_of
from api.paging import read_cursor, write_cursor
from api.problems import BadParameter
from api.writes import json_answer, read, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.dunning.audit import service as audit
from desmos_fast.settlement.dunning.audit.model import FORMS as AUDIT_FORMS
from desmos_fast.settlement.dunning.reminders import service
from desmos_fast.settlement.dunning.reminders.letters import FORMS
from desmos_fast.settlement.dunning.reminders.model import PAGE, RULES, STATES, Wanted

routes: Final = web.RouteTableDef()
TYPES: Final = {"txt": "text/plain", "html": "text/html", "md": "text/markdown", "json": "application/json"}


def _one_of(request: web.Request, name: str, words: tuple[str, ...]) -> str | None:
    given = request.query.get(name)
    if given is not None and given not in words:
        raise BadParameter(f"{name} is one of {', '.join(words)}")
    return given


def _text(text: str, form: str, file: str) -> Answer:
    headers = {"Content-Disposition": f'attachment; filename="{file}.{form}"'} if form != "json" else {}
    return Answer(status=200, body=text.encode(), content_type=TYPES[form], headers=headers)


@routes.get("/v1/reminders")
async def index(request: web.Request) -> web.StreamResponse:
    """List the reminders of the centre, the newest first."""
    wanted = Wanted(
        state=_one_of(request, "state", STATES), rule=_one_of(request, "rule", RULES), payer=request.query.get("payer"),
        before=read_cursor(request), limit=number(request, "limit", PAGE, PAGE),
    )  # fmt: skip

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.listed(con, context, wanted, write_cursor))

    return await read(request, look)


@routes.get("/v1/reminders/{id}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one reminder with its list."""
    reminder = uuid_of(request, "id")

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await service.show(con, context, reminder))

    return await read(request, look)


@routes.get("/v1/reminders/{id}/letter")
async def letter(request: web.Request) -> web.StreamResponse:
    """Take the letter of a reminder, `?format=txt` or `html`."""
    reminder, form = uuid_of(request, "id"), _one_of(request, "format", FORMS) or FORMS[0]

    async def look(con: Connection, context: Context) -> Answer:
        return _text(await service.letter(con, context, reminder, form), form, f"relance-{reminder}")

    return await read(request, look)


@routes.post("/v1/reminders/{id}:sent")
async def sent(request: web.Request) -> web.StreamResponse:
    """Say that a reminder was sent."""
    reminder = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, _: bytes) -> Answer:
        return json_answer(await service.send(con, context, reminder))

    return await write_or_try(request, effect, empty=True)


@routes.post("/v1/reminders/{id}:cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel a reminder, and say why."""
    reminder = uuid_of(request, "id")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        return json_answer(await service.cancel(con, context, reminder, body))

    return await write_or_try(request, effect)


@routes.get("/v1/audits/tp")
async def audits(request: web.Request) -> web.StreamResponse:
    """List the audits that are kept."""

    async def look(con: Connection, context: Context) -> Answer:
        return json_answer(await audit.listed(con, context))

    return await read(request, look)


@routes.get("/v1/audits/tp/{quarter}")
async def audit_of(request: web.Request) -> web.StreamResponse:
    """Show the audit of a quarter such as 2026Q3, `?format=json`, `html` or `md`."""
    quarter, form = request.match_info["quarter"], _one_of(request, "format", AUDIT_FORMS) or AUDIT_FORMS[0]

    async def look(con: Connection, context: Context) -> Answer:
        return _text(await audit.write(con, context, quarter, form), form, f"audit-tp-{quarter}")

    return await read(request, look)
