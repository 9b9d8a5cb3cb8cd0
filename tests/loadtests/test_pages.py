# SPDX-License-Identifier: Apache-2.0
"""The figures of a run in the pages that show them."""

from datetime import date
from pathlib import Path

import pytest

from loadtests import pages, suite
from loadtests.judge import Row, goals
from loadtests.record import Run

MACHINE = {"cpu": "one", "cores": 2, "python": "CPython 3", "compiler": "gcc 12", "revision": "abc", "load": 0.25, "quick": True}
GOAL = Row(
    id="G4", work=pages.SHOWN[0][0], peer="f-strings", ours=5e-7, peer_value=2e-5, ratio=40.0, goal=30.0, stretch=45.0, met=True, gate=True,
    spread=0.1, rounds=7, direction=">=", size=20_000,
)  # fmt: skip
SHARE = Row(
    id="G6", work=pages.SHOWN[4][0], peer="polars", ours=1e-8, peer_value=1e-7, ratio=0.1, spread=0.02, direction="<=", goal=0.35, met=True
)
OTHERS = [Row(id=None, work=work, peer=peer, reason="polars is not installed") for work, peer in pages.SHOWN]


def test_the_tables_hold_what_was_measured_and_nothing_else() -> None:
    whole = pages.whole_table([GOAL, SHARE, *OTHERS]).splitlines()
    assert whole[2:] == [
        f"| G4 | {GOAL.work} | 20,000 | 500 ns | f-strings | 20 µs | 40 | ≥ 30 | 10 % | - | met |",
        f"| G6 | {SHARE.work} | - | 10 ns | polars | 100 ns | 0.1 | ≤ 0.35 | 2 % | - | met |",
    ]
    short = pages.short_table([*OTHERS, GOAL, SHARE]).splitlines()
    assert short[2:] == [
        "| msgspec Structs to records | 500 ns | f-strings, 20 µs | 40x |",
        "| lots of columns: order, numbers, totals | 10 ns | polars, 100 ns | 10x |",
    ]


def test_what_the_first_page_shows_is_measured() -> None:
    named = {(goal.work, goal.peer) for goal in goals()}
    for name in suite.SUITES:
        for _, race in suite.races(name):
            works = {race.work} if len(race.ours) == 1 else {f"{race.work}: {each.name}" for each in race.ours}
            named |= {(work, peer.name) for work in works for peer in race.peers}
    assert set(pages.SHOWN) <= named


def test_figures_name_their_command_machine_and_day() -> None:
    text = pages.told(Run(MACHINE, ()), date(2026, 11, 25))
    assert "`desmos-fast bench --quick`, 25 November 2026, one, 2 cores" in text and "abc, load of the machine 0.2 when" in text
    assert "--quick" not in pages.told(Run(MACHINE | {"quick": False}, ()), date(2026, 11, 25))


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{pages.BEGIN}old\n{pages.END}\nafter\n", encoding="utf-8")
    pages.put(page, "new\n")
    assert page.read_text(encoding="utf-8") == f"before\n{pages.BEGIN}new\n{pages.END}\nafter\n"
    page.write_text("no marks\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md"):
        pages.put(page, "new\n")


def test_the_pages_have_their_place() -> None:
    for page in (pages.PAGE, pages.README):
        assert pages.BEGIN in page.read_text(encoding="utf-8")
