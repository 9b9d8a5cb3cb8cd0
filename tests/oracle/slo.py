# SPDX-License-Identifier: Apache-2.0
"""The service window and the availability of a month, counted otherwise: printed holidays, the rule of summer time, each second."""

from array import array
from calendar import timegm
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

# Easter Monday, Ascension Day and Whit Monday as almanacs print them; the rest falls on the same day each year.
MOVING: Final = {
    2024: ("04-01", "05-09", "05-20"),
    2025: ("04-21", "05-29", "06-09"),
    2026: ("04-06", "05-14", "05-25"),
    2027: ("03-29", "05-06", "05-17"),
    2028: ("04-17", "05-25", "06-05"),
    2029: ("04-02", "05-10", "05-21"),
    2030: ("04-22", "05-30", "06-10"),
}
FIXED: Final = ("01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25")
# 1 January 1970 was a Thursday.
THURSDAY: Final = 4
DAY: Final = 86400


def seconds_of(text: str) -> int:
    """Return the seconds since 1970 of `YYYY-MM-DDThh:mm:ssZ`."""
    day, _, hour = text.rstrip("Z").partition("T")
    year, month, number = (int(part) for part in day.split("-"))
    return timegm((year, month, number, *(int(part) for part in hour.split(":"))))


def _last_sunday(year: int, month: int) -> int:
    last = timegm((year, month, 31, 0, 0, 0))
    return last - (last // DAY + THURSDAY) % 7 * DAY


def shift(at: int, year: int) -> int:
    """Return by how many seconds Paris is ahead of UTC: directive 2000/84/EC, from 1:00 UTC to 1:00 UTC."""
    return 7200 if _last_sunday(year, 3) + 3600 <= at < _last_sunday(year, 10) + 3600 else 3600


def midnight(year: int, month: int, day: int = 1) -> int:
    """Return when a day of Paris begins, in seconds since 1970."""
    bare = timegm((year, month, day, 0, 0, 0))
    return bare - shift(bare - 3600, year)


def closed_days(year: int) -> frozenset[int]:
    """Return the holidays of a year as days since 1970."""
    told = (f"{year}-{day}" for day in (*FIXED, *MOVING[year]))
    return frozenset(seconds_of(f"{day}T00:00:00Z") // DAY for day in told)


def is_open(at: int, year: int) -> bool:
    """Say whether the window is open at a second of a year."""
    here = at + shift(at, year)
    day, second = divmod(here, DAY)
    return (day + THURSDAY) % 7 != 0 and 8 * 3600 <= second < 20 * 3600 and day not in closed_days(year)


def month(year: int, number: int, outages: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return, for each basis, the seconds that count in a month and those of them that were down: a mark on each second, then a count."""
    start = midnight(year, number)
    end = midnight(year + number // 12, number % 12 + 1)
    marks = {key: array("b", bytes(end - start)) for key in ("open", "down", "excluded")}
    closed = closed_days(year)
    # Nothing opens, closes or shifts but on a minute.
    for at in range(start, end, 60):
        day, second = divmod(at + shift(at, year), DAY)
        mark = (day + THURSDAY) % 7 != 0 and 28800 <= second < 72000 and day not in closed
        marks["open"][at - start : at - start + 60] = array("b", [mark] * 60)
    for outage in outages:
        if outage.get("state") == "degraded":
            continue
        declared = outage.get("declared")
        excluded = outage["cause"] in ("client", "payer") or (
            outage["cause"] == "maintenance" and declared is not None and seconds_of(declared) < seconds_of(outage["start"])
        )
        for at in range(max(start, seconds_of(outage["start"])), min(end, seconds_of(outage["end"]))):
            marks["excluded" if excluded or outage.get("state") == "unknown" else "down"][at - start] = 1
    found = {"24x7": (0, 0), "window": (0, 0)}
    for (opened, down, excluded), seconds in Counter(zip(marks["open"], marks["down"], marks["excluded"], strict=True)).items():
        if not excluded:
            for basis in ("24x7", "window") if opened else ("24x7",):
                found[basis] = found[basis][0] + seconds, found[basis][1] + seconds * down
    return found
