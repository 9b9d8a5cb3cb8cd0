# SPDX-License-Identifier: Apache-2.0
"""Which levels are reached today, and what is put together in one reminder. No input or output."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from desmos_fast.settlement.dunning.reminders.model import RULES, Due, Level
from desmos_fast.settlement.dunning.rules import latest_start
from desmos_fast.settlement.dunning.terms import LEVELS, Terms, kind_of

EVERYONE: Final = ""
_BY_KIND: Final = ("amo", "amc", "patient")


def levels(terms: Terms, today: date) -> list[Level]:
    """Return, for each rule, payer with terms of its own and level, the last day from which the level is reached today."""
    found = []
    for rule in RULES:
        for payer in (None, *sorted(terms.payers)):
            if payer is not None and rule in _BY_KIND and kind_of(payer) != rule:
                continue
            for level in LEVELS:
                count = terms.count(f"reminder.{rule}.{level}", today, payer)
                if count is not None:
                    found.append(Level(rule, payer or EVERYONE, level, latest_start(count, today)))
    return found


def together(due: Iterable[Due]) -> dict[tuple[str, int, str], list[Due]]:
    """Return what is due by rule, level and debtor: one reminder for each."""
    found: dict[tuple[str, int, str], list[Due]] = {}
    for one in due:
        found.setdefault((one.rule, one.level, one.debtor), []).append(one)
    return found
