# SPDX-License-Identifier: Apache-2.0
"""From the process that is asked for a card to the one that its agent is connected to, and back.

Processes tell each other by notifications of PostgreSQL, sealed under a key of the house that the database does not have: what a card says
is in no table, and nobody who can only send notifications can ask for it.
"""

import asyncio
import base64
import binascii
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.agents import store
from desmos_fast.agents.model import ReaderAway
from desmos_fast.agents.wire import Asked, Closing, ReadDone, ReadFailed
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, DatabaseDown, Pool

log: Final = structlog.get_logger("desmos.agents")
CHANNEL: Final = "desmos_agents"
PURPOSE: Final = b"desmos-fast agents relay 1"
NONCE: Final = 12
READY_S: Final = 2.0
LOOK_S: Final = 10.0
SHORTEST_S: Final = 0.1
LONGEST_S: Final = 5.0
# The way there and back, and what an agent takes to say that there was no card.
GRACE_S: Final = 2.0


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """What the agent answered is kept where whoever asked can look: it has no room in a notification."""

    request: UUID


Outcome: TypeAlias = ReadDone | ReadFailed | Kept


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Whoever has this agent is to ask it."""

    agent: UUID
    asked: Asked


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Whoever asked is to know."""

    outcome: Outcome


class Shut(msgspec.Struct, frozen=True, tag="shut"):
    """Whoever has this agent is to end its channel: it is blocked."""

    agent: UUID


class News(msgspec.Struct, frozen=True, tag="news"):
    """Something happened at the readers of a centre."""

    tenant: UUID


Message: TypeAlias = Ask | Told | Shut | News
_decoder: Final = msgspec.json.Decoder[Message](Message)


class Link(Protocol):
    """The channel of an agent, in the process that has it."""

    def ask(self, asked: Asked) -> None:
        """Have the agent read a card, or look how its workstation is."""

    def end(self, closing: Closing) -> None:
        """End the channel."""


class Relay:
    """The agents that are connected to this process, what it waits for, and the way to the other processes."""

    def __init__(self, pool: Pool, key: bytes) -> None:
        self._pool = pool
        self._seal = AESGCM(key)
        self._links: dict[UUID, Link] = {}
        self._waiting: dict[UUID, asyncio.Future[Outcome]] = {}
        self._curious: dict[UUID, set[asyncio.Event]] = {}
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # --- what this process has

    def join(self, agent: UUID, link: Link) -> None:
        """Take a channel of an agent; one that it had here ends."""
        former = self._links.get(agent)
        self._links[agent] = link
        if former is not None:
            former.end(Closing.REPLACED)

    def part(self, agent: UUID, link: Link) -> None:
        """Leave a channel."""
        if self._links.get(agent) is link:
            del self._links[agent]

    @property
    def connected(self) -> int:
        """Return how many agents are connected to this process."""
        return len(self._links)

    def end(self, closing: Closing) -> None:
        """End every channel, and let whoever listens look whether to go on."""
        for link in list(self._links.values()):
            link.end(closing)
        self._wake()

    @contextlib.contextmanager
    def listening(self, tenant: UUID) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something happens at the readers of a centre."""
        event = asyncio.Event()
        self._curious.setdefault(tenant, set()).add(event)
        try:
            yield event
        finally:
            self._curious[tenant].discard(event)
            if not self._curious[tenant]:
                del self._curious[tenant]

    def listeners(self, tenant: UUID) -> int:
        """Return how many listen to a centre here."""
        return len(self._curious.get(tenant, ()))

    # --- what goes to others

    async def ask(self, agent: UUID, asked: Asked) -> Outcome:
        """Have an agent do something, wherever it is connected, and return what came of it. Raises ReaderAway, DatabaseDown."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[asked.request] = future
        try:
            if (link := self._links.get(agent)) is not None:
                link.ask(asked)
            else:
                await self.ready()
                await self._tell(Ask(agent, asked))
            async with asyncio.timeout(asked.deadline_s + GRACE_S):
                outcome = await future
        except TimeoutError:
            raise ReaderAway("the workstation does not answer") from None
        finally:
            del self._waiting[asked.request]
        if isinstance(outcome, ReadFailed) and outcome.code == ReaderAway.code:
            raise ReaderAway("the workstation left meanwhile")
        return outcome

    async def answer(self, outcome: Outcome) -> None:
        """Give what came of a read to whoever asked. Raises DatabaseDown."""
        if not self._settle(outcome):
            await self._tell(Told(outcome))

    async def shut(self, con: Connection, agent: UUID) -> None:
        """Have the channel of an agent ended once the transaction is committed."""
        await store.notify(con, CHANNEL, self._sealed(Shut(agent)))

    async def tell_news(self, tenant: UUID) -> None:
        """Wake whoever listens to a centre. Raises DatabaseDown."""
        await self._tell(News(tenant))

    async def _tell(self, message: Message) -> None:
        async with bare(self._pool) as con:
            await store.notify(con, CHANNEL, self._sealed(message))

    def _sealed(self, message: Message) -> str:
        nonce = os.urandom(NONCE)
        return base64.b64encode(nonce + self._seal.encrypt(nonce, msgspec.json.encode(message), PURPOSE)).decode()

    # --- what comes from others

    async def ready(self) -> None:
        """Return once this process hears the others. Raises DatabaseDown."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(READY_S):
                await self._up.wait()
        except TimeoutError:
            raise DatabaseDown("the other processes cannot be heard", hint="try again in a moment") from None

    async def close(self) -> None:
        """Hear nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        wait_s = SHORTEST_S
        while True:
            try:
                async with bare(self._pool) as con, self._hearing(con) as lost:
                    wait_s = SHORTEST_S
                    self._up.set()
                    # What was told meanwhile was not heard.
                    self._wake()
                    await self._until(con, lost)
            except OutsideFailed as error:
                log.warning("the other processes are not heard, trying again", error=error.detail)
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_S, 2 * wait_s)

    @contextlib.asynccontextmanager
    async def _hearing(self, con: Connection) -> AsyncIterator[asyncio.Event]:
        lost = asyncio.Event()

        def end(_: Any) -> None:
            lost.set()

        con.add_termination_listener(end)
        await con.add_listener(CHANNEL, self._hear)
        try:
            yield lost
        finally:
            self._up.clear()
            if not con.is_closed():
                con.remove_termination_listener(end)
                await con.remove_listener(CHANNEL, self._hear)

    async def _until(self, con: Connection, lost: asyncio.Event) -> None:
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await lost.wait()
            if not lost.is_set():
                await store.alive(con)

    def _hear(self, _con: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            sealed = base64.b64decode(str(payload), validate=True)
            message = _decoder.decode(self._seal.decrypt(sealed[:NONCE], sealed[NONCE:], PURPOSE))
        except (binascii.Error, InvalidTag, ValueError):
            log.error("a notification is none of this house")
            return
        if isinstance(message, Ask):
            if (link := self._links.get(message.agent)) is not None:
                link.ask(message.asked)
        elif isinstance(message, Told):
            self._settle(message.outcome)
        elif isinstance(message, Shut):
            if (link := self._links.get(message.agent)) is not None:
                link.end(Closing.BLOCKED)
        else:
            for event in self._curious.get(message.tenant, ()):
                event.set()

    def _settle(self, outcome: Outcome) -> bool:
        future = self._waiting.get(outcome.request)
        if future is None:
            return False
        if not future.done():
            future.set_result(outcome)
        return True

    def _wake(self) -> None:
        for events in self._curious.values():
            for event in events:
                event.set()
