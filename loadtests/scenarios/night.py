# SPDX-License-Identifier: Apache-2.0
"""Reconciliation night: what the payers and the banks of every centre say comes in within minutes, and all of it is matched."""

import datetime
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec
import orjson

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.simulator import folder
from desmos_fast.simulator.concentrator import answer
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.model import Answers
from desmos_fast.simulator.world import World
from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.looking import LEDGER, counted
from loadtests.scenarios.model import Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.scenarios.town import Desk
from loadtests.served import Centre

INVOICES: Final = 200
BYTES: Final = "application/octet-stream"
PEOPLE: Final = 5.0
SEED: Final = 7


@dataclass(frozen=True)
class Awaited:
    """What comes back to a centre, and what it says."""

    centre: Centre
    answers: tuple[Answers, ...]


class Night(Scenario):
    """Every centre's returns and statements in one night."""

    name = "night"
    says = "the returns and statements of 100 centres come in and are matched, some people still work"
    centres: ClassVar[int] = 100
    judged = "people"

    async def prepare(self) -> None:
        """Sign the day of each centre, build its files and have the payers answer them."""
        self.day = paris_date(system_clock())
        self.awaited = [await self._awaited(desk) for desk in self.town.desks]

    async def _awaited(self, desk: Desk) -> Awaited:
        centre, world = desk.centre, World(SEED, finess=desk.centre.finess)
        lines = []
        for invoice in Day(world, self.day).invoices(INVOICES):
            shown = orjson.loads(line(invoice))
            del shown["number"]
            lines.append(orjson.dumps(shown))
        await self.must(centre.request("/v1/invoices:batch", b"\n".join(lines), "application/x-ndjson"))
        settings = folder.settings_of(world, self.day, INVOICES)
        built = await self.must(centre.request("/v1/lots:build", orjson.dumps({"routing": settings.routing})))
        contents = [await self.must(centre.get(f"/v1/files/{file['id']}/content")) for file in orjson.loads(built)["files"]]
        return Awaited(centre, tuple(_chained(contents, self.day)))

    def visits(self) -> list[Visit]:
        """Let each centre's answers come in at some moment of the first two thirds, each file when the one before is in."""
        asked = self.asked
        return self.nights() + ordinary(self.draw, self.town.desks, PEOPLE * asked.load, asked.seconds, "people")

    def nights(self) -> list[Visit]:
        """Return the night of each centre."""
        return [Visit(self.draw.uniform(0, self.asked.seconds * 2 / 3), "night", self._night(one)) for one in self.awaited]

    def _night(self, awaited: Awaited) -> list[Step]:
        def bring(action: str, path: str, data: bytes) -> Step:
            return Step(action, "bulk", lambda _: awaited.centre.request(path, data, BYTES))

        steps = [bring("import an ARL", "/v1/returns", arl) for answers in awaited.answers for arl in answers.arl]
        steps += [bring("import an RSP", "/v1/returns", rsp) for answers in awaited.answers for rsp in answers.rsp]
        steps += [bring("import a statement", "/v1/bank-statements", answers.bank) for answers in awaited.answers]
        return [*steps, Step("reconcile", "bulk", lambda _: awaited.centre.request("/v1/reconciliations", b"{}"))]

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """Every cent that was announced and credited is in the books of its centre, and the books are level."""
        nights = [sample for sample in samples if sample.group == "night"]
        failed = sum(bool(sample.outcome) for sample in nights)
        took_s = max(sample.due + sample.seconds for sample in nights) - min(sample.due for sample in nights)
        wrong = [name for one in self.awaited for name in _differences(one, await self._dashboard(one.centre))]
        shares = sum(len(answers.truth) for one in self.awaited for answers in one.answers)
        told = [
            Proof("every night was played to its end", not failed, f"{len(nights)} files and runs, {failed} failed, {took_s:.1f} s in all"),
            Proof("the books are what payers and banks said", not wrong,
                  f"{shares} shares of {len(self.awaited)} centres; {len(wrong)} differences {' '.join(wrong[:3])}".rstrip()),
            undisturbed(samples, "people"),
        ]  # fmt: skip
        if self.town.place is not None:
            total = await counted(self.town, LEDGER)
            told.append(Proof("the ledger is level", total == 0, f"its lines sum to {total}"))
        return told

    async def _dashboard(self, centre: Centre) -> Dashboard:
        return msgspec.json.decode(await self.must(centre.get("/v1/dashboard")), type=Dashboard)


def _chained(contents: list[bytes], day: datetime.date) -> list[Answers]:
    """Have the files of a centre answered, each statement beginning where the one before ended."""
    answers: list[Answers] = []
    for content in contents:
        answers.append(answer(content, SEED, day, opening=answers[-1].closing if answers else None))
    return answers


def _differences(awaited: Awaited, shown: Dashboard) -> list[str]:
    credited = sum(credit.amount for answers in awaited.answers for credit in answers.credits)
    announced = sum(order.total for answers in awaited.answers for order in answers.orders)
    matched = sum(payer.announced for payer in shown.payers) + shown.order_lines_unmatched.cents
    told = {"credited": (credited, shown.ledger.balances.get("banque", 0)), "announced": (announced, matched)}
    return [f"{awaited.centre.finess}: {name} {true}, kept {kept}" for name, (true, kept) in told.items() if true != kept]
