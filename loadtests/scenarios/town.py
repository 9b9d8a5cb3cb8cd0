# SPDX-License-Identifier: Apache-2.0
"""Who asks, and the service that they ask: one that is started here over a database of its own, or somebody else's."""

import contextlib
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from desmos_fast.base.errors import InvalidInput
from loadtests.scenarios.driver import Make, Step, Target
from loadtests.served import SERVE, Centre, Place, Service

# Bodies that one centre has; each is sent under another key and gets another number.
BODIES: Final = 20
FOREIGN: Final = UUID(int=0)


@dataclass
class Desk:
    """A centre and the invoices that it has ready."""

    centre: Centre
    bodies: Iterator[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.bodies = itertools.cycle(self.centre.invoices(BODIES))

    def get(self, action: str, path: str, think_s: float = 0.0) -> Step:
        """Look something up."""
        return Step(action, "read", lambda _: self.centre.get(path), think_s)

    def post(self, action: str, path: str, body: bytes, think_s: float = 0.0) -> Step:
        """Write something."""
        return Step(action, "write", lambda _: self.centre.request(path, body), think_s)

    def quote(self, think_s: float = 0.0) -> Step:
        """Ask what the next invoice would cost: nothing is kept of it."""
        return Step("quote", "read", lambda _: self.centre.request("/v1/quotes", next(self.bodies)), think_s)

    def sign(self, think_s: float = 0.0) -> Step:
        """Sign an invoice."""
        return Step("sign an invoice", "write", lambda _: self.centre.request("/v1/invoices", next(self.bodies)), think_s)

    def pay(self, draw: random.Random, think_s: float = 0.0) -> Step:
        """Take what a patient pays."""
        body = orjson.dumps({"means": draw.choice(("cash", "card", "cheque")), "amount": draw.randint(200, 9000)})
        return self.post("take a payment", "/v1/payments", body, think_s)

    def shown(self, think_s: float = 0.0) -> Step:
        """Look at the invoice that was signed in the step before."""
        return Step("show the invoice", "read", self._shown(), think_s)

    def _shown(self) -> Make:
        return lambda answer: self.centre.get(f"/v1/invoices/{orjson.loads(answer)['id']}")


@dataclass
class Town:
    """The centres that ask, and where; `place` is None where the service is somebody else's."""

    target: Target
    desks: list[Desk]
    place: Place | None


@contextlib.contextmanager
def own(place: Place, processes: int) -> Iterator[Target]:
    """Start a service over a database."""
    with Service(place, *SERVE[: SERVE.index("--processes")], "--processes", str(processes), "--log-level", "warning") as service:
        yield Target(service.port, pid=service.pid)


def foreign(url: str, keys: Path, count: int) -> Town:
    """Return the town of a service that runs: `keys` has a line `FINESS KEY` for each of its centres, of which `count` are taken.

    Raises InvalidInput.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise InvalidInput("the service is not named as http://HOST:PORT", hint="TLS ends at the proxy: measure the service behind it")
    lines = [line.split() for line in keys.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines or any(len(line) != 2 or not line[1].startswith("dsf_test_") for line in lines):
        raise InvalidInput("the file of keys has a line `FINESS KEY` for each centre, and keys of the kind test alone")
    desks = [Desk(Centre(FOREIGN, finess, key)) for finess, key in lines[:count]]
    return Town(Target(parts.port or 80, parts.hostname), desks, None)


def spread(draw: random.Random, desks: list[Desk]) -> Callable[[], Desk]:
    """Return what picks a centre: large ones oftener, as in life (the size of the n-th falls with the root of n)."""
    weights = list(itertools.accumulate((rank + 1) ** -0.5 for rank in range(len(desks))))
    return lambda: draw.choices(desks, cum_weights=weights)[0]
