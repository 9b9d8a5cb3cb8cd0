# SPDX-License-Identifier: Apache-2.0
"""A centre that joins brings its year: a hundred thousand invoices by batches of a thousand, while the others work."""

from typing import ClassVar, Final

from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.looking import INVOICES, counted
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.served import Centre

INVOICES_OF_A_YEAR: Final = 100_000
BATCH: Final = 1000
STREAMS: Final = 2
PEOPLE: Final = 10.0
NDJSON: Final = "application/x-ndjson"


class Year(Scenario):
    """A year in bulk beside the others."""

    name = "year"
    says = "one centre imports its year in batches of 1,000 over two connections, the others ask as ever"
    centres: ClassVar[int] = 20
    fewest = 2
    judged = "people"

    async def prepare(self) -> None:
        """Make the batch; each is sent under a key of its own, and its invoices get numbers of their own."""
        centre = self.town.desks[0].centre
        self.batches = max(round(INVOICES_OF_A_YEAR * self.asked.scale / BATCH), STREAMS)
        self.lines = b"\n".join(centre.invoices(BATCH)) + b"\n"
        self.before = await self._kept() if self.town.place else 0

    async def _kept(self) -> int:
        return await counted(self.town, INVOICES)

    def visits(self) -> list[Visit]:
        """Let the year come from the end of the warm-up on, each connection a batch after the other."""
        newcomer, *others = self.town.desks
        steps = [self._batch(newcomer.centre) for _ in range(self.batches)]
        bulk = [Visit(self.asked.warm_s, "newcomer", steps[rank::STREAMS]) for rank in range(STREAMS)]
        return bulk + ordinary(self.draw, others, PEOPLE * self.asked.load, self.asked.seconds, "people")

    def _batch(self, centre: Centre) -> Step:
        return Step("import 1,000 invoices", "bulk", lambda _: centre.request("/v1/invoices:batch", self.lines, NDJSON))

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Every line is kept once, and the others were served."""
        batches = [sample for sample in samples if sample.kind == "bulk"]
        imported = BATCH * sum(not sample.outcome for sample in batches)
        took_s = max(sample.due + sample.seconds for sample in batches) - self.asked.warm_s
        told = [
            Proof("the whole year is imported", imported == BATCH * self.batches, f"{imported} invoices, {imported / took_s:.0f} a second"),
            undisturbed(samples, "people"),
        ]  # fmt: skip
        if self.town.place is not None:
            signed = sum(sample.action == "sign an invoice" and not sample.outcome for sample in samples)
            kept = await self._kept() - self.before
            told.append(
                Proof("every line is kept once", kept == imported + signed, f"{kept} kept of {imported} imported and {signed} signed")
            )
        return told
