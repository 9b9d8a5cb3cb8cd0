# SPDX-License-Identifier: Apache-2.0
"""The agent's side of its channel: it lets itself be enrolled, connects out, proves who it is, tells what happened, reads when asked."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from desmos_fast.agents import wire
from desmos_fast.agents.wire import Closing
from desmos_fast.base.errors import InvalidInput, OutsideFailed
from readers.errors import ReaderError
from readers.outbox.outbox import Outbox
from readers.outbox.store import Happened
from readers.reading import Reading
from readers.uplink_folder import SERVICE, Folder, FolderUnsound, Identity, Service, check_url, new_key, now, request_for

log: Final = logging.getLogger("desmos.agent")
VERSION: Final = "0.1.0"
HEARTBEAT_S: Final = 20.0
CONNECT_S: Final = 10.0
SHORTEST_S: Final = 0.5
LONGEST_S: Final = 60.0
# Nothing changes by itself where another agent took the place of this one, or the program is too old.
SELDOM: Final = frozenset({Closing.REPLACED, Closing.TOO_OLD})
FOR_GOOD: Final = {
    Closing.UNPROVEN: "the service does not know this workstation any more",
    Closing.BLOCKED: "this workstation is blocked",
}
RENEW_LOOK_S: Final = 60.0
RESIGN_S: Final = 30.0


class NotEnrolled(InvalidInput):
    """The service did not let the workstation in."""

    code = "enrolment_refused"


class ServiceAway(OutsideFailed):
    """The service does not answer, or not as it should."""

    code = "unreachable"


class ShutOut(OutsideFailed):
    """The service will not know this workstation again: it must be enrolled anew."""

    code = "agent_blocked"


class Cards(Protocol):
    """The readers of the workstation, and the cards in them."""

    def events(self) -> AsyncIterator[Happened]:
        """Tell what holds now, then whatever happens."""

    async def read(self, reader: str, deadline_s: float) -> Reading:
        """Read the card in a reader, now or when it comes. Raises ReaderError."""


class _Over(Exception):
    """This connection is over; the next one may begin."""


async def enrol(folder: Folder, url: str, code: str) -> Service:
    """Make a key, have it certified with a code, and keep both in the folder.

    Raises BadService, NotEnrolled, ServiceAway, FolderUnsound.
    """
    url = check_url(url)
    folder.make()
    key = new_key()
    asked = wire.EnrolAsked(code=code, csr=request_for(key))
    timeout = aiohttp.ClientTimeout(total=30.0, connect=CONNECT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(url + wire.ENROL_PATH, data=wire.encode(asked), allow_redirects=False) as response,
        ):
            status, body = response.status, await response.content.read(wire.LARGEST)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServiceAway(f"no answer from {url}: {type(error).__name__}") from error
    if status == 429:
        raise NotEnrolled("too many tries came from this address", hint="wait a minute, and type the same code again")
    if status in (403, 422):
        raise NotEnrolled("the service refuses: the code is wrong, was used, or its time is over", hint="ask for another code")
    try:
        enrolled = msgspec.json.decode(body, type=wire.Enrolled)
    except msgspec.MsgspecError as error:
        raise ServiceAway(f"{url} answers {status}, and not as this service does") from error
    folder.keep(key, enrolled.certificate)
    service = Service(url=url, agent=str(enrolled.id), desk=enrolled.desk)
    folder.write(SERVICE, msgspec.json.encode(service))
    return service


async def resign(folder: Folder) -> bool:
    """Have the service block this workstation, as it is about to be wiped; return whether it did, or had before.

    Raises ServiceAway, FolderUnsound.
    """
    identity, url = folder.identity(), folder.service().url
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S)
    try:
        async with (
            asyncio.timeout(RESIGN_S),
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.ws_connect(url + wire.PATH, max_msg_size=wire.LARGEST) as ws,
        ):
            if await _prove(ws, identity, VERSION, "") is not None:
                await _send(ws, wire.Resign())
                while await _next(ws) is not None:
                    pass
            return ws.close_code == Closing.BLOCKED
    except (aiohttp.ClientError, TimeoutError, _Over, msgspec.MsgspecError) as error:
        raise ServiceAway(f"{url} does not answer: {type(error).__name__}") from error


def pause(failures: int) -> float:
    """Return how long to wait (seconds) before another try: drawn from longer and longer stretches, so that not all come back at once."""
    return random.uniform(0.0, min(LONGEST_S, SHORTEST_S * (1 << min(failures, 16))))


class Uplink:
    """One workstation's way to its service."""

    def __init__(
        self, folder: Folder, outbox: Outbox, cards: Cards, *, version: str, system: str, clock: Callable[[], datetime] = now,
        welcomed: Callable[[wire.Welcome], None], examine: Callable[[wire.Examine], Awaitable[wire.Examined]],
    ) -> None:  # fmt: skip
        self._folder, self._outbox, self._cards = folder, outbox, cards
        self._version, self._system, self._clock = version, system[:100], clock
        self._welcomed, self._examine = welcomed, examine
        self._service = folder.service()
        self._identity = folder.identity()
        self._next_key: ec.EllipticCurvePrivateKey | None = None
        self._failures = 0

    async def run(self) -> None:
        """Stay connected until cancelled. Raises ShutOut when the service will not know this workstation again, OutboxBroken."""
        while True:
            try:
                closing = await self._once()
            except (aiohttp.ClientError, TimeoutError, _Over, msgspec.MsgspecError) as error:
                closing = None
                log.info("the service is away (%s)", type(error).__name__)
            if closing in FOR_GOOD:
                raise ShutOut(FOR_GOOD[Closing(closing)], hint="enrol it again with a new code: desmos-fast agent enrol")
            if closing is not None:
                log.info("the service ended the channel (%s)", closing)
            wait_s = LONGEST_S if closing in SELDOM else pause(self._failures)
            self._failures += 1
            await asyncio.sleep(wait_s)

    async def _once(self) -> int | None:
        """Connect, and return why the channel ended."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.ws_connect(self._service.url + wire.PATH, heartbeat=HEARTBEAT_S, max_msg_size=wire.LARGEST) as ws,
        ):
            async with asyncio.timeout(CONNECT_S):
                welcome = await _prove(ws, self._identity, self._version, self._system)
            if welcome is not None:
                self._welcomed(welcome)
                await self._outbox.agree(welcome.received)
                self._failures = 0
                await self._talk(ws)
            return ws.close_code

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        acknowledged = asyncio.Event()
        reading: set[asyncio.Task[None]] = set()
        tasks = [
            asyncio.create_task(self._hear(ws, acknowledged, reading)),
            asyncio.create_task(self._tell(ws, acknowledged)),
            asyncio.create_task(self._renew(ws)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, *reading):
                task.cancel()
            await asyncio.gather(*tasks, *reading, return_exceptions=True)

    async def _hear(self, ws: aiohttp.ClientWebSocketResponse, acknowledged: asyncio.Event, reading: set[asyncio.Task[None]]) -> None:
        while (said := await _next(ws)) is not None:
            if isinstance(said, wire.Received):
                await self._outbox.agree(said.number)
                acknowledged.set()
            elif isinstance(said, wire.Read | wire.Examine):
                task = asyncio.create_task(self._read(ws, said) if isinstance(said, wire.Read) else self._look(ws, said))
                reading.add(task)
                task.add_done_callback(reading.discard)
            elif isinstance(said, wire.Renewed):
                self._take(said.certificate)
                # The next connection shows the new certificate, and the service forgets the old one.
                return

    async def _tell(self, ws: aiohttp.ClientWebSocketResponse, acknowledged: asyncio.Event) -> None:
        while True:
            acknowledged.clear()
            await _send(ws, wire.Events(events=await self._outbox.batch(wire.MOST_EVENTS)))
            await acknowledged.wait()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse, asked: wire.Read) -> None:
        outcome: wire.ReadDone | wire.ReadFailed
        try:
            found = await self._cards.read(asked.reader, asked.deadline_s)
        except ReaderError as error:
            outcome = wire.ReadFailed(request=asked.request, code=error.code)
        else:
            said = found.identity
            holder = None if said is None else wire.Holder(**{name: said.get(name) for name in wire.Holder.__struct_fields__})
            outcome = wire.ReadDone(request=asked.request, atr=found.atr, card=found.card, identity=holder)
        await _send(ws, outcome)

    async def _look(self, ws: aiohttp.ClientWebSocketResponse, asked: wire.Examine) -> None:
        await _send(ws, await self._examine(asked))

    async def _renew(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        # Not one long wait: a workstation that sleeps does not count the time.
        while self._clock() < self._identity.renew_at:  # noqa: ASYNC110
            await asyncio.sleep(RENEW_LOOK_S)
        self._next_key = new_key()
        await _send(ws, wire.Renew(csr=request_for(self._next_key)))
        await asyncio.Event().wait()

    def _take(self, certificate: str) -> None:
        if self._next_key is None:
            raise FolderUnsound("a certificate came that was not asked for")
        self._identity = self._folder.keep(self._next_key, certificate)
        self._next_key = None
        log.info("the certificate was renewed until %s", self._identity.ends_at.isoformat())


async def _prove(ws: aiohttp.ClientWebSocketResponse, identity: Identity, version: str, system: str) -> wire.Welcome | None:
    """Answer the challenge of the service, and return its welcome, None when it has none."""
    challenge = await _next(ws)
    if not isinstance(challenge, wire.Challenge):
        return None
    signature = identity.prove(challenge.nonce)
    await _send(ws, wire.Proof(certificate=identity.certificate, signature=signature, version=version, system=system))
    welcome = await _next(ws)
    return welcome if isinstance(welcome, wire.Welcome) else None


async def _next(ws: aiohttp.ClientWebSocketResponse) -> wire.FromService | None:
    """Return what the service says next, None when it ended the channel."""
    message = await ws.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        said: wire.FromService = wire.from_service.decode(message.data)
        return said
    return None


async def _send(ws: aiohttp.ClientWebSocketResponse, said: wire.FromAgent) -> None:
    try:
        await ws.send_str(wire.encode(said).decode())
    except ConnectionError as error:
        raise _Over from error
