# SPDX-License-Identifier: Apache-2.0
"""What a scenario is: who comes when, what happens beside it, and what must be true afterwards."""

import abc
import random
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from desmos_fast.base.errors import OutsideFailed
from loadtests.scenarios.driver import Visit
from loadtests.scenarios.figures import Aim, Figures, Sample
from loadtests.scenarios.town import Town

PREPARED_S: Final = 60.0


@dataclass(frozen=True)
class Asked:
    """How a scenario is played; `load` multiplies how many come, without more centres than `scale` says."""

    scale: float = 1.0
    seconds: float = 60.0
    warm_s: float = 5.0
    seed: int = 1
    load: float = 1.0

    @property
    def draw(self) -> random.Random:
        """Return a source of chance that is the same for the same seed."""
        return random.Random(f"arrivals {self.seed}")


class Unprepared(OutsideFailed):
    """The service refused what must be there before a scenario begins."""

    code = "outside_failed"


class Proof(msgspec.Struct, frozen=True):
    """Something that must be true after a scenario, and what was seen."""

    name: str
    holds: bool
    said: str


class Scenario(abc.ABC):
    """One scenario; `judged` is the group whose requests are held against the aims, everybody's when it is empty."""

    name: ClassVar[str]
    says: ClassVar[str]
    centres: ClassVar[int]
    fewest: ClassVar[int] = 1
    judged: ClassVar[str] = ""
    # It needs a database and processes of its own: it breaks them, or looks into them.
    apart: ClassVar[bool] = False

    def __init__(self, town: Town, asked: Asked) -> None:
        self.town, self.asked, self.draw = town, asked, asked.draw

    async def prepare(self) -> None:  # noqa: B027  # most need nothing
        """Put there what must be there before the first visit; not timed."""

    async def must(self, request: bytes) -> bytes:
        """Ask for what no scenario goes without, and return the answer. Raises Unprepared."""
        status, body = await self.town.target.ask(request, PREPARED_S)
        if status not in (200, 201):
            raise Unprepared(f"{status}: {body[:300].decode(errors='replace')}")
        return body

    @abc.abstractmethod
    def visits(self) -> list[Visit]:
        """Return who comes, and when."""

    async def beside(self) -> None:  # noqa: B027  # most need nothing
        """Do what happens meanwhile, for as long as the scenario takes."""

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Say what must be true now, and whether it is."""
        return []


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a scenario; times in milliseconds."""

    scenario: str
    says: str
    day: str
    seed: int
    scale: float
    load: float
    centres: int
    seconds: float
    warm_s: float
    late_p99: float
    total: Figures
    actions: dict[str, Figures]
    groups: dict[str, Figures]
    judged: str
    aims: list[Aim]
    proofs: list[Proof]

    @property
    def holds(self) -> bool:
        """Say whether every aim is reached and every proof holds."""
        return all(aim.met for aim in self.aims) and all(proof.holds for proof in self.proofs)
