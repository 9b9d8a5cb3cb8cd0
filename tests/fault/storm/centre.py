# SPDX-License-Identifier: Apache-2.0
"""The centre of the storm: it signs, builds, brings answers back, tries again under the same key, and writes down what it was told."""

import asyncio
import hashlib
import random
import signal
from typing import Any, Final

import aiohttp
import msgspec
import orjson

from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from desmos_fast.simulator.codec import read_claims, write_arl
from desmos_fast.simulator.concentrator import answer
from desmos_fast.simulator.model import ClaimLot, Verdict
from tests.api.conftest import GOLDEN, person
from tests.days import today
from tests.fault.storm.house import House
from tests.fault.storm.roles import settings

BUSY: Final = frozenset({429, 502, 503, 504})
RUNNING: Final = b"idempotency_key_running"
PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.05
AT_ONCE: Final = 4
REFUSED_ONE_IN: Final = 8
NAMES: Final = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart")
# A worker says that jobs are done a moment after they are: they are waited for too.
OPEN: Final = """
    SELECT (SELECT count(*) FROM file WHERE state NOT IN ('acknowledged', 'cancelled'))
         + (SELECT count(*) FROM share WHERE flow > 0 AND transport IN ('open', 'lotted', 'sent', 'file_refused'))
         + (SELECT count(*) FROM pgqueuer)
"""
ON_ITS_WAY: Final = "SELECT count(*) FROM file WHERE state IN ('queued', 'sent')"
MOST_ON_ITS_WAY: Final = 150


class Record(msgspec.Struct):
    """What answers of success said: invoices by number, files by id with name and SHA-256, returns; and what was answered to lots."""

    invoices: dict[int, str] = {}
    files: dict[str, tuple[str, str]] = {}
    returns: list[str] = []
    arls: int = 0
    rsps: int = 0
    tries: int = 0
    refused_lots: int = 0


class Centre:
    """One centre that never gives up."""

    def __init__(self, house: House, session: aiohttp.ClientSession, rng: random.Random) -> None:
        self.house = house
        self.session = session
        self.rng = rng
        self.record = Record()
        self.answered: dict[str, bytes] = {}
        self.ending = asyncio.Event()

    async def post(self, path: str, body: bytes) -> Any:
        """Write once in effect: again under the same key until there is an answer; anything but success or `come again` is a fault."""
        headers = {"Authorization": f"Bearer {self.house.key}", "Idempotency-Key": str(uuid7())}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.record.tries += 1
                try:
                    async with self.session.post(self.house.url + path, data=body, headers=headers) as response:
                        said = await response.read()
                        status = response.status
                except (aiohttp.ClientError, TimeoutError):
                    status = 503
                if status in (200, 201):
                    return orjson.loads(said)
                assert status in BUSY or (status == 409 and RUNNING in said), (path, status, said)
                await asyncio.sleep(PAUSE_S)

    async def sign(self) -> None:
        """Sign some invoices, alone or together, unless more is on its way than those who die can follow."""
        async with direct(self.house.owner_dsn, self.house.tenant) as con:
            if await con.fetchval(ON_ITS_WAY) > MOST_ON_ITS_WAY:
                return
        lines = [self._invoice() for _ in range(self.rng.choice((1, 2, 5, 12)))]
        if len(lines) == 1:
            one = await self.post("/v1/invoices", lines[0])
            self.record.invoices[one["number"]] = one["id"]
            return
        said = await self.post("/v1/invoices:batch", b"\n".join(lines))
        assert said["accepted"] == len(lines), said
        self.record.invoices.update({one["number"]: one["id"] for one in said["results"]})

    def _invoice(self) -> bytes:
        one = orjson.loads((GOLDEN / f"{self.rng.choice(NAMES)}.ndjson").read_bytes().splitlines()[0])
        del one["number"]
        return orjson.dumps(one | {"biller": self.house.finess, "insured_nir": person(self.rng.randint(100, 899))})

    async def build(self) -> None:
        """Build what waits."""
        said = await self.post("/v1/lots:build", settings(self.rng))
        self.record.files.update({one["id"]: (one["name"], one["sha256"]) for one in said["files"]})

    async def answer(self) -> None:
        """Bring back the answer to each file that arrived, in any order, now and then one that was brought before."""
        fresh = [name for name in self.house.files() if name not in self.answered]
        again = self.rng.sample(sorted(self.answered), min(len(self.answered), self.rng.randint(0, 1)))
        self.rng.shuffle(fresh)
        names = fresh + again
        for at in range(0, len(names), AT_ONCE):
            await asyncio.gather(*map(self._bring, names[at : at + AT_ONCE]))

    async def _bring(self, name: str) -> None:
        arl = self.answered.get(name) or self._arl(name)
        said = await self.post("/v1/returns", arl)
        self.record.returns.append(said["id"])
        if name not in self.answered and said["refused"] == 0:
            await self._pay(name)
        self.answered[name] = arl

    async def _pay(self, name: str) -> None:
        """Bring the payment orders of a file that its payers took whole."""
        for rsp in answer(self.house.files()[name].read_bytes(), self.house.seed, today()).rsp:
            self.record.rsps += 1
            self.record.returns.append((await self.post("/v1/returns", rsp))["id"])

    async def match(self) -> None:
        """Match what was paid to what was billed."""
        await self.post("/v1/reconciliations", b"")

    def _arl(self, name: str) -> bytes:
        claims = read_claims(self.house.files()[name].read_bytes())
        verdicts = [self._verdict(lot, claims.sequence) for lot in claims.lots]
        self.record.arls += 1
        self.record.refused_lots += sum(not verdict.accepted for verdict in verdicts)
        return write_arl(claims, verdicts, today().isoformat(), claims.sequence)

    def _verdict(self, lot: ClaimLot, sequence: int) -> Verdict:
        return Verdict(lot, True) if accepted(self.house.seed, sequence, lot.number) else Verdict(lot, False, "LT01", 0, "ESSAI")

    async def go_on(self, what: str, longest_s: float) -> None:
        """Do one thing again and again until the end."""
        while not self.ending.is_set():
            await getattr(self, what)()
            await asyncio.sleep(self.rng.uniform(0.0, longest_s))

    async def finish(self) -> None:
        """Build and answer until nothing is open any more."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with direct(self.house.owner_dsn, self.house.tenant) as con:
                    if await con.fetchval(OPEN) == 0:
                        return
                await self.build()
                await self.answer()
                await asyncio.sleep(PAUSE_S)


def accepted(seed: int, sequence: int, lot: int) -> bool:
    """Say whether the payer takes a lot."""
    return hashlib.sha256(f"{seed} {sequence} {lot}".encode()).digest()[0] % REFUSED_ONE_IN != 0


async def centre(house: House, rng: random.Random) -> None:
    """Work until SIGTERM, then until nothing is open, and leave the record."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        one = Centre(house, session, rng)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, one.ending.set)
        does = (("sign", 0.1), ("sign", 0.1), ("build", 0.3), ("answer", 0.2), ("match", 1.0))
        await asyncio.gather(*(one.go_on(what, longest_s) for what, longest_s in does))
        await one.finish()
        await one.match()
        house.record.write_bytes(msgspec.json.encode(one.record))
