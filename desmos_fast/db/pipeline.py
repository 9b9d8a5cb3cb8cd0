# SPDX-License-Identifier: Apache-2.0
"""A transaction in as few exchanges with the server as it has questions: statements are sent together and answered together.

The driver waits for the answer to each statement, and to each COPY twice. A connection of the pool is lent to this module for one
transaction: it speaks the same wire, and gives the connection back when the server is idle, or ends it.
"""

import asyncio
import itertools
import struct
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg

from desmos_fast.base.errors import OurBug
from desmos_fast.db.pool import ACQUIRE_TIMEOUT_S, AWAY, COMMAND_TIMEOUT_S, DatabaseDown, Pool

Value: TypeAlias = "str | int | bytes | UUID | Sequence[str] | Sequence[int] | Sequence[bytes] | None"
Row: TypeAlias = "tuple[bytes | None, ...]"
_LENGTH: Final = struct.Struct("!I")
_SHORT: Final = struct.Struct("!H")
_HEAD: Final = struct.Struct("!cI")
_NULL: Final = _LENGTH.pack(0xFFFFFFFF)
_SYNC: Final = b"S\0\0\0\4"
_COPY_DONE: Final = b"c\0\0\0\4"
# Portal without a name, as many rows as there are.
_EXECUTE: Final = b"E\0\0\0\x09\0\0\0\0\0"
_TEXT, _BINARY = 0, 1
_IDLE: Final = b"I"
# The tenant, and plans that are made once: what is asked here finds rows by their keys, for which any value has the same plan, and to make
# one takes longer than to follow it.
SET_ALL: Final = "SELECT set_config('app.tenant', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)"
FIRST_PLANS_S: Final = 1.0
LAST_PLANS_S: Final = 300.0
_names: Final = itertools.count(1)


class Step(NamedTuple):
    """One statement: its parameters, with the type that an array has in the database, or the COPY stream that it takes."""

    sql: str
    values: Sequence[Value] = ()
    stream: bytes | None = None


class Answered(NamedTuple):
    """What a statement was answered: rows of text, and the tag that says what it did."""

    rows: list[Row]
    tag: str


class CameBetween(Exception):
    """What a transaction expected is not so: somebody else came between. Nothing of it is kept."""


def copying(schema: str, leaf: str, columns: Sequence[str], stream: bytes) -> Step:
    """Return the step that puts a binary COPY stream into a leaf; its names are those of the catalogue and of our own code."""
    return Step(f'COPY "{schema}"."{leaf}" ({", ".join(columns)}) FROM STDIN (FORMAT binary)', (), stream)


BETWEEN: Final = "somebody came between"


def expecting(query: str, rows: str) -> str:
    """Return a statement that fails, and its transaction with it, unless a query of ours gives as many rows as an expression says."""
    return (
        f"WITH found AS ({query}) "  # noqa: S608  # text of ours
        f"SELECT CASE count(*) WHEN {rows} THEN 1 ELSE ('{BETWEEN}: ' || count(*))::integer END FROM found"
    )


def _message(kind: bytes, payload: bytes) -> bytes:
    return _HEAD.pack(kind, len(payload) + 4) + payload


def _array(oid: int, items: Sequence[bytes]) -> bytes:
    parts = [struct.pack("!iiIii", 1, 0, oid, len(items), 1)]
    for item in items:
        parts += (_LENGTH.pack(len(item)), item)
    return b"".join(parts)


_BYTEA, _TEXTS = 17, 25


def _value(value: Value) -> tuple[int, bytes | None]:
    """Return the format of a parameter and its bytes."""
    if value is None:
        return _TEXT, None
    if isinstance(value, str):
        return _TEXT, value.encode()
    if isinstance(value, bytes):
        return _BINARY, value
    if isinstance(value, int | UUID):
        return _TEXT, str(value).encode()
    if value and isinstance(value[0], str):
        return _BINARY, _array(_TEXTS, [str(item).encode() for item in value])
    if value and isinstance(value[0], bytes):
        return _BINARY, _array(_BYTEA, [item for item in value if isinstance(item, bytes)])
    return _TEXT, f"{{{','.join(str(item) for item in value)}}}".encode()


def _bound(name: bytes, values: Sequence[Value]) -> bytes:
    found = [_value(value) for value in values]
    parts = [b"\0", name, b"\0", _SHORT.pack(len(found)), *(_SHORT.pack(form) for form, _ in found), _SHORT.pack(len(found))]
    for _, data in found:
        parts += (_NULL,) if data is None else (_LENGTH.pack(len(data)), data)
    parts.append(_SHORT.pack(0))
    return _message(b"B", b"".join(parts))


class _Listening(asyncio.Protocol):
    """What takes the answers of the server in the driver's place."""

    def __init__(self, former: Any) -> None:
        self._former = former
        self._buffer = bytearray()
        self._rows: list[Row] = []
        self.answers: list[Answered] = []
        self.error: asyncpg.PostgresError | None = None
        self.done: asyncio.Future[bytes] | None = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 5:
            kind, size = _HEAD.unpack_from(buffer, at)
            end = at + 1 + size
            if len(buffer) < end:
                break
            self._take(kind, bytes(buffer[at + 5 : end]))
            at = end
        del buffer[:at]

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == b"D":
            self._rows.append(_row(payload))
        elif kind == b"C":
            self.answers.append(Answered(self._rows, payload[:-1].decode()))
            self._rows = []
        elif kind == b"E":
            self.error = self.error or _error(payload)
        elif kind == b"Z" and self.done is not None and not self.done.done():
            self.done.set_result(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(self.error or asyncpg.ConnectionDoesNotExistError("the connection was lost between two statements"))
        self._former.connection_lost(exc)

    def pause_writing(self) -> None:
        self._former.pause_writing()

    def resume_writing(self) -> None:
        self._former.resume_writing()


def _row(payload: bytes) -> Row:
    found: list[bytes | None] = []
    at = 2
    for _ in range(_SHORT.unpack_from(payload)[0]):
        (size,) = _LENGTH.unpack_from(payload, at)
        at += 4
        if size == 0xFFFFFFFF:
            found.append(None)
        else:
            found.append(payload[at : at + size])
            at += size
    return tuple(found)


def _error(payload: bytes) -> asyncpg.PostgresError:
    fields = {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in payload.split(b"\0") if part}
    made: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return made


@dataclass(slots=True)
class _Known:
    """What a connection knows: statements by a name, parsed once; and when their plans, and those of foreign keys, are to be made anew.

    A plan that was made while a table was small may read all of a centre for each row once it is large, and PostgreSQL looks at it again
    only after an ANALYZE. Ever more seldom: tables that are large stay so.
    """

    names: dict[str, bytes] = field(default_factory=dict)
    renew_at: float = 0.0
    span_s: float = FIRST_PLANS_S

    def forget(self, statements: Sequence[str]) -> None:
        """Forget what the server may not have come to parse."""
        for statement in statements:
            self.names.pop(statement, None)

    def plans(self) -> list[Step]:
        """Return the step that forgets the plans, when it is time."""
        now = time.monotonic()
        if now < self.renew_at:
            return []
        self.renew_at = now + self.span_s
        self.span_s = min(2 * self.span_s, LAST_PLANS_S)
        return [Step("DISCARD PLANS")]


_known: Final[WeakKeyDictionary[Any, _Known]] = WeakKeyDictionary()


class Exchange:
    """One transaction of one tenant on a connection that is lent; see `exchange`."""

    __slots__ = ("_began", "_fresh", "_known", "_listening", "_tenant", "_transport", "idle")

    def __init__(self, transport: asyncio.Transport, listening: _Listening, known: _Known, tenant: UUID) -> None:
        self._transport = transport
        self._listening = listening
        self._known = known
        self._tenant = tenant
        self._began = False
        # What the server is asked to parse with the exchange that is under way.
        self._fresh: list[str] = []
        # Whether the server is in no transaction and owes no answer: else the connection cannot be given back.
        self.idle = True

    def begin(self, *steps: Step) -> Coroutine[None, None, list[Answered]]:
        """Begin the transaction of the tenant and run steps in it. What is awaited raises what the first step that fails is refused with.

        They are on their way when this returns, so that the caller can do something else before it waits; the same goes for `commit`.
        """
        self._began = True
        first = self._first()
        return self._answers(self._send([*first, *steps]), len(first))

    def commit(self, *steps: Step) -> Coroutine[None, None, list[Answered]]:
        """Run the last steps and commit: what is returned is on disk. Raises what the first step that fails is refused with."""
        if not self._began:
            raise OurBug("a transaction ends before it began")
        return self._committed(self._send([*steps, Step("COMMIT")]))

    def whole(self, *steps: Step) -> Coroutine[None, None, list[Answered]]:
        """Run a transaction of the tenant from its beginning to its commit, as `begin` and `commit` do, in one exchange.

        Raises CameBetween when one of its steps is `expecting` what is not so; it must be undone then.
        """
        self._began = True
        first = self._first()
        return self._committed(self._send([*first, *steps, Step("COMMIT")]), len(first))

    async def undo(self) -> None:
        """Take the transaction back."""
        await self._answers(self._send([Step("ROLLBACK")]))

    def _first(self) -> list[Step]:
        return [*self._known.plans(), Step("BEGIN"), Step(SET_ALL, (str(self._tenant),))]

    async def _committed(self, sent: "asyncio.Future[bytes]", skip: int = 0) -> list[Answered]:
        found = await self._answers(sent, skip)
        if found[-1].tag != "COMMIT":
            raise OurBug(f"the transaction was not committed but {found[-1].tag}")
        return found[:-1]

    def _send(self, steps: Sequence[Step]) -> "asyncio.Future[bytes]":
        """Write steps, and return what comes of them once: the status of the server after all of them."""
        listening = self._listening
        if self._transport.is_closing():
            # It was lost while nobody waited for an answer, and no answer will come.
            self.idle = False
            raise asyncpg.ConnectionDoesNotExistError("the connection was lost between two statements")
        parts, self._fresh = list[bytes](), list[str]()
        for step in steps:
            parts += self._messages(step)
        parts.append(_SYNC)
        listening.answers, listening.error = [], None
        sent = listening.done = asyncio.get_running_loop().create_future()
        self.idle = False
        self._transport.write(b"".join(parts))
        return sent

    async def _answers(self, sent: "asyncio.Future[bytes]", skip: int = 0) -> list[Answered]:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            # Shielded: who gives up waiting does not undo that an answer is owed, and the connection ends with him.
            status = await asyncio.shield(sent)
        self.idle = status == _IDLE
        error = self._listening.error
        if isinstance(error, asyncpg.InvalidTextRepresentationError) and BETWEEN in str(error):
            self._known.forget(self._fresh)
            raise CameBetween from error
        if error is not None:
            # What was parsed after the fault is not known to the server, and what was planned before may be what is wrong.
            self._known.names.clear()
            raise error
        return self._listening.answers[skip:]

    def _messages(self, step: Step) -> list[bytes]:
        parts: list[bytes] = []
        name = self._known.names.get(step.sql)
        if name is None:
            name = self._known.names[step.sql] = b"desmos_%d" % next(_names)
            self._fresh.append(step.sql)
            parts.append(_message(b"P", b"%b\0%b\0\0\0" % (name, step.sql.encode())))
        parts += (_bound(name, step.values), _EXECUTE)
        if step.stream is not None:
            parts += (_HEAD.pack(b"d", len(step.stream) + 4), step.stream, _COPY_DONE)
        return parts


@asynccontextmanager
async def exchange(pool: Pool, tenant: UUID) -> AsyncIterator[Exchange]:
    """Lend a connection for one transaction of a tenant, which is taken back unless it was committed.

    The connection is ended, and with it what it did not commit, when it is left in the middle. Raises DatabaseDown.
    """
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as con:
            lent: Any = con
            transport, former = lent._transport, lent._protocol
            listening = _Listening(former)
            opened = Exchange(transport, listening, _known.setdefault(former, _Known()), tenant)
            transport.set_protocol(listening)
            try:
                yield opened
            finally:
                await _give_back(lent, opened, transport, former)
    except AWAY as error:
        raise DatabaseDown(
            f"the database is away or busy ({type(error).__name__})", hint="send again with the same key in a moment"
        ) from error


async def _give_back(lent: Any, opened: Exchange, transport: asyncio.Transport, former: Any) -> None:
    try:
        if not opened.idle and opened._listening.done is not None and opened._listening.done.done() and not transport.is_closing():
            await opened.undo()
    finally:
        transport.set_protocol(former)
        # One that was lost has gone back to the pool by itself.
        if not opened.idle and not transport.is_closing():
            lent.terminate()
