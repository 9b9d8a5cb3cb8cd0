# SPDX-License-Identifier: Apache-2.0
"""Invoices by the million: an NDJSON body of any length is signed block after block, and the answer tells of each line once it is kept.

Where a block ends depends on the body alone, and each has a key of its own made of the request's. So a request that was cut is sent
again whole: blocks that are kept are answered as they were, the others go on. No more than some blocks are ever held.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import structlog
from aiohttp import web

from api.auth import allow, authenticate
from api.body import LIMIT, check_length, flag, idempotency_key, pieces
from api.deadlines import limit_of
from api.keys import CALLER, LIFE, POOL, REQUEST_ID, SHARES, STREAMS, TARIFFS
from api.middlewares import HEADERS
from api.problems import EmptyBody, Stopping, body_of, of_error
from api.titles import PROBLEMS
from api.writes import canonical, context_of, json_answer
from desmos_fast.base.deadline import Deadline
from desmos_fast.base.errors import DesmosError
from desmos_fast.billing import batches
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer, kept, once
from desmos_fast.db.pool import Connection
from monitoring import metrics

ROUTE: Final = "/v1/invoices:stream"
NDJSON: Final = "application/x-ndjson"
STREAM_LIMIT: Final = 1024 * 1024 * 1024
LINES: Final = 1000
BLOCK_BYTES: Final = 1024 * 1024
# Answers of blocks that their reader is slow to take; more are asked of the database again.
MOST_HELD: Final = 16
STALLED_S: Final = 30.0
log: Final = structlog.get_logger("desmos.streams")


class Block(NamedTuple):
    """Some whole lines of a body; `name` tells them, and all that came before, from any others. Lines in `long` are left empty."""

    number: int
    first_line: int
    data: bytes
    long: tuple[int, ...]
    name: bytes


class Cutter:
    """Cut a body into blocks of whole lines, in the same places however it arrives; a line of more than 1 MiB is never held."""

    __slots__ = ("_digest", "_first", "_lines", "_long", "_number", "_rest", "_size", "_skipped")

    def __init__(self, seed: bytes) -> None:
        self._digest = hashlib.sha256(seed)
        self._lines: list[bytes] = []
        self._long: dict[int, bytes] = {}
        self._rest = b""
        self._skipped: hashlib._Hash | None = None
        self._number = self._size = 0
        self._first = 1

    def feed(self, piece: bytes) -> Iterator[Block]:
        """Give the blocks that end within some more bytes."""
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._hold(line)
            yield from self._end_line()
        self._hold(rest)

    def finish(self) -> Iterator[Block]:
        """Give what is left when the body is over."""
        if self._rest or self._skipped is not None:
            yield from self._end_line()
        if self._lines:
            yield from self._block()

    def _hold(self, part: bytes) -> None:
        if self._skipped is None and len(self._rest) + len(part) <= LIMIT:
            self._rest += part
            return
        if self._skipped is None:
            self._skipped = hashlib.sha256(self._rest)
            self._rest = b""
        self._skipped.update(part)

    def _end_line(self) -> Iterator[Block]:
        if self._skipped is not None:
            self._long[self._first + len(self._lines)] = self._skipped.digest()
            self._skipped = None
        self._lines.append(self._rest)
        self._size += len(self._rest) + 1
        self._rest = b""
        if len(self._lines) == LINES or self._size >= BLOCK_BYTES:
            yield from self._block()

    def _block(self) -> Iterator[Block]:
        data = b"\n".join(self._lines)
        self._digest.update(data + b"\n" + b"".join(self._long.values()))
        if self._long or data.strip():
            yield Block(self._number, self._first, data, tuple(self._long), self._digest.digest())
            self._number += 1
        self._first += len(self._lines)
        self._lines, self._long, self._size = [], {}, 0


class _Told(msgspec.Struct):
    """The answer to a block as it is kept: counts, and what became of each line as it is sent."""

    accepted: int
    refused: int
    results: list[msgspec.Raw]


class Ended(msgspec.Struct, frozen=True):
    """The last line of an answer to a whole body: without it, send the same again."""

    done: bool
    accepted: int
    refused: int


async def sign(request: web.Request) -> web.StreamResponse:
    """Sign the invoices of the body, and tell of each line once it is kept."""
    late, key = flag(request, "allow_late"), idempotency_key(request)
    check_length(request, STREAM_LIMIT)
    async with request.app[STREAMS].slot_of(request[CALLER].tenant):
        return await _Stream(request, key, late).run()


class _Stream:
    """One request: its body is cut and signed here, and told by a task of its own, for who sends may not read meanwhile."""

    def __init__(self, request: web.Request, key: str, late: bool) -> None:
        self._request = request
        self._key = key
        self._late = late
        self._accepted = self._refused = 0
        self._response: web.StreamResponse | None = None
        self._held: dict[int, _Told] = {}
        self._done: asyncio.Queue[int | bytes] = asyncio.Queue()
        self._telling: asyncio.Task[None] | None = None
        self._told = 0

    async def run(self) -> web.StreamResponse:
        try:
            last = await self._read()
            response = await self._begin()
            self._done.put_nowait(last)
            await self._told_all()
            return response
        finally:
            if self._telling is not None and not self._telling.done():
                self._telling.cancel()

    async def _read(self) -> bytes:
        """Sign the body, and return the last line of the answer; what is refused before the answer began is raised."""
        try:
            cutter = Cutter(canonical(self._request))
            arrived = 0
            async for piece in pieces(self._request, STREAM_LIMIT):
                arrived += len(piece)
                for block in cutter.feed(piece):
                    await self._sign(block)
            for block in cutter.finish():
                await self._sign(block)
            if not arrived:
                raise EmptyBody("a body is needed here")
        except Exception as error:
            if self._response is None:
                raise
            return self._problem(error)
        return msgspec.json.encode(Ended(done=True, accepted=self._accepted, refused=self._refused)) + b"\n"

    def _problem(self, error: Exception) -> bytes:
        rid = self._request[REQUEST_ID]
        metrics.count_problem(error.code if isinstance(error, DesmosError) else "internal")
        if isinstance(error, DesmosError):
            body = of_error(error, rid).body
            assert isinstance(body, bytes), "a problem is made of bytes"
        else:
            log.error("our mistake", request_id=rid, route=ROUTE, exc_info=error)
            body = body_of("internal", PROBLEMS["internal"], "The fault is recorded under this request id.", rid)
        return b'{"problem":' + body + b"}\n"

    async def _sign(self, block: Block) -> None:
        app = self._request.app
        if app[LIFE].leaving:
            raise Stopping("the service is stopping", hint="send again with the same key, to another process")
        # A body may take hours: a key that ended meanwhile, or a user without the role, signs nothing more.
        self._request[CALLER] = await authenticate(self._request)
        allow(self._request, ROUTE)
        context = context_of(self._request)

        async def effect(con: Connection) -> Answer:
            terms = Terms(await app[TARIFFS].current(con), self._late)
            return json_answer(
                await batches.create(con, context, block.data, terms, first_line=block.first_line, too_long=block.long)
            )

        async with Deadline(limit_of(app, ROUTE)), app[SHARES].slot(context.tenant):
            answer = await once(app[POOL], context.tenant, ROUTE, self._name(block.number), block.name, effect)
        if answer.replayed:
            metrics.idempotent_replays.labels(ROUTE).inc()
        told = msgspec.json.decode(answer.body, type=_Told)
        self._accepted += told.accepted
        self._refused += told.refused
        if len(self._held) < MOST_HELD:
            self._held[block.number] = told
        self._done.put_nowait(block.number)
        await self._begin()

    def _name(self, number: int) -> str:
        # No caller's key holds a blank.
        return f"{self._key} {number}"

    async def _begin(self) -> web.StreamResponse:
        if self._response is None:
            request = self._request
            response = web.StreamResponse(headers={**HEADERS, "X-Request-Id": request[REQUEST_ID], "Content-Type": NDJSON})
            # Who hung up is found out where he is told, as later on.
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
            self._response = response
            self._telling = asyncio.create_task(self._tell(response))
        return self._response

    async def _tell(self, response: web.StreamResponse) -> None:
        tenant = context_of(self._request).tenant
        while isinstance(number := await self._done.get(), int):
            told = self._held.pop(number, None)
            if told is None:
                body = await kept(self._request.app[POOL], tenant, ROUTE, self._name(number))
                told = msgspec.json.decode(body, type=_Told)
            if told.results:
                await response.write(b"\n".join(map(bytes, told.results)) + b"\n")
            self._told += 1
        await response.write(number)

    async def _told_all(self) -> None:
        """Wait until the answer is taken, as long as some of it is."""
        telling = self._telling
        assert telling is not None, "the answer has begun"
        while not telling.done():
            before = self._told
            await asyncio.wait({telling}, timeout=STALLED_S)
            if self._told == before and not telling.done():
                log.warning("an answer is not taken", route=ROUTE)
                return self._cut()
        error = telling.exception()
        if error is not None and not isinstance(error, ConnectionError):
            # What was to be told is kept, and told to who sends the same again.
            log.warning("an answer cannot be told", route=ROUTE, kind=type(error).__name__)
            self._cut()

    def _cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
