# SPDX-License-Identifier: Apache-2.0
"""A day that is disturbed: when which process is killed, drawn from a seed over the stages of an undisturbed day."""

import asyncio
import io
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from desmos_fast.client import Client
from desmos_fast.demo import flow
from desmos_fast.demo.desk import Desk
from desmos_fast.demo.flow import Plan, Played
from desmos_fast.demo.house import House
from desmos_fast.demo.model import Stage
from desmos_fast.demo.show import Step, Watch

PATIENCE_S: Final = 60.0
# What the day does alone (inventing, simulating) needs nobody that could be killed; at its very end nothing is left to lose.
SERVED: Final = (
    "Factures signées", "Lots construits", "Fichiers remis aux payeurs", "ARL importés", "Retours RSP importés",
    "Relevés bancaires importés", "Rapprochement",
)  # fmt: skip
SENDING: Final = ("Lots construits", "Fichiers remis aux payeurs")
NEAR_THE_END: Final = 0.7
"""The last part of a stage is left alone: a run may be faster than the one it was measured in, and a kill after the day says nothing."""


class Kill(NamedTuple):
    """One kill: in which stage, how many seconds after its start, and of whom."""

    stage: str
    after_s: float
    victim: str


class Followed(Watch):
    """Tells in which stage the day is, and since when."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.begun: dict[str, asyncio.Event] = {name: asyncio.Event() for name in SERVED}

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Step]:
        """Run one stage as the demo does."""
        if name in self.begun:
            self.begun[name].set()
        with super().stage(name, total, unit) as step:
            yield step


def draw(rng: random.Random, stages: Sequence[Stage], count: int) -> list[Kill]:
    """Draw `count` kills in their order: any stage, any moment of the time that it took undisturbed; the worker where it has work."""
    seconds = {stage.name: stage.seconds for stage in stages if stage.name in SERVED}
    kills = []
    for _ in range(count):
        stage = rng.choice(SERVED)
        victims = ("service", "worker", "both") if stage in SENDING else ("service", "both")
        kills.append(Kill(stage, rng.uniform(0.0, NEAR_THE_END * seconds[stage]), rng.choice(victims)))
    return sorted(kills, key=lambda kill: (SERVED.index(kill.stage), kill.after_s))


async def play(house: House, plan: Plan, key: str, watch: Watch) -> Played:
    """Play a day, waiting for whoever is away."""
    async with Client(house.url, key, timeout_s=20.0) as client:
        return await flow.play(plan, Desk(client, PATIENCE_S), house.letterbox, house.data_dir / "copies", watch, lambda: None)


async def disturbed(house: House, plan: Plan, key: str, kills: Sequence[Kill]) -> tuple[Played, int]:
    """Play a day while `kills` happen; return what it came to, and how many of them happened before its end."""
    watch = Followed()
    day = asyncio.create_task(play(house, plan, key, watch))
    done = asyncio.create_task(_kill_all(house, watch, kills, day))
    try:
        return await day, await done
    finally:
        day.cancel()
        done.cancel()
        await asyncio.gather(day, done, return_exceptions=True)


async def _kill_all(house: House, watch: Followed, kills: Sequence[Kill], day: "asyncio.Task[Played]") -> int:
    before: Kill | None = None
    for number, kill in enumerate(kills):
        begun = asyncio.create_task(watch.begun[kill.stage].wait())
        await asyncio.wait([begun, day], return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        await asyncio.sleep(kill.after_s - (before.after_s if before is not None and before.stage == kill.stage else 0.0))
        if day.done():
            return number
        await asyncio.to_thread(strike, house, kill.victim)
        before = kill
    return len(kills)


def strike(house: House, victim: str) -> None:
    """Kill a process as a power cut would, and start it again."""
    if victim != "worker":
        house.service.kill()
    if victim != "service":
        house.worker.kill()
    if victim != "worker":
        house.start_service()
    if victim != "service":
        house.worker.start()


def centre(house: House, finess: str) -> str:
    """Register a centre and return its key."""
    house.command("centre", "add", finess, "--name", "CENTRE DE SANTE DES PANNES")
    return house.command("key", "new", finess, "--kind", "test").strip()


def outcome(day: Played) -> dict[str, object]:
    """Return all that a day came to, without the ids and times that are new each time."""
    files = [
        (file.name, file.sequence, file.sha256, [msgspec.structs.replace(lot, id=None) for lot in file.lots]) for file in day.built.files
    ]
    views = [(view.number, view.state, [(one.part, one.state, one.announced, one.credited) for one in view.shares]) for view in day.views]
    return {
        "numbers": sorted(day.signed.ids), "refused": len(day.signed.refused), "files": files, "shares": day.built.shares,
        "answers": [one.answers for one in day.answered], "rules": day.run.rules, "lines": day.run.lines, "credits": day.run.credits,
        "dashboard": msgspec.structs.replace(day.dashboard, at=None),
        "views": views,
    }  # fmt: skip
