# SPDX-License-Identifier: Apache-2.0
"""What goes on in a centre on any day: the ones whom nothing else that happens may hold."""

import random
from collections.abc import Sequence

from loadtests.scenarios import arrivals
from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Proof
from loadtests.scenarios.town import Desk, spread

THINK_S = 0.5


def ordinary(draw: random.Random, desks: Sequence[Desk], rate: float, seconds: float, group: str) -> list[Visit]:
    """Let people come to some centres at a rate: half to be billed, the others to look at figures and at what waits."""
    pick = spread(draw, list(desks))
    return [Visit(due, group, _steps(draw, pick())) for due in arrivals.steady(draw, rate, seconds)]


def _steps(draw: random.Random, desk: Desk) -> list[Step]:
    think = arrivals.thinking(draw, THINK_S)
    if draw.random() < 0.5:
        return [desk.sign(), desk.shown(think)]
    return [desk.get("dashboard", "/v1/dashboard"), desk.get("rejects", "/v1/rejects?limit=50", think)]


def undisturbed(samples: Sequence[Sample], group: str) -> Proof:
    """Say whether everybody of a group was answered as asked."""
    some = [sample for sample in samples if sample.group == group]
    failed = [sample.outcome for sample in some if sample.outcome]
    said = f"{len(some)} requests, {len(failed)} failed" + (f": {', '.join(sorted(set(failed)))}" if failed else "")
    return Proof(f"no request of {group} failed", bool(some) and not failed, said)
