# SPDX-License-Identifier: Apache-2.0
"""A thin typed client of the HTTP API: keys made before the first attempt, retries that never double an effect."""

import asyncio
import contextlib
import io
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from types import TracebackType
from typing import Final, Literal, Protocol, Self, TypeVar

import aiohttp
import msgspec

from desmos_fast.base.errors import Conflict, DesmosError, InvalidInput, OutsideFailed
from desmos_fast.base.types import uuid7
from desmos_fast.sending import Coding, Sending, Source

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
BYTES: Final = "application/octet-stream"
RETRIED: Final = frozenset({429, 502, 503, 504})
RUNNING: Final = "idempotency_key_running"
RETRY_EARNED: Final = 0.1
RETRY_SAVED_MAX: Final = 10.0

T = TypeVar("T")


class Page(Protocol):
    """One page of a list; `next` is the cursor of what follows."""

    @property
    def next(self) -> str | None:
        """Return the cursor, None at the end."""


P = TypeVar("P", bound=Page)


class Line(Protocol):
    """What became of one line of a stream."""

    @property
    def line(self) -> int:
        """Return its number in the body, from 1."""


L = TypeVar("L", bound=Line)


class Streamed(msgspec.Struct, frozen=True):
    """The end of a stream: how many lines were accepted and refused in all."""

    accepted: int
    refused: int


class ProblemError(msgspec.Struct, frozen=True):
    """One entry of a problem's `errors`."""

    code: str = ""
    pointer: str = ""
    title_fr: str = ""
    detail: str = ""
    value: str | int | None = None
    line: int | None = None
    invoice: int | None = None
    expected: int | None = None
    rule: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem as this API gives it."""

    status: int
    code: str = "internal"
    title: str = ""
    title_fr: str = ""
    detail: str = ""
    instance: str = ""
    errors: tuple[ProblemError, ...] = ()


class _Last(msgspec.Struct, frozen=True):
    """The last line of a stream: done, or the problem by which it ended."""

    done: bool = False
    accepted: int = 0
    refused: int = 0
    problem: Problem | None = None


class Refused(InvalidInput):
    """The service refused the request; `problem` says why. Sending it again will not help."""

    code = "refused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail or problem.title}")
        self.problem = problem


class Contradicted(Conflict):
    """The service holds something else (409); `problem` says what."""

    code = "contradicted"

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail or problem.title}")
        self.problem = problem


class Unreachable(OutsideFailed):
    """The service did not answer, or could not, within the tries; the same key may be sent again."""

    code = "unreachable"

    def __init__(self, detail: str, key: str | None, wait_s: float = 0.0) -> None:
        super().__init__(detail, hint="" if key is None else f"the outcome is unknown: send again with Idempotency-Key {key}")
        self.key = key
        self.wait_s = wait_s


class Reply(msgspec.Struct, frozen=True):
    """An answer of status 2xx, or 304: its bytes, and whether it was a stored one."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def replayed(self) -> bool:
        """Say whether the service answered from its store."""
        return self.headers.get("Idempotency-Replayed") == "true"

    @property
    def etag(self) -> str | None:
        """Return the tag of what was read, to give back as `if_match` or `if_none_match`."""
        return self.headers.get("ETag")

    @property
    def unchanged(self) -> bool:
        """Say whether the caller has it already, as `if_none_match` told."""
        return self.status == 304

    @property
    def request_id(self) -> str:
        """Return the request id, to quote when asking for help."""
        return self.headers.get("X-Request-Id", "")


class Retries(msgspec.Struct, frozen=True):
    """How often to try again: `tries` in all, delays drawn from 0 to `base_s` doubled each time, at most `cap_s`."""

    tries: int = 3
    base_s: float = 0.2
    cap_s: float = 5.0

    def delay(self, attempt: int, at_least_s: float) -> float:
        """Return the wait before try `attempt + 1`: full jitter, never less than the service asked for."""
        return at_least_s + random.uniform(0.0, min(self.cap_s, self.base_s * 2.0**attempt))


def new_key() -> str:
    """Make an idempotency key; keep it beside the work before the first attempt."""
    return str(uuid7())


def _wait_asked(headers: Mapping[str, str]) -> float:
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def _problem(status: int, body: bytes) -> Problem:
    try:
        return msgspec.structs.replace(msgspec.json.decode(body, type=Problem), status=status)
    except msgspec.DecodeError:
        return Problem(status=status, detail="the answer is not a problem document")


def _failure(problem: Problem, key: str | None, headers: Mapping[str, str]) -> DesmosError:
    """Return what an answer above 299 means."""
    status = problem.status
    if status in RETRIED or problem.code == RUNNING:
        return Unreachable(f"{status} {problem.code}: {problem.detail}", key, _wait_asked(headers))
    if status == 409:
        return Contradicted(problem)
    if status >= 500:
        return OutsideFailed(f"{status} {problem.code}: {problem.detail}")
    return Refused(problem)


def _told(line: bytes, into: type[L]) -> L | _Last:
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.json.decode(line, type=into)
    return _decoded(line, _Last)


def _decoded(body: bytes, into: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.DecodeError as error:
        # The library's own text could quote the answer.
        raise OutsideFailed("the service answered in another shape than this program knows", hint="use the same version of both") from error


class Client:
    """One centre's view of the service, over one pool of connections. Use as an async context manager."""

    def __init__(
        self, base_url: str, api_key: str, *, retries: Retries | None = None, timeout_s: float = 60.0, connections: int = 100
    ) -> None:
        self._base = base_url.rstrip("/")
        self._retries = Retries() if retries is None else retries
        self._saved = RETRY_SAVED_MAX
        # What comes is taken as it is: nothing compressed, which the library would ask for by itself.
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept-Encoding": "identity"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=5.0)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=self._timeout,
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=self._connections),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], query: Mapping[str, str]) -> Reply:
        if self._session is None:
            raise RuntimeError("the client is used outside its `async with`")
        # Bytes would be written in one go, and a large body would hold the loop.
        data = None if body is None else io.BytesIO(body)
        async with self._session.request(
            method, self._base + path, data=data, headers=dict(headers), params=dict(query), allow_redirects=False
        ) as response:
            return Reply(status=response.status, body=await response.read(), headers=response.headers)

    async def send(
        self,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = JSON,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Reply:
        """Send one request and return its answer; a write gets a key when none is given.

        Retries only what cannot double an effect, within the tries and a budget of one retry in ten requests.
        `if_match` and `if_none_match` are tags of answers, quotes included.
        Raises `Refused`, `Contradicted` or `Unreachable`.
        """
        headers = {name: tag for name, tag in (("If-Match", if_match), ("If-None-Match", if_none_match)) if tag is not None}
        if method != "GET":
            key = new_key() if key is None else key
            headers |= {"Idempotency-Key": key, "Content-Type": content_type}
        self._saved = min(RETRY_SAVED_MAX, self._saved + RETRY_EARNED)
        attempt = 0
        while True:
            try:
                reply = await self._once(method, path, body, headers, query or {})
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                failure: DesmosError = Unreachable(f"no answer from {self._base}: {type(error).__name__}", key)
            else:
                if reply.status < 300 or reply.status == 304:
                    return reply
                failure = _failure(_problem(reply.status, reply.body), key, reply.headers)
            attempt += 1
            if not isinstance(failure, Unreachable) or attempt >= self._retries.tries or self._saved < 1.0:
                raise failure
            self._saved -= 1.0
            await asyncio.sleep(self._retries.delay(attempt - 1, failure.wait_s))

    async def get(self, path: str, into: type[T], *, query: Mapping[str, str] | None = None) -> T:
        """Ask, and return the answer as what it says; raises what `send` raises, OutsideFailed for an answer of another shape."""
        return _decoded((await self.send("GET", path, query=query)).body, into)

    async def pages(self, path: str, into: type[P], *, query: Mapping[str, str] | None = None) -> AsyncIterator[P]:
        """Ask for a list, and give its pages one after the other; raises what `get` raises."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, into, query={**(query or {}), **cursor})
            yield page
            if page.next is None:
                return
            cursor = {"cursor": page.next}

    async def post(
        self,
        path: str,
        into: type[T],
        *,
        body: bytes,
        content_type: str = JSON,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Write, and return the answer as what it says; raises what `get` raises."""
        reply = await self.send("POST", path, body=body, content_type=content_type, key=key, query=query)
        return _decoded(reply.body, into)

    async def put(self, path: str, into: type[T], *, body: bytes, key: str | None = None, if_match: str | None = None) -> T:
        """Write in the place of what is there, and return the answer as what it says; raises what `get` raises."""
        return _decoded((await self.send("PUT", path, body=body, key=key, if_match=if_match)).body, into)

    async def delete(self, path: str, *, key: str | None = None, if_match: str | None = None) -> None:
        """End something; raises what `send` raises."""
        await self.send("DELETE", path, key=key, if_match=if_match)

    async def stream(
        self,
        path: str,
        source: Source,
        into: type[L],
        *,
        key: str | None = None,
        coding: Coding | None = None,
        query: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[L | Streamed]:
        """Send a body of any length, and give what became of each of its lines as it is told, each once, and at the end the counts.

        `source` is called for each try, and gives the same bytes each time: after a cut all of it is sent again under the same key,
        and goes on where it was. Nothing grows with the body. Leaving early cuts it: use `contextlib.aclosing` around it.
        Raises what `send` raises, and what `source` raises.
        """
        key = new_key() if key is None else key
        headers = {"Idempotency-Key": key, "Content-Type": NDJSON} | ({} if coding is None else {"Content-Encoding": coding})
        told = attempt = 0
        while True:
            before, sending = told, Sending(source, coding)
            failure = Unreachable("the answer ended before its end", key)
            try:
                async with contextlib.aclosing(self.lines("POST", path, headers, query, sending.pieces())) as lines:
                    async for found in lines:
                        this = _told(found, into)
                        if isinstance(this, _Last):
                            if this.problem is not None:
                                raise _failure(this.problem, key, {})
                            yield Streamed(this.accepted, this.refused)
                            return
                        if this.line > told:
                            told = this.line
                            yield this
            except Unreachable as error:
                if sending.failed is not None:
                    raise sending.failed from None
                failure = error
            # Who got on may go on: what was told is not asked for twice.
            attempt = 1 if told > before else attempt + 1
            if attempt >= self._retries.tries:
                raise failure
            await asyncio.sleep(self._retries.delay(attempt - 1, failure.wait_s))

    async def lines(
        self,
        method: Literal["GET", "POST"],
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        data: AsyncIterator[bytes] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Ask once, and give the whole lines of the answer as they come; raises what `send` raises."""
        if self._session is None:
            raise RuntimeError("the client is used outside its `async with`")
        key = headers.get("Idempotency-Key")
        timeout = aiohttp.ClientTimeout(total=None, connect=self._timeout.connect, sock_read=self._timeout.total)
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=data,
                headers=dict(headers),
                params=dict(query or {}),
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                if response.status >= 300:
                    raise _failure(_problem(response.status, await response.read()), key, response.headers)
                rest = b""
                async for piece in response.content.iter_any():
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        yield line
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise Unreachable(f"no answer from {self._base}: {type(error).__name__}", key) from error
