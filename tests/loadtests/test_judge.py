# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios, spread, slopes, and what the goals say of them."""

import importlib
from collections.abc import Sequence
from typing import Literal

import msgspec
import pytest

from loadtests import judge, suite
from loadtests.judge import Goal, Row, goals
from loadtests.model import Contender, Job, Outcome, Race, Sample, growing

AT_LEAST = Goal(
    id="T1", suite="toys", race="race", ours="ours", peer="peer", work="the work", measure="value", direction=">=", goal=10, stretch=15,
    margin=0.15, unit="", probe_ns=None,
)  # fmt: skip
AT_MOST = msgspec.structs.replace(AT_LEAST, id="T2", direction="<=", goal=0.5, stretch=0.2)
PROBED = msgspec.structs.replace(AT_LEAST, id="T3", peer="", measure="probe", direction="<=", goal=2e-6, stretch=1e-6, probe_ns=50)
SLOPE = msgspec.structs.replace(
    AT_LEAST, id="T4", race="growth", ours="1000x", peer="1x", measure="slope", direction="<=", goal=1.05, stretch=None, margin=0
)


def nobody(_: int) -> Job:
    raise AssertionError("never made ready here")


RACE = Race("race", "the work", 100, 10, (Contender("ours", nobody),), (Contender("peer", nobody), Contender("other", nobody)), nobody)
GROWTH = growing("growth", "growing work", nobody, nobody, 10, 10)


def outcome(*values: float, size: int = 100, probe: float = 50e-9) -> Outcome:
    return Outcome(size, tuple(Sample(value, probe, int(value * 1e9)) for value in values))


def rows(monkeypatch: pytest.MonkeyPatch, table: Sequence[Goal], race: Race, outcomes: dict[str, Outcome]) -> list[Row]:
    monkeypatch.setattr(judge, "goals", lambda: tuple(table))
    return list(judge.judged("toys", race, outcomes))


OTHER = outcome(8e-6, 8e-6, 8e-6)


def test_a_ratio_is_that_of_its_round_and_the_median_of_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {"ours": outcome(1e-6, 4e-6, 2e-6), "peer": outcome(12e-6, 60e-6, 20e-6), "other": OTHER}
    row, other = rows(monkeypatch, [AT_LEAST], RACE, outcomes)
    assert (row.ours, row.peer_value, row.rounds, row.size) == (2e-6, 20e-6, 3, 100)
    assert row.ratio == pytest.approx(12)
    assert row.spread == pytest.approx((15 - 10) / 12)
    assert (row.memory, row.peer_memory) == (4000, 60_000)
    assert (row.id, row.work, row.goal, row.stretch, row.met, row.gate, row.reason) == ("T1", "the work", 10, 15, True, True, None)
    assert other.ratio == pytest.approx(4)
    assert (other.id, other.peer, other.met, other.reason) == (None, "other", None, judge.INFORMATION)


def test_who_had_to_ask_again_is_counted_in_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Outcome(100, tuple(Sample(1e-6, 50e-9, 1, refused=count) for count in (3, 0, 4)))
    row, _ = rows(monkeypatch, [AT_LEAST], RACE, {"ours": refused, "peer": OTHER, "other": OTHER})
    assert row.refused == 7


@pytest.mark.parametrize(
    ("goal", "peer", "met", "gate"),
    [
        (AT_LEAST, 10e-6, True, True), (AT_LEAST, 9.9e-6, False, True), (AT_LEAST, 8.6e-6, False, True), (AT_LEAST, 8.4e-6, False, False),
        (AT_MOST, 2e-6, True, True), (AT_MOST, 1.9e-6, False, True), (AT_MOST, 1.75e-6, False, True), (AT_MOST, 1.7e-6, False, False),
    ],
)  # fmt: skip
def test_a_regression_is_not_met_and_beyond_the_margin_fails_the_gate(
    goal: Goal, peer: float, met: bool, gate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _ = rows(monkeypatch, [goal], RACE, {"ours": outcome(1e-6), "peer": outcome(peer), "other": outcome(1e-6)})
    assert (row.met, row.gate) == (met, gate)


def test_a_goal_in_seconds_is_held_against_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_machine = {"ours": outcome(3e-6, probe=100e-9), "peer": outcome(1e-6), "other": outcome(1e-6)}
    row = rows(monkeypatch, [PROBED], RACE, slow_machine)[0]
    assert (row.ours, row.peer_value) == (3e-6, 100e-9)
    assert [row.ratio, row.goal, row.stretch] == pytest.approx([30, 40, 20])
    assert (row.met, row.peer, row.peer_memory) == (True, "a loop of known work", None)
    same_time_on_a_fast_one = slow_machine | {"ours": outcome(3e-6, probe=50e-9)}
    assert rows(monkeypatch, [PROBED], RACE, same_time_on_a_fast_one)[0].met is False


def test_a_goal_of_memory_is_held_against_the_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = msgspec.structs.replace(AT_MOST, measure="memory")
    mine = tuple(Sample(9e-6, 50e-9, peak) for peak in (400, 300, 500))
    outcomes = {"ours": Outcome(100, mine), "peer": outcome(1e-6, 1e-6, 1e-6), "other": OTHER}
    row = rows(monkeypatch, [memory], RACE, outcomes)[0]
    assert (row.ours, row.peer_value, row.unit, row.memory, row.met) == (400, 1000, "B", None, True)
    assert row.ratio == pytest.approx(0.4)
    assert rows(monkeypatch, [msgspec.structs.replace(memory, goal=0.3)], RACE, outcomes)[0].met is False


@pytest.mark.parametrize("measure", ["p50", "p99"])
def test_a_goal_of_latency_is_held_against_that_share(measure: Literal["p50", "p99"], monkeypatch: pytest.MonkeyPatch) -> None:
    goal = msgspec.structs.replace(AT_MOST, measure=measure)
    quick, slow = {"p50": 0.1, "p99": 0.3}, {"p50": 0.4, "p99": 0.5}
    mine, theirs = (Outcome(100, (Sample(9e-6, 50e-9, 1, shares),)) for shares in (quick, slow))
    outcomes = {"ours": mine, "peer": theirs, "other": outcome(1e-6)}
    row = rows(monkeypatch, [goal], RACE, outcomes)[0]
    assert row.ratio == pytest.approx(quick[measure] / slow[measure])
    assert (row.ours, row.met) == (quick[measure], measure == "p50")


@pytest.mark.parametrize(("exponent", "met"), [(1.0, True), (1.04, True), (1.2, False)])
def test_a_slope_is_that_of_the_whole_time_over_the_size(exponent: float, met: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {each.name: outcome(*[1e-6 * each.size ** (exponent - 1)] * 2, size=each.size) for each in GROWTH.ours if each.size}
    [row] = rows(monkeypatch, [SLOPE], GROWTH, outcomes)
    assert row.ratio == pytest.approx(exponent)
    assert (row.met, row.rounds) == (met, 2)


def test_a_slope_needs_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {each.name: outcome(1e-6, size=each.size or 0) for each in GROWTH.ours} | {"100x": Outcome(1000, (), "it broke: killed")}
    [row] = rows(monkeypatch, [SLOPE], GROWTH, outcomes)
    assert (row.ratio, row.met, row.reason) == (None, None, "100x: it broke: killed")


@pytest.mark.parametrize("name", ["ours", "peer"])
def test_who_was_not_timed_leaves_the_goal_open_with_a_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {"ours": outcome(1e-6), "peer": outcome(1e-6), "other": outcome(1e-6)} | {name: Outcome(100, (), "polars is not installed")}
    row = rows(monkeypatch, [AT_LEAST], RACE, outcomes)[0]
    assert (row.met, row.gate, row.ratio, row.goal) == (None, None, None, 10)
    assert row.reason == f"{name}: polars is not installed"


def test_what_no_race_measures_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "goals", lambda: (AT_LEAST, PROBED))
    told = list(judge.unmeasured("toys", set()))
    assert [(row.id, row.met, row.reason) for row in told] == [("T1", None, judge.NOTHING_YET), ("T3", None, judge.NOTHING_YET)]
    assert told[1].goal == pytest.approx(40)
    assert list(judge.unmeasured("toys", {"race"})) == []
    [empty] = judge.unmeasured("empty", set())
    assert (empty.work, empty.met, empty.reason) == ("empty", None, judge.NOTHING_YET)


def test_the_table_of_goals_is_sound() -> None:
    table = goals()
    numbered = {f"G{number}" for number in range(1, 17)} | {f"C{number}" for number in range(1, 6)}
    assert {goal.id for goal in table} == numbered | {"P1", "P2", "M1"}
    assert {goal.suite for goal in table} <= set(suite.SUITES)
    for goal in table:
        assert goal.stretch is None or (goal.stretch >= goal.goal) == (goal.direction == ">="), goal.work
        assert (goal.probe_ns is not None) == (goal.peer == "" and goal.measure != "slope") == (goal.unit == "s"), goal.work


def test_what_goals_name_is_there() -> None:
    races = {(name, race.name): race for name in suite.SUITES for _, race in suite.races(name)}
    for goal in goals():
        if goal.race:
            race = races[goal.suite, goal.race]
            assert goal.ours in {each.name for each in race.ours}, goal.work
            assert not goal.peer or goal.peer in {each.name for each in race.contenders}, goal.work


def test_races_and_contenders_are_told_apart() -> None:
    names = [race.name for name in suite.SUITES for _, race in suite.races(name)]
    assert len(names) == len(set(names))
    for modules in suite.SUITES.values():
        for module in modules:
            for race in importlib.import_module(f"loadtests.suites.{module}").RACES:
                contenders = [each.name for each in race.contenders]
                assert len(contenders) == len(set(contenders)) and "answer" not in contenders
