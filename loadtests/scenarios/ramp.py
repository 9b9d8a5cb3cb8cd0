# SPDX-License-Identifier: Apache-2.0
"""Where a scenario breaks: the load is doubled until an aim is missed, or halved until all are met, and then the gap is halved."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from loadtests.scenarios.model import Asked, Result, Scenario
from loadtests.scenarios.play import played
from loadtests.scenarios.town import Town

DOUBLINGS: Final = 10
HALVINGS: Final = 3


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """The loads that were tried, in the order of the load, and the point of saturation: the last that held, and what gave way above it."""

    scenario: str
    says: str
    steps: list[Result]
    held: float | None
    held_per_s: float | None
    broke: float | None
    missed: list[str]

    @property
    def holds(self) -> bool:
        """Say whether some load was held; that one was missed is what is looked for."""
        return self.held is not None

    @property
    def said(self) -> str:
        """Say where it is in words."""
        if self.broke is None:
            return f"saturation: not reached; load {self.held:g} is held at {self.held_per_s:g} good answers a second"
        why = ", ".join(self.missed)
        if self.held is None:
            return f"saturation: below load {self.broke:g} ({why})"
        return f"saturation: load {self.held:g} is held at {self.held_per_s:g} good answers a second; at {self.broke:g} gives way: {why}"


async def ramp(kind: type[Scenario], town: Town, asked: Asked, told: Callable[[Result], None] = lambda _: None) -> Ramp:
    """Play a scenario at higher and higher loads."""
    steps: list[Result] = []

    async def held(load: float) -> bool:
        # Another seed at each load: the same arrivals squeezed together would be no other draw.
        result, _ = await played(kind, town, replace(asked, load=load, seed=asked.seed + len(steps)))
        steps.append(result)
        told(result)
        return all(aim.met for aim in result.aims)

    load, low, high = asked.load, None, None
    for _ in range(DOUBLINGS):
        if await held(load):
            low, load = load, load * 2
        else:
            high, load = load, load / 2
        if low is not None and high is not None:
            break
    if high is not None and low is not None:
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if await held(middle) else (low, middle)
    return found(kind, steps, low, high)


def found(kind: type[Scenario], steps: list[Result], low: float | None, high: float | None) -> Ramp:
    """Say where the point of saturation is, of loads that were tried."""
    by_load = {step.load: step for step in steps}
    return Ramp(
        scenario=kind.name, says=kind.says, steps=sorted(steps, key=lambda step: step.load), held=low,
        held_per_s=None if low is None else by_load[low].total.goodput_per_s, broke=high,
        missed=[] if high is None else [aim.name for aim in by_load[high].aims if not aim.met],
    )  # fmt: skip
