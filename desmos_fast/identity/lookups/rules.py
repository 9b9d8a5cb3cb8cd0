# SPDX-License-Identifier: Apache-2.0
"""Which looks fit below a ceiling, and when the next span begins. Pure."""

import math
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from desmos_fast.base.clock import PARIS, paris_date
from desmos_fast.identity.lookups.model import Look, Refused, Span


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour of the clock."""
    return at.replace(minute=0, second=0, microsecond=0)


def wait(at: datetime, span: Span) -> int:
    """Return how many whole seconds the next hour, or the next day of Paris, is away."""
    midnight = datetime.combine(paris_date(at) + timedelta(days=1), time(), PARIS)
    begins = midnight if span == "day" else hour_of(at) + timedelta(hours=1)
    return max(1, math.ceil((begins - at).total_seconds()))


def fit(looks: Sequence[Look], in_hour: int, in_day: int) -> list[Refused | None]:
    """Say of each look of one account, in their order, whether it still fits after so many of before."""
    found: list[Refused | None] = []
    for look in looks:
        refused = None
        if in_day + look.items > look.ceiling.day:
            refused = Refused("day", look.ceiling.day)
        elif in_hour + look.items > look.ceiling.hour:
            refused = Refused("hour", look.ceiling.hour)
        else:
            in_hour, in_day = in_hour + look.items, in_day + look.items
        found.append(refused)
    return found
