# SPDX-License-Identifier: Apache-2.0
"""Which option a route belongs to, and whether a centre has it on a day. Pure."""

import csv
import functools
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import Final

from desmos_fast.base.errors import OurBug
from desmos_fast.identity.options.model import Option, OptionShown, Turn

_SAID: Final = {"yes": True, "no": False}


def read(lines: Iterable[str]) -> Mapping[str, Option]:
    """Return the options of a table. Raises OurBug for one that is not sound."""
    found = {}
    for row in csv.DictReader(lines):
        routes = tuple(row["routes"].split())
        if row["subscribed"] not in _SAID or not routes or not row["title_fr"] or row["option"] in found:
            raise OurBug(f"the row of the option {row['option']} is not sound")
        found[row["option"]] = Option(row["option"], _SAID[row["subscribed"]], row["title_en"], row["title_fr"], routes)
    return found


def _load() -> Mapping[str, Option]:
    with (files("desmos_fast.identity") / "options.csv").open(encoding="utf-8") as table:
        return read(table)


OPTIONS: Final = _load()


@functools.lru_cache(maxsize=1024)
def option_of(route: str) -> Option | None:
    """Return the option that a route belongs to, None for what every centre has."""
    for option in OPTIONS.values():
        for beginning in option.routes:
            if route == beginning or route.startswith((beginning + "/", beginning + ":")):
                return option
    return None


def has(option: Option, turns: Iterable[Turn], day: date) -> bool:
    """Say whether a centre has an option on a day."""
    came = [turn for turn in turns if turn.option == option.name and turn.starts <= day]
    return max(came, key=lambda turn: turn.starts).subscribed if came else option.subscribed


def shown(turns: Iterable[Turn], day: date) -> list[OptionShown]:
    """Return every option as a centre has it on a day."""
    known = list(turns)
    return [
        OptionShown(
            option=option.name, title=option.title_en, title_fr=option.title_fr, subscribed=(now := has(option, known, day)),
            changes=_changes(option, known, day, now),
        )
        for option in OPTIONS.values()
    ]  # fmt: skip


def _changes(option: Option, turns: list[Turn], day: date, now: bool) -> date | None:
    later = (turn.starts for turn in turns if turn.option == option.name and turn.starts > day and turn.subscribed != now)
    return min(later, default=None)
