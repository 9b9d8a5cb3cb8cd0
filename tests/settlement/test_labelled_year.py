# SPDX-License-Identifier: Apache-2.0
"""A quarter of a large centre's bank credits, judged by their truth; `python -m loadtests.qualify_year` takes the whole year."""

import pytest

from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.model import Settings
from tests.generators.labelled import Level
from tests.generators.labelled_year import Credited, labelled_year, qualified


@pytest.mark.parametrize(("level", "found"), [("none", 98), ("medium", 94), ("high", 87)])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_credit_is_confirmed_wrongly_and_most_are_found(level: Level, found: int, seed: int) -> None:
    year = labelled_year(seed, 250_000, level, days=91)
    told = qualified(year, decide_credits(year.bank, year.orders, year.payers, Settings()))
    assert told.wrong == 0
    assert 100 * told.found >= found * told.paying


def test_what_is_wrong_would_be_seen() -> None:
    year = labelled_year(1, 25_000, "none", days=20)
    matches = decide_credits(year.bank, year.orders, year.payers, Settings())
    one = next(match.left[0] for match in matches if match.status == "confirmed")
    lie = Credited(year.orders, year.bank, year.payers, {**year.truth, one: frozenset(["another"])}, year.doubtful)
    assert qualified(lie, matches).wrong == 1
