# SPDX-License-Identifier: Apache-2.0
"""What has become slower is found and named, and noise is not: on made rounds, and on runs that were recorded."""

import gzip
from pathlib import Path

import msgspec
import pytest

from loadtests import gate
from loadtests.gate import Baseline, Point, chance, compare, slower
from loadtests.judge import Row
from loadtests.record import Run

RECORDED = Path(__file__).with_name("recorded_runs.json.gz")
MACHINE = {"revision": "abc", "cpu": "one", "cores": 2, "quick": True}
ROW = Row(id="G6", work="lots", peer="numpy", suite="lots", direction=">=", ratio=10.0, ratios=(9.9, 10.0, 10.1), race="arrange")


def run(*rows: Row) -> Run:
    return Run(MACHINE, rows)


def at(*ratios: float, row: Row = ROW) -> Row:
    return msgspec.structs.replace(row, ratios=ratios, ratio=sorted(ratios)[len(ratios) // 2])


def found(before: tuple[float, ...], now: tuple[float, ...], row: Row = ROW) -> gate.Finding:
    [finding] = compare(gate.kept(run(at(*before, row=row))), run(at(*now, row=row)))
    return finding


FIVE = (9.8, 9.9, 10.0, 10.1, 10.2)


@pytest.mark.parametrize(
    ("share", "bad"),
    [(1.0, False), (0.9, False), (1 / 1.14, False), (1 / 1.17, True), (1 / 1.3, True), (1.5, False)],
)
def test_only_what_lies_beyond_the_margin_is_slower(share: float, bad: bool) -> None:
    finding = found(FIVE, tuple(ratio * share for ratio in FIVE))
    assert finding.bad is bad
    assert finding.slower == pytest.approx(1 / share - 1)


def test_a_share_of_the_peer_is_slower_when_it_grows() -> None:
    share = msgspec.structs.replace(ROW, direction="<=")
    assert found(FIVE, tuple(ratio * 1.3 for ratio in FIVE), share).bad
    assert not found(FIVE, tuple(ratio / 1.3 for ratio in FIVE), share).bad
    assert slower("<=", [2.0], [3.0]) == pytest.approx(0.5) == slower(">=", [3.0], [2.0])


def test_a_server_has_twice_the_margin() -> None:
    server = msgspec.structs.replace(ROW, suite="api")
    assert not found(FIVE, tuple(ratio / 1.25 for ratio in FIVE), server).bad
    assert found(FIVE, tuple(ratio / 1.4 for ratio in FIVE), server).bad


def test_rounds_that_lie_among_those_of_the_baseline_are_noise() -> None:
    wide = (6.0, 8.0, 10.0, 12.0, 14.0)
    finding = found(wide, (5.5, 7.0, 8.0, 11.0, 13.0))
    assert finding.slower is not None and finding.slower > gate.MARGIN and not finding.bad


def test_chance_is_counted_over_every_split() -> None:
    assert chance(">=", [4.0, 5.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(1 / 20)
    assert chance(">=", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == 1
    assert chance("<=", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(1 / 20)
    assert chance(">=", [1.0], [1.0]) == 1


def test_it_says_which_by_how_much_and_against_which_rounds() -> None:
    text = found(FIVE, tuple(ratio / 1.3 for ratio in FIVE)).text
    assert text.startswith("G6 lots against numpy: 30% slower (15% allowed): ratio 7.69, was 10; rounds 7.54 ")
    assert text.endswith("baseline 9.8 9.9 10 10.1 10.2")


def test_what_broke_or_is_gone_fails_and_what_is_not_installed_is_said() -> None:
    baseline = gate.kept(run(ROW))
    for reason, bad in (("numpy: numpy is not installed", False), ("kernel: it broke: ValueError", True)):
        [finding] = compare(baseline, run(msgspec.structs.replace(ROW, ratios=(), ratio=None, reason=reason)))
        assert (finding.bad, finding.slower) == (bad, None) and reason in finding.text
    [gone] = compare(baseline, run(msgspec.structs.replace(ROW, work="other")))
    assert gone.bad and "no longer measured" in gone.text
    assert compare(baseline, run(msgspec.structs.replace(ROW, suite="codec"))) == [], "a suite that was not asked for is no loss"


def test_a_baseline_keeps_the_suites_that_a_run_left_out(tmp_path: Path) -> None:
    path = tmp_path / "below" / "quick.json"
    assert gate.read(path) is None
    first = gate.kept(run(ROW, msgspec.structs.replace(ROW, suite="codec")))
    gate.write(first, path)
    again = gate.read(path)
    assert again == first
    second = gate.kept(run(at(1.0, 2.0, 3.0)), again)
    assert second.rows[ROW.key].ratios == (1.0, 2.0, 3.0) and second.rows["codec: lots / numpy"] == Point("G6", ">=", ROW.ratios)


def test_the_history_has_one_line_a_run_and_counts_each_once(tmp_path: Path) -> None:
    files = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    gate.remember(run(ROW), *files)
    gate.remember(run(at(5.0)), files[0])
    assert len(files[0].read_bytes().splitlines()) == 2
    told = gate.history(*files, tmp_path / "none")
    assert [line.ratios[ROW.key] for line in told] == [10.0, 5.0]


class Recorded(msgspec.Struct):
    """Ratios of real runs of a suite: one that became the baseline, ten of the same speed, one with 30 % of work added to ours."""

    base: Run
    noise: list[Run]
    slow: Run


def test_recorded_noise_passes_and_a_recorded_slowdown_of_a_third_does_not() -> None:
    recorded = msgspec.json.decode(gzip.decompress(RECORDED.read_bytes()), type=Recorded)
    baseline = gate.kept(recorded.base)
    assert len(recorded.noise) == 10 and len(baseline.rows) == 3
    assert [finding.text for one in recorded.noise for finding in compare(baseline, one) if finding.bad] == []
    slow = compare(baseline, recorded.slow)
    assert [finding.bad for finding in slow] == [True] * 3
    assert all(0.2 < (finding.slower or 0) < 0.4 for finding in slow)


def test_what_looks_slower_is_measured_again_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from loadtests import command, suite

    asked: list[set[str]] = []
    fine, bad = at(*FIVE), at(*(ratio / 1.3 for ratio in FIVE))
    for second, expected in ((fine, False), (bad, True)):

        def again(names: object, quick: bool, told: object, only: set[str], second: Row = second) -> list[suite.Measured]:
            asked.append(only)
            return [suite.Measured("lots", None, {}, (second,))]

        monkeypatch.setattr(suite, "run", again)
        findings = command._held(gate.kept(run(fine)), run(bad), lambda _: None)
        assert [finding.bad for finding in findings] == [expected]
    assert asked == [{"arrange"}, {"arrange"}]


def test_the_committed_baselines_can_be_read() -> None:
    for path in gate.FOLDER.glob("*.json"):
        baseline = gate.read(path)
        assert isinstance(baseline, Baseline) and baseline.rows
