# SPDX-License-Identifier: Apache-2.0
"""Requests counted by a kernel in memory that processes share, and told as the text that Prometheus reads."""

import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ext import tally
from monitoring import metrics, shared, text
from tests.oracle import tally as oracle

METHODS = frozenset({"GET", "POST"})
ROOT = Path(__file__).parents[2]
BOUNDS = (0.1, 0.5, 2.0)
SECONDS = st.sampled_from([0.0, 0.1, 0.10001, 0.5, 1.0, 2.0, 2.5, 1e9])
STATUS = st.one_of(st.sampled_from([100, 200, 204, 399, 400, 404, 429, 499, 500, 503, 599]), st.integers(0, 700))
REQUEST = st.tuples(
    st.integers(0, 2), st.sampled_from(["GET", "POST", "BREW", "OTHER"]), st.sampled_from(["/a", "/b/{id}", "é", ""]), STATUS, SECONDS,
    st.booleans(),
)  # fmt: skip


def made(memory: bytearray | mmap.mmap) -> tally.Tally:
    return tally.Tally(memory, BOUNDS, METHODS, 2.0, 429)


def outcome(call: Callable[..., None], *arguments: Any) -> type[Exception] | None:
    try:
        call(*arguments)
    except (ValueError, OverflowError) as error:
        return type(error)
    return None


@settings(max_examples=60, deadline=None)
@given(st.lists(REQUEST, max_size=40), st.integers(0, 3))
def test_three_tallies_count_what_three_twins_count(requests: list[tuple[int, str, str, int, float, bool]], left: int) -> None:
    memories = [bytearray(tally.SIZE) for _ in range(3)]
    ours = [made(memory) for memory in memories]
    theirs = [oracle.Tally(BOUNDS, METHODS, 2.0, 429) for _ in range(3)]
    for who, method, route, status, seconds, is_open in requests:
        for one in (ours[who], theirs[who]):
            one.begin()
        assert outcome(ours[who].observe, method, route, status, seconds) == outcome(theirs[who].observe, method, route, status, seconds)
        for one in (ours[who], theirs[who]):
            one.outcome(status, seconds, is_open)
            if left != who:
                one.end()
    found, running, outcomes = tally.read(memories, len(BOUNDS))
    expected, expected_running, expected_outcomes = oracle.read(theirs)
    assert (running, outcomes) == (expected_running, expected_outcomes)
    assert {name: (counts, statuses) for name, (counts, _, statuses) in found.items()} == {
        name: (counts, statuses) for name, (counts, _, statuses) in expected.items()
    }
    for name, (_, seconds, _) in found.items():
        assert seconds == pytest.approx(expected[name][1])


def test_who_comes_after_goes_on_and_runs_nothing() -> None:
    memory = bytearray(tally.SIZE)
    first = made(memory)
    first.observe("GET", "/a", 200, 0.2)
    first.begin()
    first.outcome(200, 0.2, True)
    del first
    second = made(memory)
    second.observe("GET", "/a", 200, 0.2)
    second.observe("POST", "/a", 201, 0.2)
    second.outcome(200, 0.2, True)
    found, running, outcomes = tally.read([memory], 3)
    assert {name: statuses for name, (_, _, statuses) in found.items()} == {("GET", "/a"): {200: 2}, ("POST", "/a"): {201: 1}}
    assert (running, outcomes) == (0, (0, 0, 2, 0))


def test_a_memory_that_is_none_is_refused() -> None:
    for size in (0, tally.SIZE - 1, tally.SIZE + 8):
        with pytest.raises(ValueError, match="SIZE bytes"):
            made(bytearray(size))
        with pytest.raises(ValueError, match="SIZE bytes"):
            tally.read([bytearray(size)], 3)
    for bounds in ((), (1.0, 0.5), (1.0, 1.0), tuple(map(float, range(16)))):
        with pytest.raises(ValueError, match="bounds"):
            tally.Tally(bytearray(tally.SIZE), bounds, METHODS, 2.0, 429)
    with pytest.raises(BufferError):
        tally.Tally(bytes(tally.SIZE), BOUNDS, METHODS, 2.0, 429)  # type: ignore[arg-type]


def test_names_that_do_not_fit_are_refused_and_cost_no_other() -> None:
    memory = bytearray(tally.SIZE)
    one = made(memory)
    with pytest.raises(OverflowError):
        one.observe("GET", "/" + "x" * 150, 200, 0.1)
    for number in range(1024):
        one.observe("GET", f"/{number}", 200, 0.1)
    with pytest.raises(OverflowError):
        one.observe("GET", "/one more", 200, 0.1)
    one.observe("GET", "/1023", 200, 0.1)
    found, _, _ = tally.read([memory], 3)
    assert len(found) == 1024 and found["GET", "/1023"][2] == {200: 2}


@given(st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_memory_can_be_read(damage: bytes) -> None:
    """A file may be that of another version, or spoilt: it costs counts and no more."""
    memory = bytearray(tally.SIZE)
    one = made(memory)
    one.observe("GET", "/a", 200, 0.1)
    memory[4 : 4 + len(damage)] = damage
    tally.read([memory], 3)
    memory[0] ^= 1
    assert tally.read([memory], 3)[0] == {}


def test_the_text_is_what_the_client_reads() -> None:
    name = ("GET", 'a "quoted" \\ one')
    counted = {name: ([1, 0, 2, 1], 3.25, {200: 3, 503: 1})}
    written = "# TYPE r_total counter\n" + "".join(text.requests("r_total", counted))
    written += "# TYPE d histogram\n" + "".join(text.durations("d", BOUNDS, counted))
    samples = [one for family in text_string_to_metric_families(written) for one in family.samples]
    labels = {"method": name[0], "route": name[1]}
    assert [(one.name, one.labels, one.value) for one in samples] == [
        ("r_total", labels | {"status": "200"}, 3), ("r_total", labels | {"status": "503"}, 1),
        ("d_bucket", labels | {"le": "0.1"}, 1), ("d_bucket", labels | {"le": "0.5"}, 1), ("d_bucket", labels | {"le": "2.0"}, 3),
        ("d_bucket", labels | {"le": "+Inf"}, 4), ("d_count", labels, 4), ("d_sum", labels, 3.25),
    ]  # fmt: skip


SCRAPE = """
import json, sys, time
from pathlib import Path
from ext import tally
from monitoring import metrics, shared
assert metrics.PART is not None
for number in (0, 1, 2):
    memory = shared.memory(metrics.PART.folder, number, tally.SIZE)
    one = tally.Tally(memory, metrics.SECONDS, metrics.METHODS, metrics.SLOW_S, metrics.SHED)
    for place in range(560):
        one.observe("GET", f"/v1/route-{place}/{{id}}", 200, 0.004)
for code in range(100):
    metrics.count_problem(f"code_{code}")
took = []
for _ in range(7):
    began = time.perf_counter()
    shown = metrics.exposition()
    took.append(time.perf_counter() - began)
series = sum(1 for line in shown.splitlines() if not line.startswith(b"#"))
counted = sum(float(line.rpartition(b" ")[2]) for line in shown.splitlines() if line.startswith(b"desmos_http_requests_total"))
print(json.dumps([min(took), series, counted]))
"""


@pytest.mark.alone
def test_ten_thousand_series_of_three_processes_are_told_in_fifty_milliseconds(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **shared.environment(tmp_path, 0)}
    run = subprocess.run([sys.executable, "-c", SCRAPE], env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    took_s, series, counted = json.loads(run.stdout)
    assert series > 10_000 and counted == 3 * 560
    assert took_s < 0.05


def test_one_process_alone_has_no_part() -> None:
    assert metrics.PART is None


def test_one_counts_the_figures_and_the_others_take_them(tmp_path: Path) -> None:
    first, second = shared.Part(tmp_path, 0), shared.Part(tmp_path, 1)
    assert (first.told(), first.figures_age_s()) == (None, float("inf"))
    hold = first.hold()
    assert hold is not None and second.hold() is None, "one of them counts"
    first.tell({"values": 1})
    assert second.told() == {"values": 1} and second.told() is None
    assert second.figures_age_s() < 5
