# SPDX-License-Identifier: Apache-2.0
"""Month end: every centre builds its last lots, draws its books and looks at what is owed, while patients still come."""

from typing import ClassVar, Final

from desmos_fast.base.clock import paris_date, system_clock
from loadtests.scenarios import arrivals
from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.looking import INVOICES, OPEN, counted
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.scenarios.town import Desk

INVOICES_EACH: Final = 100
PEOPLE: Final = 10.0
THINK_S: Final = 2.0
NDJSON: Final = "application/x-ndjson"


class MonthEnd(Scenario):
    """The last afternoon of a month."""

    name = "month-end"
    says = "100 centres build their lots, draft their books and look at what is owed, while patients come"
    centres: ClassVar[int] = 100
    judged = "people"

    async def prepare(self) -> None:
        """Sign what is to be built, and say whose books they are."""
        for desk in self.town.desks:
            lines = b"\n".join(next(desk.bodies) for _ in range(INVOICES_EACH))
            await self.must(desk.centre.request("/v1/invoices:batch", lines, NDJSON))
            await self.must(desk.centre.put("/v1/accounting/settings", b'{"siren":"123456782"}'))
        self.before = await counted(self.town, INVOICES) if self.town.place else 0

    def visits(self) -> list[Visit]:
        """Let an accountant of each centre begin at some moment of the first two thirds, and people come all the time."""
        asked = self.asked
        ends = [Visit(self.draw.uniform(0, asked.seconds * 2 / 3), "accountants", self._end(desk)) for desk in self.town.desks]
        return ends + ordinary(self.draw, self.town.desks, PEOPLE * asked.load, asked.seconds, "people")

    def _end(self, desk: Desk) -> list[Step]:
        month = paris_date(system_clock()).strftime("%Y-%m")
        looks = (
            ("trial balance", "/v1/ledger/balance?by=payer"), ("what is owed", "/v1/follow-up/outstanding"),
            ("late", "/v1/follow-up/late"), ("ledger", "/v1/ledger/entries"), ("dashboard", "/v1/dashboard"),
        )  # fmt: skip
        steps = [Step("build lots", "bulk", lambda _: desk.centre.request("/v1/lots:build", b"{}"))]
        steps += [desk.get(action, path, arrivals.thinking(self.draw, THINK_S)) for action, path in looks]
        draft = f"/v1/accounting/draft?period={month}&format=fec"
        return [*steps, Step("draft of the books", "bulk", lambda _: desk.centre.get(draft), THINK_S)]

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Every month was ended, nothing that waited when its centre built was left, and the others were served."""
        failed = sum(bool(sample.outcome) for sample in samples if sample.group == "accountants")
        told = [Proof("every centre ended its month", not failed, f"{len(self.town.desks)} centres, {failed} requests failed"),
                undisturbed(samples, "people")]  # fmt: skip
        if self.town.place is not None:
            left, later = await counted(self.town, OPEN), await counted(self.town, INVOICES) - self.before
            # Of those who came after their centre had built, both parts may wait.
            told.append(Proof("what waited is in lots", left <= 2 * later, f"{left} parts wait, {later} invoices were signed meanwhile"))
        return told
