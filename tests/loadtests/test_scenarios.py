# SPDX-License-Identifier: Apache-2.0
"""Every scenario in small, over a real database and a real service: who is not to be touched is not, and nothing is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desmos_fast.base.errors import InvalidInput
from desmos_fast.db.embedded import Cluster
from loadtests.actions import actions, lived_in
from loadtests.bandwidth import Alone, Far, judged, weigh
from loadtests.scenarios import ramp as ramps
from loadtests.scenarios import table
from loadtests.scenarios.__main__ import options
from loadtests.scenarios.catalogue import SCENARIOS
from loadtests.scenarios.driver import Target
from loadtests.scenarios.figures import Aim, Sample, figures
from loadtests.scenarios.model import Asked, Result, Scenario
from loadtests.scenarios.night import Night
from loadtests.scenarios.play import played
from loadtests.scenarios.slow import Slow
from loadtests.scenarios.town import Desk, Town, foreign, own
from loadtests.served import Place
from tests.db.databases import empty

pytestmark = pytest.mark.together
CENTRES = 3
# Bytes of HTTP, both ways: at a desk things happen all the time.
BUDGET = {"desk": 5_000, "biller": 20_000, "page": 20_000}
numbers = itertools.count(1000)
# Enough of each to see it, on a machine that does other things: no time is judged here.
SMALL = {
    "opening": Asked(seconds=2.0, warm_s=0.0),
    "neighbour": Asked(scale=0.1, seconds=1.5, warm_s=0.2),
    "slow": Asked(scale=0.1, seconds=1.5, warm_s=0.2),
    "payer": Asked(seconds=4.0, warm_s=0.5),
    "year": Asked(scale=0.02, seconds=1.0, warm_s=0.1),
    "night": Asked(seconds=1.0, warm_s=0.0),
    "month-end": Asked(seconds=1.0, warm_s=0.0),
    "storm": Asked(seconds=1.5, warm_s=0.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def here(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield Place(made.owner_dsn, made.app_dsn, made.admin_dsn, cluster.data_dir)


@pytest.fixture(scope="module")
def port(here: Place) -> Iterator[int]:
    with own(here, 1) as target:
        yield target.port


@pytest.fixture
async def town(here: Place, port: int) -> AsyncIterator[Town]:
    """Give centres of its own to each test."""
    centres = await here.centres([next(numbers) for _ in range(CENTRES)])
    made = Town(Target(port), [Desk(centre) for centre in centres], here)
    yield made
    made.target.close()
    await asyncio.sleep(0)


async def small(name: str, town: Town, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, list[Sample]]:
    """Play a scenario in small; every proof of it must hold."""
    monkeypatch.setattr("loadtests.scenarios.night.INVOICES", 20)
    monkeypatch.setattr("loadtests.scenarios.month_end.INVOICES_EACH", 20)
    # Few people: on a slow machine many would wait for a connection longer than it is given them.
    monkeypatch.setattr("loadtests.scenarios.neighbour.QUIET", 4.0)
    for module in ("slow", "payer", "year", "night", "month_end", "storm"):
        monkeypatch.setattr(f"loadtests.scenarios.{module}.PEOPLE", 4.0)
    for module in ("opening", "people", "month_end"):
        monkeypatch.setattr(f"loadtests.scenarios.{module}.THINK_S", 0.05)
    result, samples = await played(SCENARIOS[name], town, SMALL[name])
    assert [proof for proof in result.proofs if not proof.holds] == []
    assert result.total.asked > 0 and result.centres == CENTRES
    return result, samples


async def test_monday_morning_opens_every_desk_and_keeps_every_invoice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, samples = await small("opening", town, monkeypatch)
    assert result.total.errors == {}
    assert sum(one.action == "dashboard" for one in samples) == CENTRES * 3
    assert "an invoice is kept for each that was answered, and no other" in {proof.name for proof in result.proofs}


async def test_a_noisy_neighbour_costs_the_quiet_ones_no_request(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("neighbour", town, monkeypatch)
    assert result.judged == "quiet" and result.groups["quiet"].errors == {}
    assert result.groups["noisy"].asked > 5 * result.groups["quiet"].asked


async def test_slow_clients_hold_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("slow", town, monkeypatch)
    assert result.total.errors == {} and result.total.asked > 3
    assert "60 opened" in result.proofs[-1].said


async def test_a_payer_that_is_down_loses_nothing_and_is_left_alone(here: Place, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("payer", town, monkeypatch)
    assert [proof.name for proof in result.proofs[:3]] == [
        "the breaker left the payer alone", "nothing was lost, changed or given up", "what waited was delivered",
    ]  # fmt: skip
    assert result.actions["build lots"].errors == {}


async def test_a_year_comes_in_whole_beside_the_others(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("year", town, monkeypatch)
    assert result.proofs[0].said.startswith("2000 invoices")
    assert result.groups["people"].errors == {}


async def test_a_night_ends_with_books_that_say_what_payers_and_banks_said(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, samples = await small("night", town, monkeypatch)
    assert sum(one.action == "reconcile" for one in samples) == CENTRES
    # The books are compared indeed: those of a centre that was told something else differ.
    night = Night(town, SMALL["night"])
    await night.prepare()
    assert [proof.name for proof in await night.proofs(samples) if not proof.holds] == ["the books are what payers and banks said"]


async def test_a_month_ends_in_lots(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("month-end", town, monkeypatch)
    assert result.groups["accountants"].errors == {} and result.actions["draft of the books"].asked == CENTRES


async def test_agents_that_come_back_together_are_known_and_hold_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await small("storm", town, monkeypatch)
    assert "180 of 180 events" in result.proofs[1].said and result.groups["people"].errors == {}


def test_each_scenario_is_tried_in_small() -> None:
    assert set(SMALL) == set(SCENARIOS)


async def test_what_people_do_fits_the_line_of_a_centre(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten share 2 Mbit/s: in the 0.8 s that latency leaves of a second, the share of each passes 20 KB."""
    monkeypatch.setattr("loadtests.scenarios.night.INVOICES", 200)
    await lived_in(town)
    weights = {one.name: one for one in await weigh(town.target.port, await actions(town))}
    heavy = {name: one.up + one.down for name, one in weights.items() if one.up + one.down > BUDGET[one.who]}
    # A file that an accountant takes once a month.
    assert heavy.keys() <= {"draft of the books"}, heavy
    assert weights["ledger, a page"].down > 2048, "a page of many rows is a long one"


def of(load: float, held: bool) -> Result:
    """Return what a load came to."""
    return Result(
        scenario="toy", says="", day="", seed=1, scale=1, load=load, centres=1, seconds=1, warm_s=0, late_p99=0, judged="",
        total=figures([Sample(0, 0.1, 0, "look", "read", "all", "")] * round(load * 10), 1.0), actions={}, groups={},
        aims=[Aim("p99", "", 1, held)], proofs=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("breaks", "held", "broke"), [(3.3, 3.25, 3.5), (0.3, 0.28125, 0.3125), (0.0, None, 1 / 512), (10_000.0, 512.0, None)]
)
async def test_a_ramp_finds_where_a_service_gives_way(
    breaks: float, held: float | None, broke: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(kind: type[Scenario], town: Town, asked: Asked) -> tuple[Result, list[Sample]]:
        return of(asked.load, asked.load <= breaks), []

    monkeypatch.setattr(ramps, "played", play)
    found = await ramps.ramp(Slow, Town(Target(1), [], None), Asked())
    assert (found.held, found.broke) == (held, broke)
    assert found.missed == ([] if broke is None else ["p99"])
    assert [step.load for step in found.steps] == sorted(step.load for step in found.steps)
    assert "saturation" in table.ramp(found) and (held is None or f"load {held:g}" in found.said)


def test_what_breaks_a_service_is_not_played_on_somebody_elses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    keys.write_text("750000010 dsf_test_x\n750000028 dsf_test_y\n", encoding="utf-8")
    town = foreign("http://127.0.0.1:8080", keys, 1)
    assert [desk.centre.finess for desk in town.desks] == ["750000010"] and (town.target.host, town.target.port) == ("127.0.0.1", 8080)
    keys.write_text("750000010 dsf_live_x\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="test alone"):
        foreign("http://127.0.0.1:8080", keys, 1)
    with pytest.raises(InvalidInput, match="http://HOST:PORT"):
        foreign("https://127.0.0.1", keys, 1)
    for wrong in (["payer", "--url", "http://x", "--keys", "y"], ["opening", "--url", "http://x"], ["opening", "--warm", "60"], ["no"]):
        with pytest.raises(SystemExit):
            options(wrong)
    assert "starts a service of its own" in capsys.readouterr().err


def test_the_people_on_a_line_are_judged_together() -> None:
    samples = [("a", 0.1, 200)] * 95 + [("b", 2.0, 200)] * 5
    told = judged(Far({"a": Alone(1, 1, 1)}, samples, (125_000, 250_000)), 2000, 10, 10.0)
    assert (told.p95_ms, told.p99_ms, told.up_kbps, told.down_kbps, told.holds) == (100.0, 2000.0, 100.0, 200.0, True)
    assert not judged(Far({}, [*samples, ("b", 2.0, 200)], (0, 0)), 2000, 10, 10.0).holds
    assert not judged(Far({}, [*samples[:99], ("b", 0.1, 503)], (0, 0)), 2000, 10, 10.0).holds
    assert replace(Asked(), load=2.0).draw.random() == Asked().draw.random()
