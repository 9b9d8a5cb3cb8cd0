# SPDX-License-Identifier: Apache-2.0
"""A year of invoices: seasons, mixes, shares of errors that the payers confirm, the same bytes, and flat memory."""

import datetime
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from desmos_fast.base.errors import InvalidInput
from desmos_fast.billing.codec import encode
from desmos_fast.billing.pricing import kernel
from desmos_fast.lots.codec import build
from desmos_fast.simulator.concentrator import answer
from desmos_fast.simulator.day import line
from desmos_fast.simulator.folder import settings_of
from desmos_fast.simulator.season import is_bridge, load_season, spread
from desmos_fast.simulator.world import World
from desmos_fast.simulator.year import NONE, TWIN, WHOLE, Visit, Year, load_errors, load_mixes

ROOT = Path(__file__).parents[2]
FIRST = datetime.date(2026, 1, 1)
COUNT = 4000


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    return list(Year(World(5), COUNT, FIRST, 30, errors="rough").visits())


def text(year: Year, *days: datetime.date) -> bytes:
    return b"".join(line(visit.invoice) for visit in year.visits(*days))


@pytest.mark.parametrize("count", [1, 100, 9_999, 10_000_000])
def test_the_days_share_out_exactly_what_is_asked(count: int) -> None:
    days = dict(spread(count, FIRST, 365, load_season()))
    assert sum(days.values()) == count and len(days) == 365


def test_seasons_are_those_of_the_table() -> None:
    days = dict(spread(10_000_000, FIRST, 365, load_season()))
    closed = [datetime.date(2026, 5, 1), datetime.date(2026, 5, 14), datetime.date(2026, 12, 25), datetime.date(2026, 4, 6)]
    assert [days[day] for day in closed] == [0] * 4
    assert not any(count for day, count in days.items() if day.weekday() == 6)
    bridge, usual = datetime.date(2026, 5, 15), datetime.date(2026, 5, 22)
    assert is_bridge(bridge) and not is_bridge(usual) and is_bridge(datetime.date(2026, 7, 13))
    assert days[bridge] / days[usual] == pytest.approx(0.45 * load_season().monthday[11] / load_season().monthday[21], rel=0.01)
    monday, saturday = datetime.date(2026, 6, 15), datetime.date(2026, 6, 20)
    assert days[monday] / days[saturday] == pytest.approx(118 / 35, rel=0.01)
    august = days[datetime.date(2026, 8, 12)] / days[datetime.date(2026, 9, 16)]
    assert august == pytest.approx(58 / 108, rel=0.01)


def test_a_time_without_an_open_day_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Year(World(1), 10, datetime.date(2026, 5, 1), 1)


@pytest.mark.parametrize("first", [datetime.date(2069, 12, 1), datetime.date(9999, 12, 1), datetime.date(2024, 1, 1)])
def test_a_time_that_leaves_the_calendar_of_the_tariffs_is_refused_before_the_first_invoice(first: datetime.date) -> None:
    with pytest.raises(InvalidInput, match="no tariff is known for "):
        Year(World(1), 1000, first)


def test_the_first_day_is_shown_as_it_is_given() -> None:
    words = [sys.executable, "-m", "desmos_fast.cli", "synth", "year", "--help"]
    shown = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "(2026-01-01)" in shown and "00:00:00" not in shown


def test_the_same_seed_gives_the_same_bytes_and_a_part_is_that_of_the_whole() -> None:
    whole = text(Year(World(3), 400, FIRST, 20))
    assert whole == text(Year(World(3), 400, FIRST, 20))
    assert whole != text(Year(World(4), 400, FIRST, 20))
    cut = FIRST + datetime.timedelta(9)
    first, second = text(Year(World(3), 400, FIRST, 20), FIRST, cut), text(Year(World(3), 400, FIRST, 20), cut + datetime.timedelta(1))
    assert first and second and first + second == whole


def test_invoices_are_sound_and_numbered_without_gap(visits: list[Visit]) -> None:
    invoices = [visit.invoice for visit in visits]
    assert [invoice.number for invoice in invoices] == list(range(1, COUNT + 1))
    days = [str(invoice.created_on) for invoice in invoices]
    assert days == sorted(days)
    assert encode(invoices).faults == [] and kernel.price(invoices).faults == []


@pytest.mark.parametrize("mix", sorted(load_mixes()))
def test_acts_are_those_of_the_mix(mix: str) -> None:
    world = World(2)
    year = Year(world, 1500, FIRST, 10, mix=mix)
    seen = {act.code for visit in year.visits() for act in visit.invoice.acts}
    assert seen == {world.acts[act].code for act in load_mixes()[mix]}
    assert kernel.price([visit.invoice for visit in year.visits()]).faults == []


def test_shares_of_errors_are_those_of_the_table(visits: list[Visit]) -> None:
    found = Counter(visit.error for visit in visits)
    for error, share in load_errors()["rough"].items():
        # Some twins have no ordinary invoice before them, so they are fewer.
        low = 0.4 if error == TWIN else 0.7
        assert low * share / WHOLE < found[error] / COUNT < 1.3 * share / WHOLE, error
    assert {visit.error for visit in Year(World(5), 200, FIRST, 5, errors=NONE).visits()} == {NONE}


def test_the_payers_find_every_error_and_no_other(visits: list[Visit]) -> None:
    day = str(visits[-1].invoice.created_on)
    some = {visit.invoice.number: visit.error for visit in visits if visit.invoice.created_on == day}
    invoices = [visit.invoice for visit in visits if visit.invoice.created_on == day]
    when = datetime.date.fromisoformat(day)
    claims = build(invoices, settings_of(World(5), when, len(invoices)))
    truth = answer(claims.content, 5, when).truth
    assert {row.invoice for row in truth} == set(some)
    for row in truth:
        expected = "paid" if some[row.invoice] in (NONE, TWIN) else some[row.invoice]
        assert row.outcome == expected, row


def test_a_twin_differs_from_the_invoice_before_by_its_number_alone(visits: list[Visit]) -> None:
    pairs = [(before, twin) for before, twin in zip(visits, visits[1:], strict=False) if twin.error == TWIN]
    assert len(pairs) > 20
    for before, twin in pairs:
        assert before.error == NONE
        assert msgspec.structs.replace(twin.invoice, number=before.invoice.number) == before.invoice


MEASURED = """
import sys, datetime
from desmos_fast.simulator.day import line
from desmos_fast.simulator.world import World
from desmos_fast.simulator.year import Year
from loadtests.machine import peak_memory
sum(len(line(visit.invoice)) for visit in Year(World(1), int(sys.argv[1]), datetime.date(2026, 1, 1)).visits())
print(peak_memory())
"""


def test_the_memory_does_not_grow_with_the_year() -> None:
    small, large = (
        int(subprocess.run([sys.executable, "-c", MEASURED, count], cwd=ROOT, capture_output=True, timeout=100, check=True).stdout)
        for count in ("1000", "20000")
    )
    # Kept, nineteen thousand invoices would be more than 60 MiB.
    assert large < 1.05 * small


def test_the_command_writes_the_stream_and_tells_what_it_holds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "desmos_fast.cli", "synth", "year", "--seed", "3", "--invoices", "300", "--days", "60"]
    ran = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert ran.stdout == text(Year(World(3), 300, FIRST, 60))
    told = json.loads(ran.stderr)
    assert told["invoices"] == 300 == sum(told["errors"].values()) == sum(told["months"].values()) and told["bytes"] == len(ran.stdout)
    file = tmp_path / "year.ndjson"
    subprocess.run([*command, "--out", str(file), "--until", "2026-01-31"], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert file.read_bytes() and ran.stdout.startswith(file.read_bytes()) and len(file.read_bytes()) < len(ran.stdout)
    wrong = subprocess.run([*command, "--mix", "none"], cwd=ROOT, capture_output=True, timeout=60)
    assert (wrong.returncode, b"Traceback" in wrong.stderr, b"medical" in wrong.stderr) == (1, False, True)
