# SPDX-License-Identifier: Apache-2.0
"""The model of capacity: worked by hand, and what must hold whatever the figures are."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from loadtests.capacity import show
from loadtests.capacity.model import Demand, busiest_day, load, plan, seconds_an_invoice, waiting
from loadtests.capacity.national import Country, fullest_hour, limits, placed, simulate, sizes
from loadtests.capacity.spent import seconds, tree

ROOT = Path(__file__).parents[2]
FIGURES = load()
STARTS = """
import subprocess, sys
for _ in range(2):
    subprocess.run([sys.executable, "-c", "sum(range(8_000_000))"])
print(flush=True)
input()
"""
SMALL = Demand(centres=10, invoices_per_day=300)


@pytest.mark.parametrize(
    ("load", "servers", "waits"),
    # One server is the textbook: the load over what is left. Two at a load of one: a third wait, for half a service time each.
    [(0.5, 1, 1.0), (0.9, 1, 9.0), (1.0, 2, 1 / 3), (0.0, 3, 0.0), (2.0, 2, math.inf)],
)
def test_the_wait_is_that_of_the_textbook(load: float, servers: int, waits: float) -> None:
    assert waiting(load, servers, 1.0) == pytest.approx(waits)


def test_a_process_a_client_or_all_processors_bound_the_rate() -> None:
    assert seconds_an_invoice(300e-6, 100e-6, 50e-6, 1, 8) == pytest.approx(300e-6)
    assert seconds_an_invoice(300e-6, 100e-6, 50e-6, 10, 8) == pytest.approx(56.25e-6)
    assert seconds_an_invoice(100e-6, 10e-6, 90e-6, 4, 8) == pytest.approx(90e-6)


def test_a_plan_is_what_was_measured_times_what_is_asked() -> None:
    figures = msgspec.structs.replace(
        FIGURES, sign_service=0.002, look_service=0.0005, sign_database=0.001, look_database=0.0, lots_database=0.0, match_database=0.0,
        stored_bytes=10_000, look_stored_bytes=500, rows=20, look_rows=1, wal_bytes=1, look_wal_bytes=0, request_bytes=1000,
        answer_bytes=600, look_bytes=800, look_request_bytes=200,
    )  # fmt: skip
    demand = Demand(centres=1000, invoices_per_day=360, users=10)
    found = plan(demand, figures)
    rate = 360_000 * busiest_day() * 0.14 / 3600
    assert found.fullest_hour_per_s == pytest.approx(rate)
    assert [found.service_cores, found.database_cores] == pytest.approx([rate * 0.004, rate * 0.001])
    assert found.invoices_per_year == 108e6 and found.stored_per_year == pytest.approx(108e6 * 12_000)
    assert found.rows_per_year == pytest.approx(108e6 * 24) and found.wal_per_day == pytest.approx(360_000)
    assert found.network_per_user_bits == pytest.approx(rate / 1000 / 10 * (1600 + 4 * 1000) * 8)
    assert found.network_share == pytest.approx(found.network_per_user_bits / 200_000)


def test_more_centres_never_take_less() -> None:
    plans = [plan(msgspec.structs.replace(SMALL, centres=centres), FIGURES) for centres in (1, 100, 2_000, 100_000, 1_000_000)]
    for name in ("processes", "database_cores", "connections", "stored_per_year", "machines"):
        values = [getattr(one, name) for one in plans]
        assert values == sorted(values), name
    assert plans[0].processes == 2 and plans[-1].processes > 10
    assert all(one.service_cores / one.processes <= 0.6 and one.wait_s < 0.01 for one in plans)


def test_batches_take_less_than_single_requests_and_money_follows_hours() -> None:
    single, bulk = (plan(msgspec.structs.replace(SMALL, bulk_share=share, price_per_hour=2.0), FIGURES) for share in (0.0, 1.0))
    assert bulk.service_cores < single.service_cores
    assert single.cost_per_year == pytest.approx(2 * single.machine_hours_per_year)


def test_the_fullest_hour_is_the_fullest_day_by_the_fullest_hour() -> None:
    assert fullest_hour() == pytest.approx(0.14 * busiest_day() / 303, rel=0.01)


def test_the_country_is_shared_out_whole_and_the_same_each_time() -> None:
    country = Country(claims=13_000_000, centres=300)
    invoices = sizes(country, 1.3)
    assert sum(invoices) == pytest.approx(10_000_000, rel=1e-4) and min(invoices) > 0
    assert invoices == sizes(country, 1.3) and max(invoices) > 4 * sum(invoices) / 300
    shards = placed(country, 7, invoices)
    assert sum(shards) == sum(invoices) and min(shards) > 0


def test_the_smallest_number_of_shards_is_found_on_which_nothing_is_full() -> None:
    country = Country(partitions=64)
    found = simulate(country, FIGURES)
    assert 1 < found.shards < 64 and found.limits[0].used <= 1
    invoices = sizes(country, FIGURES.claims)
    fewer = limits(country, FIGURES, max(placed(country, found.shards - 1, invoices)), max(invoices))
    assert fewer[0].used > 1
    assert found.limits[0].breaks_at == min(limit.breaks_at for limit in found.limits) >= 1
    assert found.database_machines == found.shards * 3
    with pytest.raises(ArithmeticError, match="partition"):
        simulate(Country(claims=10**12), FIGURES)


def test_the_time_of_a_process_and_of_what_it_starts_is_found() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert seconds(process.pid) > 0.1, "children that ended count too"
        assert process.pid in tree(os.getpid())
        process.communicate("\n")


def test_the_command_reckons_and_measures_nothing() -> None:
    command = [sys.executable, "-m", "desmos_fast.cli", "bench", "capacity", "--json"]
    asked = [*command, "--centres", "2000", "--invoices-per-day", "100", "--users", "4", "--bulk-share", "1"]
    told = json.loads(subprocess.run(asked, cwd=ROOT, capture_output=True, timeout=60, check=True).stdout)
    asked_for = Demand(centres=2000, invoices_per_day=100, users=4, bulk_share=1)
    assert told["service_cores"] == plan(asked_for, FIGURES).service_cores
    assert told["invoices_per_year"] == 60_000_000 and told["figures"]["rows"] == FIGURES.rows
    whole = json.loads(subprocess.run([*command, "--national"], cwd=ROOT, capture_output=True, timeout=60, check=True).stdout)
    assert whole["limits"][0]["breaks_at"] >= 1
    wrong = subprocess.run([*command[:-2], "codec", "--centres", "3"], cwd=ROOT, capture_output=True, timeout=60)
    assert wrong.returncode == 2


def test_the_page_shows_what_was_measured() -> None:
    assert show.page() in show.PAGE.read_text(encoding="utf-8")
