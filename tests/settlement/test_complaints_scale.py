# SPDX-License-Identifier: Apache-2.0
"""Users of other tools complain that a year of lines never ends: time grows with the lines, and no faster."""

import gc
import time
from collections.abc import Iterator

import pytest

from desmos_fast.settlement import rules
from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.lines import decide_lines
from desmos_fast.settlement.model import Settings
from tests.settlement.scale import years

QUARTER_OF_ALL = 20
INVOICES = 7_200


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def measured(quarters: int) -> tuple[int, int, float, float]:
    """Return how many order lines and bank lines there are, and the microseconds of processor time for each."""
    made = years(quarters, INVOICES)
    orders, bank = sorted(made.orders, key=lambda one: one.id), sorted(made.bank, key=lambda one: one.id)
    lines, parts = rules.open_lines(orders), rules.open_parts(made.invoices)
    begun = time.process_time()
    found = decide_lines(lines, parts, Settings())
    half = time.process_time()
    credits = decide_credits(bank, orders, made.payers, Settings())
    done = time.process_time()
    confirmed = sum(match.status == "confirmed" for match in credits)
    assert len(found) == len(lines) and confirmed * 10 > len(bank) * 9
    return len(lines), len(bank), (half - begun) / len(lines) * 1e6, (done - half) / len(bank) * 1e6


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
def test_a_million_order_lines_and_a_hundred_thousand_bank_lines_take_as_long_each_as_a_quarter_of_them(no_collector: None) -> None:
    fewer, more = measured(QUARTER_OF_ALL), measured(4 * QUARTER_OF_ALL)
    print(f"\n{fewer} to {more}: order lines, bank lines, microseconds for each")
    assert more[0] > 990_000 and more[1] > 100_000
    assert more[2] < 1.3 * fewer[2] and more[3] < 1.3 * fewer[3]
