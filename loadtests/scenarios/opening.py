# SPDX-License-Identifier: Apache-2.0
"""Monday morning: 300 centres open within minutes, and their first patients stand at the desks."""

from typing import ClassVar, Final

from loadtests.scenarios import arrivals
from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.looking import INVOICES, counted, signed_once
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.town import Desk, spread

DESKS: Final = 3
# Half of the desks that are still closed open in this share of the time.
HALF: Final = 0.12
# Patients a second of one centre: one a minute, the rate of a full waiting room.
PATIENTS: Final = 1 / 60
PAYS: Final = 0.4
THINK_S: Final = 1.5


class Opening(Scenario):
    """Monday morning."""

    name = "opening"
    says = "Monday morning: every desk of every centre opens at once, then patients come"
    centres: ClassVar[int] = 300

    def visits(self) -> list[Visit]:
        """Open the desks, and let patients come."""
        asked, draw = self.asked, self.draw
        many = round(len(self.town.desks) * DESKS * asked.load)
        doors = arrivals.opening(many, asked.seconds * HALF, draw, asked.seconds)
        opened = [Visit(due, "desks", self._morning(self.town.desks[rank % len(self.town.desks)])) for rank, due in enumerate(doors)]
        pick = spread(draw, self.town.desks)
        come = arrivals.steady(draw, len(self.town.desks) * PATIENTS * asked.load, asked.seconds)
        return opened + [Visit(due, "patients", self._patient(pick())) for due in come]

    def _think(self) -> float:
        return arrivals.thinking(self.draw, THINK_S)

    def _morning(self, desk: Desk) -> list[Step]:
        looks = (
            ("dashboard", "/v1/dashboard"), ("readers", "/v1/readers"), ("rejects", "/v1/rejects?limit=50"), ("till", "/v1/till"),
            ("incidents", "/v1/incidents"),
        )  # fmt: skip
        return [desk.get(action, path, self._think() if rank else 0.0) for rank, (action, path) in enumerate(looks)]

    def _patient(self, desk: Desk) -> list[Step]:
        steps = [desk.quote(), desk.sign(self._think()), desk.shown(self._think())]
        return [*steps, desk.pay(self.draw, self._think())] if self.draw.random() < PAYS else steps

    async def prepare(self) -> None:
        """Count what is there."""
        self.before = await counted(self.town, INVOICES) if self.town.place else 0

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Every invoice that was answered is there, once."""
        return [await signed_once(self.town, samples, self.before)] if self.town.place else []
