# SPDX-License-Identifier: Apache-2.0
"""Every contender of every race, on a small size: it runs and gives the right result, or its library is not there."""

import msgspec
import orjson
import pytest

from desmos_fast.billing.model import CcamAct
from loadtests import suite
from loadtests.child import digest
from loadtests.data.invoices import EXECUTORS, invented
from loadtests.model import Contender, Race
from loadtests.peers.f_strings import f_strings
from loadtests.rounds import missing
from tests.oracle import fse as oracle

SMALL = 60
# Those that need a database or a card service around them have tests of their own.
APART = ("loadtests.suites.http", "loadtests.suites.card", "loadtests.suites.ends", "loadtests.suites.sizing")
RACES = [race for name in suite.SUITES for module, race in suite.races(name) if module not in APART]
ALL = [pytest.param(race, each, id=f"{race.name}-{each.name}") for race in RACES for each in race.contenders]


@pytest.mark.parametrize(("race", "contender"), ALL)
def test_a_contender_gives_the_right_result(race: Race, contender: Contender) -> None:
    if absent := missing(contender):
        pytest.skip(f"{absent} is not installed")
    size = 1 if race.unit == "B" else SMALL
    job = contender.prepare(size)
    assert digest(job.proof(job.run())) == digest(race.answer(size))


def test_the_f_strings_that_answer_write_what_the_second_encoder_writes() -> None:
    invoices = invented(400)
    dicts = [orjson.loads(orjson.dumps(msgspec.to_builtins(invoice))) for invoice in invoices]
    runs, faults = oracle.encode(dicts, 1)
    assert not faults
    assert b"".join(runs) == f_strings()(invoices) == f_strings("dicts")(dicts)


def test_invoices_are_the_same_each_time_and_no_two_alike() -> None:
    first = invented(2_000)
    assert first == invented(2_000) and first[:100] == invented(100)
    assert len({invoice.insured_nir for invoice in first}) > 1_950
    assert len({invoice.acts for invoice in first}) > 1_950
    assert first != invented(2_000, seed=2)


def test_invoices_vary() -> None:
    made = invented(4_000)
    acts = [act for invoice in made for act in invoice.acts]
    assert {act.executor for act in acts} == set(EXECUTORS)
    assert {len(invoice.acts) for invoice in made} == {1, 2, 3}
    ccam = [act for act in acts if isinstance(act, CcamAct)]
    assert 0.22 < len(ccam) / len(acts) < 0.28
    assert any(act.teeth for act in ccam) and any(act.modifiers for act in ccam)
    for part in ("amc", "prescriber", "referring_doctor"):
        assert 0.05 < sum(getattr(invoice, part) is not None for invoice in made) / len(made) < 0.95
