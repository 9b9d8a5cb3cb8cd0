# SPDX-License-Identifier: Apache-2.0
"""One transaction from outside, as a centre makes it: an invoice tried, the lots it would be in looked at, and now and then one signed."""

import datetime
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from desmos_fast.base.clock import Clock, paris_date
from desmos_fast.base.errors import DesmosError, OutsideFailed
from desmos_fast.billing.model import Invoice
from desmos_fast.client import Client
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.world import World

# What a person at a desk would not wait for longer is no service (2 s for each of the steps is the contract's measure).
SLOW_S: Final = 2.0
# Two of three make an outage: one lost answer does not.
LAST: Final = 3
RED: Final = 2
EPOCH: Final = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


class Kept(msgspec.Struct):
    """What the probe reads of an answer that names an invoice."""

    id: str
    number: int


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round: whether all of it was good, how long each step took in seconds, and the code of what was not."""

    good: bool
    steps: dict[str, float]
    fault: str | None = None


class Probe:
    """Asks one centre, whose key accepts only synthetic people; every `sign_every` rounds an invoice is signed for good."""

    def __init__(self, client: Client, finess: str, clock: Clock, *, seed: int = 0, sign_every: int = 15) -> None:
        self._client = client
        self._world = World(seed, finess=finess)
        self._clock = clock
        self._sign_every = sign_every
        self._rounds = self._number = 0
        self._outcomes: list[bool] = []

    @property
    def failing(self) -> bool:
        """Say whether two of the last three rounds were bad."""
        return self._outcomes.count(False) >= RED

    async def round(self) -> Round:
        """Make one round; whatever goes wrong is told, not raised."""
        steps: dict[str, float] = {}
        fault = None
        try:
            invoice = self._invoice()
            await self._step(steps, "try", lambda: self._try(invoice))
            await self._step(steps, "preview", self._preview)
            if self._rounds % self._sign_every == 0:
                await self._step(steps, "sign", lambda: self._sign(invoice))
        except DesmosError as error:
            fault = error.code
        self._rounds += 1
        if fault is None and max(steps.values()) > SLOW_S:
            fault = "slow"
        self._outcomes = [*self._outcomes, fault is None][-LAST:]
        return Round(good=fault is None, steps=steps, fault=fault)

    def _invoice(self) -> Invoice:
        now = self._clock()
        # The second as a number, which lasts until 2055: this probe, started again a second later, takes none twice.
        second = int((now - EPOCH).total_seconds())
        self._number = max(second, self._number + 1)
        return next(Day(self._world, paris_date(now)).invoices(1, self._number))

    async def _step(self, steps: dict[str, float], name: str, call: Callable[[], Awaitable[None]]) -> None:
        started = time.perf_counter()
        try:
            await call()
        finally:
            steps[name] = time.perf_counter() - started

    async def _try(self, invoice: Invoice) -> None:
        await self._client.send("POST", "/v1/invoices", body=line(invoice), query={"validate_only": "true"})

    async def _preview(self) -> None:
        await self._client.send("POST", "/v1/lots:preview", body=b"{}")

    async def _sign(self, invoice: Invoice) -> None:
        made = await self._client.post("/v1/invoices", Kept, body=line(invoice), key=f"probe-{invoice.number}")
        seen = await self._client.get(f"/v1/invoices/{made.id}", Kept)
        if seen.number != invoice.number:
            raise OutsideFailed("the invoice that was signed is not the one that is shown")
