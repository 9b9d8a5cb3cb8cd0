# SPDX-License-Identifier: Apache-2.0
"""The report: nothing from outside, a verdict in words for each goal, each chart with its table, and no value taken for markup."""

import re
from html.parser import HTMLParser

import msgspec
import pytest

from loadtests.gate import Line
from loadtests.html.page import SHARES, page
from loadtests.html.svg import Bar, Curve, bars, curves, decades
from loadtests.html.verdicts import names, verdicts
from loadtests.judge import NOTHING_YET, Row, goals
from loadtests.model import Sample
from loadtests.record import Entrant, Raced, Run

MACHINE = {"cpu": "one <fast>", "cores": 2, "python": "CPython 3", "revision": "abc", "load": 0.5, "quick": True}
GOOD = Row(
    id="G4", work="objects", peer="f-strings", ours=5e-7, peer_value=2e-5, ratio=40.0, goal=30.0, met=True, gate=True, spread=0.1, rounds=3,
    direction=">=", suite="codec",
)  # fmt: skip
BAD = msgspec.structs.replace(GOOD, work="dicts", ratio=6.0, goal=10.0, met=False, gate=False)
NEAR = msgspec.structs.replace(GOOD, id="G5", work="one", ratio=9.0, goal=10.0, met=False)
PROBED = msgspec.structs.replace(
    GOOD, id="G14", work="metrics", peer="a loop of known work", ours=1e-7, ratio=2.0, goal=2.2, direction="<="
)
OPEN = Row(id="G8", work="subset", peer="CP-SAT", goal=1.0, direction="<=", reason="CP-SAT: ortools is not installed")
PEER = Row(id=None, work="seal", peer="row by row", ours=1e-7, peer_value=2e-7, ratio=2.0, spread=0.0, rounds=3, suite="api")
LOST = Row(id=None, work="camt", peer="other", reason="other: other is not installed", suite="bank")
ANSWERS = {share: (number + 1) / 1000 for number, share in enumerate(SHARES)}
RACES = (
    Raced("lots", "growth-lots", "grow", "s", tuple(
        Entrant(f"{times}x", True, 1000 * times, (Sample(1e-8 * (1 + index), 5e-8, 1),), "") for index, times in enumerate((1, 10, 100))
    )),
    Raced("api", "post", "sign <one>", "s", (Entrant("shared", True, 10, (Sample(1e-3, 5e-8, 1, ANSWERS),), ""),)),
)  # fmt: skip
RUN = Run(MACHINE, (GOOD, BAD, NEAR, PROBED, OPEN, PEER, LOST), RACES)
LINES = [Line(f"2026-11-{day}", "abc", "one", True, {GOOD.key: ratio}) for day, ratio in ((20, 20.0), (21, 40.0))]


class Reader(HTMLParser):
    """Collects what the page would fetch, its elements, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def read() -> Reader:
    reader = Reader()
    reader.feed(page(RUN, LINES))
    return reader


def test_nothing_comes_from_outside(read: Reader) -> None:
    whole = page(RUN, LINES)
    assert read.fetched == [] and not {"script", "link", "img", "iframe"} & set(read.tags)
    assert "url(" not in whole and "@import" not in whole and "http" not in whole
    assert "prefers-color-scheme: dark" in whole


def test_values_are_no_markup(read: Reader) -> None:
    assert "one <fast>" in read.text and "sign <one>" in read.text
    assert "fast" not in read.tags and "one" not in read.tags


def test_every_chart_has_a_title_and_a_table(read: Reader) -> None:
    whole = page(RUN, LINES)
    assert whole.count("<svg") == whole.count("<title>") - 1 == 5
    assert read.tags.count("table") == read.tags.count("caption") == 7
    assert re.search(r"20 ns.*30 ns", read.text) and "100% faster" in read.text and "other is not installed" in read.text


def test_each_goal_has_one_line_in_words() -> None:
    told = {one.id: one for one in verdicts(RUN.goals)}
    assert list(told) == [f"G{number}" for number in range(1, 17)]
    assert (told["G4"].state, told["G5"].state, told["G8"].state, told["G14"].state) == ("missed", "nearly", "open", "reached")
    assert told["G4"].text == "missed in 1 of 2: dicts, 6 where at least 10 is asked (60% of it)."
    assert told["G8"].text == "not measured: subset: CP-SAT: ortools is not installed."
    assert told["G14"].text == "reached: metrics, 100 ns where at most 110 ns is asked here."
    assert told["G1"].text == "not looked at in this run."


def test_a_goal_that_is_reached_still_says_what_is_open() -> None:
    some = [GOOD, msgspec.structs.replace(OPEN, id="G4", reason=NOTHING_YET)]
    [verdict] = [one for one in verdicts(some) if one.id == "G4"]
    assert verdict.state == "reached" and verdict.text.endswith(f"Not measured: subset: {NOTHING_YET}.")


def test_every_goal_of_the_table_has_a_name() -> None:
    assert {goal.id for goal in goals() if goal.id.startswith("G")} == set(names())


def test_a_bar_goes_left_of_one_when_it_is_less() -> None:
    drawn = bars([Bar("more", 10.0, "good"), Bar("less", 0.1, "bad")], "title", "times")
    (left, right), (less, until) = (
        (float(x), float(x) + float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn)
    )
    assert left == pytest.approx(until, abs=0.2) and right - left == pytest.approx(until - less, abs=0.2)


def test_lines_rise_with_their_values_and_labels_do_not_meet() -> None:
    drawn = curves([Curve("a", [(1, 1), (10, 100)]), Curve("b", [(1, 1), (10, 101)])], "title", "across", "up")
    points = re.search(r'polyline points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', drawn)
    assert points is not None and float(points[1]) < float(points[3]) and float(points[2]) > float(points[4])
    first, second = (float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="start" class="end', drawn))
    assert abs(first - second) >= 14
    assert decades(0.5, 20) == [0.5, 1, 2, 5, 10, 20]


def test_without_races_or_history_there_is_no_empty_chart() -> None:
    whole = page(Run(MACHINE, (OPEN,)), [])
    assert "<svg" not in whole and "Nothing was measured" in whole
