# SPDX-License-Identifier: Apache-2.0
"""Reader storm: the network was away, and the agents of 300 workstations come back in the same second with what happened meanwhile."""

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, TypeVar

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from desmos_fast.agents import service, wire
from desmos_fast.agents.authority import open_authority
from desmos_fast.agents.model import CodeAsked
from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import Settings
from desmos_fast.base.types import TenantId
from desmos_fast.db import pool as pools
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import without_key
from loadtests.scenarios.driver import Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.looking import counted
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.scenarios.town import Desk
from loadtests.wire import percentile
from readers.uplink import pause
from readers.uplink_folder import new_key, request_for

AGENTS_EACH: Final = 3
EVENTS: Final = 20
PEOPLE: Final = 10.0
STORM_S: Final = 1.0
PATIENCE_S: Final = 30.0
MASTER: Final = b"a master key of a load test only"
T = TypeVar("T")
VERSION: Final = "9.0"
KEPT: Final = "SELECT count(*) FROM reader_event WHERE tenant_id = ANY($1)"


class Agent(NamedTuple):
    """What a workstation proves itself with."""

    key: ec.EllipticCurvePrivateKey
    certificate: str


@dataclass
class Back:
    """When an agent was due, and in seconds from then when it was known again and when its events were kept; how often it was sent away."""

    due: float
    known: float | None = None
    kept: float | None = None
    failures: int = 0


class Storm(Scenario):
    """Agents come back together."""

    name = "storm"
    says = "300 workstations come back within a second, each with 20 events, while people work"
    centres: ClassVar[int] = 100
    judged = "people"
    apart = True

    async def prepare(self) -> None:
        """Enrol the workstations."""
        assert self.town.place is not None
        settings, self.came = Settings(data_dir=self.town.place.folder), list[Back]()
        self.pepper, self.authority = secret(settings, "api_keys"), open_authority(settings.data_dir)
        self.pool = await pools.create(self.town.place.app_dsn, 2)
        try:
            self.agents = [await self._enrolled(desk) for desk in self.town.desks for _ in range(AGENTS_EACH)]
        finally:
            await self.pool.close()
        self.before = await counted(self.town, KEPT)

    async def _enrolled(self, desk: Desk) -> Agent:
        tenant, now, key = TenantId(desk.centre.tenant), system_clock(), new_key()
        context = without_key(tenant, desk.centre.finess, Keyring(MASTER).of(tenant), now, "load test")
        async with transaction(self.pool, tenant) as con:
            made = await service.make_code(con, context, CodeAsked(desk="Accueil"), "test", self.pepper)
        assert made.code is not None
        asked = wire.EnrolAsked(code=made.code, csr=request_for(key))
        return Agent(key, (await service.enrol(self.pool, asked, self.authority, self.pepper, now)).certificate)

    def visits(self) -> list[Visit]:
        """Let people come as on any day."""
        return ordinary(self.draw, self.town.desks, PEOPLE * self.asked.load, self.asked.seconds, "people")

    async def beside(self) -> None:
        """Let every agent connect within a second of the end of the warm-up, and stay until the end, or for a while."""
        began = time.perf_counter()
        timeout = aiohttp.ClientTimeout(total=None, connect=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            dues = [began + self.asked.warm_s + self.draw.uniform(0, STORM_S) for _ in self.agents]
            ends = began + self.asked.seconds
            self.came = await asyncio.gather(*(self._back(session, *one, ends) for one in zip(self.agents, dues, strict=True)))

    async def _back(self, session: aiohttp.ClientSession, agent: Agent, due: float, ends: float) -> Back:
        """Come back as an agent does: who is sent away waits, longer each time, and tries again."""
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        back = Back(due)
        while back.kept is None and time.perf_counter() < due + PATIENCE_S:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._connected(session, agent, back, ends)
            except (aiohttp.ClientError, TimeoutError, ConnectionError, TypeError):
                await asyncio.sleep(pause(back.failures))
                back.failures += 1
        return back

    async def _connected(self, session: aiohttp.ClientSession, agent: Agent, back: Back, ends: float) -> None:
        target = self.town.target
        async with session.ws_connect(f"http://{target.host}:{target.port}{wire.PATH}") as ws:
            challenge = await _next(ws, wire.Challenge)
            signature = agent.key.sign(wire.PURPOSE + challenge.nonce, ec.ECDSA(hashes.SHA256()))
            await _send(ws, wire.Proof(certificate=agent.certificate, signature=signature, version=VERSION))
            welcome = await _next(ws, wire.Welcome)
            back.known = back.known or time.perf_counter() - back.due
            if news := _happened()[welcome.received :]:
                await _send(ws, wire.Events(events=news))
                await _next(ws, wire.Received)
            back.kept = time.perf_counter() - back.due
            await asyncio.sleep(max(min(ends - time.perf_counter(), PATIENCE_S / 2), 0))

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Every agent is known again and what it had to say is kept once; people were served."""
        known = [one.known for one in self.came if one.known is not None]
        kept = [one.kept for one in self.came if one.kept is not None]
        events = await counted(self.town, KEPT) - self.before
        half, last = percentile(known, 0.5), percentile(known, 1)
        away = sum(one.failures for one in self.came)
        told = f"{len(known)} of {len(self.agents)}, half after {half:.2f} s, the last after {last:.2f} s; {away} times one was sent away"
        once = len(kept) == len(self.agents) and events == EVENTS * len(self.agents)
        return [
            Proof("every agent is known again", len(known) == len(self.agents), told),
            Proof("what they had to say is kept, once", once, f"{events} of {EVENTS * len(self.agents)} events"),
            undisturbed(samples, "people"),
        ]


def _happened() -> tuple[wire.EventTold, ...]:
    kinds: list[wire.EventKind] = ["reader_added"]
    while len(kinds) < EVENTS:
        kinds.append("card_removed" if kinds[-1] == "card_inserted" else "card_inserted")
    now = system_clock()
    return tuple(wire.EventTold(number=number, kind=kind, at=now, reader="Lecteur 1") for number, kind in enumerate(kinds, 1))


async def _next(ws: aiohttp.ClientWebSocketResponse, kind: type[T]) -> T:
    said = wire.from_service.decode(await ws.receive_str())
    if not isinstance(said, kind):
        raise ConnectionError(f"the service says something else than {kind.__name__}")
    return said


async def _send(ws: aiohttp.ClientWebSocketResponse, said: wire.FromAgent) -> None:
    await ws.send_str(wire.encode(said).decode())
