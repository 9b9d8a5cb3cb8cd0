# SPDX-License-Identifier: Apache-2.0
"""A noisy neighbour: one centre sends far more than its share, and the others must not feel it."""

from typing import ClassVar, Final

from loadtests.scenarios import arrivals
from loadtests.scenarios.driver import Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed

FLOOD: Final = 1000.0
QUIET: Final = 10.0


class Neighbour(Scenario):
    """One centre floods."""

    name = "neighbour"
    says = "one centre sends invoices at 1,000 a second, the others ask as ever"
    centres: ClassVar[int] = 20
    fewest = 2
    judged = "quiet"

    def visits(self) -> list[Visit]:
        """Let the first centre flood from the end of the warm-up on, beside the others."""
        asked, (noisy, *quiet) = self.asked, self.town.desks
        rate = FLOOD * asked.scale * asked.load
        times = arrivals.steady(self.draw, rate, asked.seconds - asked.warm_s)
        flood = [Visit(asked.warm_s + due, "noisy", [noisy.sign()]) for due in times]
        return flood + ordinary(self.draw, quiet, QUIET, asked.seconds, "quiet")

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Nobody but the noisy one was refused."""
        return [undisturbed(samples, "quiet")]
