# SPDX-License-Identifier: Apache-2.0
"""Pictures of dashboards: what an outage makes the real Prometheus and the committed rules show, and how values are drawn."""

import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from desmos_fast.base.clock import PARIS
from tests.monitoring import drawing, pictures, story
from tests.monitoring.drawing import Series
from tests.monitoring.test_dashboards import FILES, FOLDER, PAGES, board, panels

tools: Final = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")), reason="Prometheus is not there: scripts/system-packages promtool"
)
# Ten minutes to the quarter of an hour after the outage of the 8th began; nineteen minutes of it are inside the window.
AROUND: Final = (datetime(2026, 10, 8, 10, 0, tzinfo=PARIS), datetime(2026, 10, 8, 10, 45, tzinfo=PARIS))


def texts(drawn: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]


@tools
def test_an_outage_is_minutes_on_the_dashboard(tmp_path: Path) -> None:
    start, end = AROUND
    pictures.fill(tmp_path, story.availability(start, end))
    pictures.record(tmp_path, round(start.timestamp()), round(end.timestamp()))
    with pictures.running(tmp_path) as prometheus:
        told = texts(pictures.picture(prometheus, board("sla.json"), end.timestamp()))

    def row(heading: str) -> list[str]:
        place = next(number for number, text in enumerate(told) if text.startswith(f"▾ {heading}"))
        return told[place : place + 8]

    # Of 89.76 and 43.2 minutes in 30 days, of 97.2 and 44.64 in October.
    assert row("99.5 %")[1:7] == ["70.8 min", "Left of 30 days", "78.2 min", "Left this month", "19.0 min", "Bad this month"]
    assert row("99.9 %")[1:7] == ["24.2 min", "Left of 30 days", "25.6 min", "Left this month", "19.0 min", "Bad this month"]
    assert told[told.index("Service") - 1] == "up" and told[told.index("Service window") - 1] == "open"
    assert told[told.index("Opens or closes in") - 1] == "9.2 h"


def one_panel(shape: str, **told: Any) -> dict[str, Any]:
    found = next(panel for name in FILES for panel in panels(name) if panel["type"] == shape)
    found["gridPos"] = {"x": 0, "y": 0, "w": 24, "h": 8}
    found["fieldConfig"]["defaults"] |= {"unit": "none", "mappings": [], "thresholds": {"mode": "absolute", "steps": STEPS}} | told
    return {"title": "one", "timezone": "Europe/Paris", "panels": [found]}


STEPS: Final = [{"color": "green", "value": None}, {"color": "orange", "value": 5}, {"color": "red", "value": 10}]


def drawn(shape: str, found: Sequence[Series], **told: Any) -> str:
    return drawing.draw(one_panel(shape, **told), (0, 100), lambda _panel: list(found))


def test_a_figure_has_the_colour_of_its_value() -> None:
    def fills(value: float) -> Mapping[str, int]:
        picture = drawn("stat", [Series("a", [(100, value)])])
        return {name: picture.count(f'fill="{colour}"') for name, colour in drawing.COLOURS.items() if colour in picture}

    assert [fills(value) for value in (4.9, 5, 9.9, 10)] == [{"green": 1}, {"orange": 1}, {"orange": 1}, {"red": 1}]
    words = [{"type": "value", "options": {"0": {"text": "closed", "color": "blue"}}}]
    assert "closed" in texts(drawn("stat", [Series("a", [(100, 0)])], mappings=words))


def test_what_nobody_answers_is_said() -> None:
    assert "no data" in texts(drawn("timeseries", []))
    assert "NaN" in texts(drawn("stat", [Series("a", [(100, math.nan)])]))


def test_lines_stop_where_nothing_is_told_and_stacks_add_up() -> None:
    points = [(at, 2.0) for at in (0, 10, 20, 60, 70, 80)]
    picture = drawn("timeseries", [Series("a", [(at, at / 10) for at, _ in points])], custom={}, thresholds={"steps": STEPS[:1]})
    assert picture.count("<polyline") == 2
    stacked = {"stacking": {"mode": "normal"}, "axisSoftMin": 0}
    picture = drawn("timeseries", [Series(name, points) for name in "ab"], custom=stacked, thresholds={"steps": STEPS[:1]})
    assert picture.count("<polygon") == 4 and "4" in texts(picture)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.99416, "percentunit", "99.42 %"), (64.52, "suffix: min", "64.5 min"), (9000, "s", "2.5 h"),
        (0.0213, "s", "21.3 ms"), (0, "s", "0 s"), (82199.4, "currencyEUR", "€82,199"), (10, "reqps", "10/s"),
        (2**28, "bytes", "256 MiB"), (0.123456, "none", "0.123"),
    ],
)  # fmt: skip
def test_how_values_are_shown(value: float, unit: str, text: str) -> None:
    assert drawing.shown(value, unit) == text


@pytest.mark.parametrize("name", FILES)
def test_the_pictures_of_the_page_show_its_panels(name: str) -> None:
    path = PAGES / "pictures" / f"{name.removesuffix('.json')}.svg"
    told = path.read_text(encoding="utf-8")
    assert len(told) < 200_000 and f"pictures/{path.name}" in (PAGES / "dashboards.md").read_text(encoding="utf-8")
    shown = texts(told)
    missing = [
        panel["title"] for panel in json.loads((FOLDER / name).read_text())["panels"] if not any(panel["title"] in text for text in shown)
    ]
    assert missing == [], "run: python -m tests.monitoring.pictures docs/reference/pictures"
    assert "no data" not in shown and not re.search(r">NaN<", told)
