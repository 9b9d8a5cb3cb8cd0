# SPDX-License-Identifier: Apache-2.0
"""How right a reconciliation is, measured against the truth of an invented centre."""

from collections import Counter
from typing import NamedTuple

from desmos_fast.settlement.model import Match, Result, Settings
from desmos_fast.settlement.reconcile import reconcile
from tests.generators.labelled import Labelled, Level, labelled


class Judged(NamedTuple):
    """Confirmed records, those that are wrong, those wrong though decidable, those of lines that nothing tells apart; and shares found."""

    confirmed: int
    wrong: int
    wrong_decidable: int
    twins: int
    sums: int
    recall_a: tuple[int, int]
    recall_b: tuple[int, int]
    rules: Counter[str]


def judge(world: Labelled, result: Result) -> Judged:
    """Compare what was confirmed with the truth."""
    confirmed = [match for match in result.matches if match.status == "confirmed"]
    wrong = [match for match in confirmed if not _right(world, match)]
    lines = {match.left[0]: match.right[0] for match in confirmed if match.problem == "A"}
    decidable = {name: part for name, part in world.parts.items() if part is not None and name not in world.doubtful}
    credits = {orders for orders in world.credits.values() if orders is not None}
    found = {frozenset(match.right) for match in confirmed if match.problem == "B"}
    return Judged(
        confirmed=len(confirmed),
        wrong=len(wrong),
        wrong_decidable=sum(match.left[0] not in world.doubtful for match in wrong),
        twins=len(world.twins & lines.keys()),
        sums=sum(match.rule in ("B4", "B4r") and match.left[0] not in world.doubtful for match in wrong),
        recall_a=(sum(lines.get(name) == part for name, part in decidable.items()), len(decidable)),
        recall_b=(len(credits & found), len(credits)),
        rules=Counter(f"{match.rule} {match.status}" for match in result.matches),
    )


def _right(world: Labelled, match: Match) -> bool:
    if match.problem == "A":
        return world.parts[match.left[0]] == match.right[0]
    return world.credits[match.left[0]] == frozenset(match.right)


def judged(seed: int, count: int, level: Level) -> Judged:
    """Invent a centre, match it, compare."""
    world = labelled(seed, count, level)
    return judge(world, reconcile(world.invoices, world.orders, world.bank, world.payers, Settings()))
