# SPDX-License-Identifier: Apache-2.0
"""Routes that are to end, as data: they say since when they are deprecated (RFC 9745), and until when they answer (RFC 8594)."""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from importlib.resources import files
from typing import Final

from desmos_fast.base.errors import OurBug

Route = tuple[str, str]


def read(lines: Iterable[str]) -> Mapping[Route, Mapping[str, str]]:
    """Return the headers of each route of a table: method, route, deprecated, sunset and link; the last two may be empty."""
    return {(row["method"], row["route"]): _headers(row) for row in csv.DictReader(lines)}


def _headers(row: Mapping[str, str]) -> Mapping[str, str]:
    since = date.fromisoformat(row["deprecated"])
    found = {"Deprecation": f"@{int(_midnight(since).timestamp())}"}
    if row["sunset"]:
        until = date.fromisoformat(row["sunset"])
        if until <= since:
            raise OurBug(f"{row['method']} {row['route']} would end before it is deprecated")
        found["Sunset"] = format_datetime(_midnight(until), usegmt=True)
    if row["link"]:
        found["Link"] = f'<{row["link"]}>; rel="deprecation"; type="text/html"'
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _load() -> dict[Route, Mapping[str, str]]:
    with (files("desmos_fast.identity") / "deprecations.csv").open(encoding="utf-8") as table:
        return dict(read(table))


ENDING: Final = _load()
