# SPDX-License-Identifier: Apache-2.0
"""Play one scenario in a town, and put what came of it together."""

import asyncio
from collections.abc import Callable

from desmos_fast.base.clock import paris_date, system_clock
from loadtests.scenarios import driver
from loadtests.scenarios.figures import Sample, aims, apart, figures
from loadtests.scenarios.model import Asked, Result, Scenario
from loadtests.scenarios.town import Town
from loadtests.wire import percentile

Told = Callable[[int, int], None]


async def played(kind: type[Scenario], town: Town, asked: Asked, told: Told = lambda done, of: None) -> tuple[Result, list[Sample]]:
    """Play a scenario; the samples are all of them, those of the warm-up too, which are in no figure."""
    scenario = kind(town, asked)
    await scenario.prepare()
    visits = scenario.visits()
    samples, _ = await asyncio.gather(driver.play(town.target, visits, lambda done: told(done, len(visits))), scenario.beside())
    proofs = await scenario.proofs(samples)
    warm = [sample for sample in samples if sample.due >= asked.warm_s]
    timed_s = max(asked.seconds - asked.warm_s, 1e-9)
    judged = [sample for sample in warm if sample.group == kind.judged] if kind.judged else warm
    result = Result(
        scenario=kind.name, says=kind.says, day=paris_date(system_clock()).isoformat(), seed=asked.seed, scale=asked.scale, load=asked.load,
        centres=len(town.desks), seconds=asked.seconds, warm_s=asked.warm_s,
        late_p99=round(percentile([sample.late for sample in warm], 0.99) * 1000, 1) if warm else 0.0, total=figures(warm, timed_s),
        actions=apart(warm, "action", timed_s), groups=apart(warm, "group", timed_s), judged=kind.judged, aims=aims(judged), proofs=proofs,
    )  # fmt: skip
    return result, samples
