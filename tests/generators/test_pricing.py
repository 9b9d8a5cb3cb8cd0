# SPDX-License-Identifier: Apache-2.0
"""The kernel of pricing and its twin over generated invoices and packs: a short run here, the long ones under the `fuzz` mark."""

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.nomenclature import rules
from desmos_fast.nomenclature.rules import Placed
from desmos_fast.nomenclature.tables import BY_NAME
from tests.billing.pricing.engines import Answer, compiled
from tests.billing.pricing.packs import SHIPPED, SMALL
from tests.billing.pricing.visits import ngap, visit
from tests.generators import pricing_compare
from tests.generators.draw import drawn, seeded
from tests.generators.pricing import EACH, ROOT, together
from tests.generators.pricing_compare import WANTED, Comparison, compare, options_of
from tests.generators.pricing_invoices import Menu, given_again, invoice
from tests.generators.pricing_packs import TABLES, other_pack

SEEDS = 12
MENUS = [Menu(pack) for pack in (SMALL, SHIPPED, *(other_pack(seeded(seed), SMALL) for seed in range(3)))]


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """One to three invoices, priced twice: without the amounts that the rules make, and with them or others."""
    d = drawn(draw)
    menu = d.pick(MENUS)
    found, options = Comparison(), options_of(d, menu)
    fresh = [invoice(d, menu) for _ in range(1 + d.below(3))]
    priced = found.block(fresh, menu.pack, options)
    found.block([given_again(d, one, each) for one, each in zip(fresh, priced, strict=True)], menu.pack, options)
    return found


def test_a_short_run_agrees_and_leaves_nothing_out() -> None:
    """Every rule, every row that evidence names and every fault is in it."""
    seen: set[str] = set()
    for seed in range(SEEDS):
        found = compare(seed, EACH)
        assert found.differences == []
        seen |= set(found.seen)
    assert WANTED - seen == set()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(comparisons())
def test_invoices_agree(found: Comparison) -> None:
    assert found.differences == []


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(comparisons())
def test_many_invoices_agree(found: Comparison) -> None:
    assert found.differences == []


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_a_million_invoices_agree() -> None:
    assert together([(seed, EACH) for seed in range(500)], os.cpu_count() or 1, ROOT / "build" / "priced.ndjson") == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_generated_pack_is_sound(seed: int) -> None:
    pack = other_pack(seeded(seed), SHIPPED if seed % 2 else SMALL)
    rows = {table: [Placed(row, table, place) for place, row in enumerate(getattr(pack, table))] for table in TABLES}
    # What a small pack does not have, another one lends.
    lent = frozenset(table for table in TABLES if BY_NAME[table].lent and not rows[table])
    assert list(rules.check(rows, lent)) == []


# The comparison itself -----------------------------------------------------------------------------------------------------------


def differences(monkeypatch: pytest.MonkeyPatch, other: Any) -> int:
    monkeypatch.setattr(pricing_compare, "compiled", lambda *args, **options: other(*compiled(*args, **options)))
    found = Comparison()
    found.block([visit(), visit(ngap("ZZ"))], SMALL, {"today": date(2026, 3, 10)})
    return found.different


def test_one_other_cent_row_or_fault_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def cent(priced: list[Any], faults: list[Any]) -> Answer:
        return [msgspec.structs.replace(priced[0], amc=priced[0].amc + 1), *priced[1:]], faults

    def row(priced: list[Any], faults: list[Any]) -> Answer:
        act = msgspec.structs.replace(priced[0].acts[0], rate_row=priced[0].acts[0].rate_row + 1)
        return [msgspec.structs.replace(priced[0], acts=(act,)), *priced[1:]], faults

    assert differences(monkeypatch, lambda priced, faults: (priced, faults)) == 0
    assert differences(monkeypatch, cent) == differences(monkeypatch, row) == 1
    assert differences(monkeypatch, lambda priced, faults: (priced, [])) == 1
    assert differences(monkeypatch, lambda priced, faults: (priced, [msgspec.structs.replace(each, invoice=0) for each in faults])) == 2


def test_a_run_goes_on_where_another_one_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "priced.ndjson"
    assert together([(0, 20)], 1, log) == 1
    assert "20 invoices" in capsys.readouterr().out
    first = log.read_text()
    assert together([(0, 20), (1, 20)], 1, log) == 1
    said = capsys.readouterr().out
    assert "40 invoices" in said and " 0 different" in said and "never there: " in said
    assert log.read_text().startswith(first)
    assert [json.loads(line)["seed"] for line in log.read_text().splitlines()] == [0, 1]


def test_a_seed_gives_the_same_again() -> None:
    menu = MENUS[0]
    first, again, other = ([invoice(d, menu) for _ in range(20)] for d in (seeded(7), seeded(7), seeded(8)))
    assert first == again != other
