# SPDX-License-Identifier: Apache-2.0
"""Reconciliations: what was billed, announced and credited is matched."""

from typing import Final

from aiohttp import web

from api.body import flag
from api.problems import NotJson
from api.writes import json_answer, write_or_try
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import service

routes: Final = web.RouteTableDef()


@routes.post("/v1/reconciliations")
async def run(request: web.Request) -> web.StreamResponse:
    """Match all that is free and post what is certain; takes no option yet, so no body or `{}`. With `?validate_only=true` keep nothing."""
    real = not flag(request, "validate_only")

    async def effect(con: Connection, context: Context, body: bytes) -> Answer:
        if body.strip() not in (b"", b"{}"):
            raise NotJson("this route takes no body, or an empty object")
        return json_answer(await service.reconcile(con, context, real=real))

    return await write_or_try(request, effect, empty=True)
