# SPDX-License-Identifier: Apache-2.0
"""Reads and writes of a centre: its context, one effect for each Idempotency-Key, the answer's bytes and headers."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import msgspec
from aiohttp import web

from api import conditions
from api.body import BULK_LIMIT, LIMIT, check_length, flag, idempotency_key, read_body, refuse_doubles, route_of
from api.coding import takes_gzip
from api.keys import BULK, CALLER, CLOCK, KEYRING, POOL, READS, SHARES
from desmos_fast.base.clock import at
from desmos_fast.base.errors import DesmosError
from desmos_fast.base.types import KeyKind
from desmos_fast.db.idempotency import Answer, once
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from monitoring import metrics

JSON: Final = "application/json"
# What a test key was answered is no answer to a live one of the centre, which sees and makes other things by the same request.
OF_KIND: Final[dict[KeyKind, bytes]] = {"live": b"", "test": b"test\n"}
as_json: Final = msgspec.json.Encoder().encode
# Below this a list is as quick to send as it is.
SHRUNK_FROM: Final = 2048
HASH_IN_THREAD: Final = 256 * 1024
Effect = Callable[[Connection, Context, bytes], Awaitable[Answer]]
Rescue = Callable[[Connection, Context, bytes, DesmosError], Awaitable[DesmosError]]


def context_of(request: web.Request) -> Context:
    """Return what every use case is given: the caller, the centre's keys, the time."""
    caller = request[CALLER]
    return Context(caller=caller, keys=request.app[KEYRING].of(caller.tenant), now=at(request.app[CLOCK], caller.tenant))


def canonical(request: web.Request) -> bytes:
    """Return what makes two requests of one body the same one: method, path, sorted query, and the kind of who asks."""
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    return f"{request.method} {request.path}?{query}\n".encode() + OF_KIND[request[CALLER].kind]


def _fingerprint(head: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.digest()


async def fingerprint(request: web.Request, body: bytes) -> bytes:
    """Return SHA-256 of method, path, sorted query, kind and body: what makes two requests the same one."""
    if len(body) < HASH_IN_THREAD:
        return _fingerprint(canonical(request), body)
    return await asyncio.to_thread(_fingerprint, canonical(request), body)


def json_answer(result: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return a result as the bytes that are sent and kept."""
    return Answer(status=status, body=as_json(result), content_type=JSON, headers=headers or {})


def respond(answer: Answer) -> web.Response:
    """Turn an answer into a response."""
    response = web.Response(body=answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


async def write(request: web.Request, effect: Effect, *, empty: bool = False, rescue: Rescue | None = None) -> web.Response:
    """Run one effect for the request's Idempotency-Key, or answer again what it answered.

    `rescue` is given what the effect was refused with, once nothing of it is left, and returns what is raised.
    Raises KeyMissing, KeyBad, BodyTooLarge, EmptyBody, KeyReused, KeyRunning, Busy, DatabaseDown, and what the effect raises.
    """
    key = idempotency_key(request)
    return await _rescued(request, effect, key, refuse_doubles(await read_body(request, LIMIT, empty=empty)), rescue)


async def write_bulk(request: web.Request, effect: Effect, *, rescue: Rescue | None = None) -> web.Response:
    """Do what `write` does for a large body, which is held only while few others are."""
    key = idempotency_key(request)
    check_length(request, BULK_LIMIT)
    async with request.app[BULK].slot_of(request[CALLER].tenant):
        return await _rescued(request, effect, key, await read_body(request, BULK_LIMIT), rescue)


async def _rescued(request: web.Request, effect: Effect, key: str, body: bytes, rescue: Rescue | None) -> web.Response:
    try:
        return await _once(request, effect, key, body)
    except DesmosError as error:
        if rescue is None:
            raise
        context = context_of(request)
        async with request.app[SHARES].slot(context.tenant), transaction(request.app[POOL], context.tenant) as con:
            told = await rescue(con, context, body, error)
        raise told from error


async def _once(request: web.Request, effect: Effect, key: str, body: bytes) -> web.Response:
    context = context_of(request)
    route = route_of(request)

    async def run(con: Connection) -> Answer:
        if conditions.is_conditional(request):
            await conditions.check(request, con, context.tenant)
        return await effect(con, context, body)

    name = await fingerprint(request, body)
    async with request.app[SHARES].slot(context.tenant):
        return answered(request, await once(request.app[POOL], context.tenant, route, key, name, run))


def answered(request: web.Request, answer: Answer) -> web.Response:
    """Turn the answer to a write into a response, counted when it was given before."""
    if answer.replayed:
        metrics.idempotent_replays.labels(route_of(request)).inc()
    return respond(answer)


async def trial(request: web.Request, effect: Effect, *, empty: bool = False, limit: int = LIMIT) -> web.Response:
    """Answer what an effect would do, in a transaction that the effect itself undoes; it takes a place among the centre's writes.

    Raises BodyTooLarge, EmptyBody, Busy, DatabaseDown, and what the effect raises.
    """
    context = context_of(request)
    body = refuse_doubles(await read_body(request, limit, empty=empty))
    async with request.app[SHARES].slot(context.tenant), transaction(request.app[POOL], context.tenant) as con:
        if conditions.is_conditional(request):
            await conditions.check(request, con, context.tenant)
        answer = await effect(con, context, body)
    return respond(answer)


async def write_or_try(
    request: web.Request, effect: Effect, *, empty: bool = False, bulk: bool = False, rescue: Rescue | None = None
) -> web.Response:
    """Do what `write` does, or `write_bulk`; for `?validate_only=true` answer the same with 200 for 201, and keep nothing.

    A trial needs no key, and is not rescued: that would keep something.
    """
    if not flag(request, "validate_only"):
        return await (write_bulk(request, effect, rescue=rescue) if bulk else write(request, effect, empty=empty, rescue=rescue))

    # A key is not needed, but a trial tells what the real request would be refused for.
    if "Idempotency-Key" in request.headers:
        idempotency_key(request)

    async def undone(con: Connection, context: Context, body: bytes) -> Answer:
        attempt = con.transaction()
        await attempt.start()
        try:
            answer = await effect(con, context, body)
        finally:
            await attempt.rollback()
        # Nothing was made, so nothing can be looked for.
        return replace(answer, status=200, headers={}) if answer.status == 201 else answer

    if not bulk:
        return await trial(request, undone, empty=empty)
    check_length(request, BULK_LIMIT)
    async with request.app[BULK].slot_of(request[CALLER].tenant):
        return await trial(request, undone, limit=BULK_LIMIT)


async def read(request: web.Request, look: Callable[[Connection, Context], Awaitable[Answer]]) -> web.Response:
    """Answer a question in a transaction that sees only the caller's centre, or within the write that asks it.

    Raises Busy, DatabaseDown, and what `look` raises.
    """
    context = context_of(request)
    if (within := request.get(conditions.UNDER)) is not None:
        return respond(await look(within, context))
    async with request.app[READS].slot(context.tenant), transaction(request.app[POOL], context.tenant) as con:
        answer = await look(con, context)
    response = respond(answer)
    shrink(request, response, len(answer.body))
    return response


def shrink(request: web.Request, response: web.Response, size: int) -> None:
    """Let an answer of so many bytes leave under gzip where that is worth it and the caller takes it."""
    if size >= SHRUNK_FROM:
        response.headers["Vary"] = "Accept-Encoding"
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            response.enable_compression(web.ContentCoding.gzip)
