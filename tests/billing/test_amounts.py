# SPDX-License-Identifier: Apache-2.0
"""Amounts held against base and rate, to the cent."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.billing.amounts import half_up, mismatches
from desmos_fast.billing.model import NgapAct
from tests.billing.test_rules import EXAMPLES
from tests.billing.visits import act, invoice

DAYS = {"W11b": "2026-05-11", "W10": "2023-11-15"}


def on(day: str, *acts: NgapAct) -> list[NgapAct]:
    return [msgspec.structs.replace(one, date=day) for one in acts]


@pytest.mark.parametrize(("name", "acts"), [pytest.param(row[0], row[1], id=row[0]) for row in EXAMPLES])
def test_a_worked_example_is_accepted_and_one_cent_off_is_not(name: str, acts: list[NgapAct]) -> None:
    dated = on(DAYS.get(name, "2026-03-10"), *acts)
    assert list(mismatches(invoice(*dated))) == []
    for cent in (1, -1):
        off = [*dated[:-1], msgspec.structs.replace(dated[-1], amo=dated[-1].amo + cent)]
        (fault,) = mismatches(invoice(*off))
        assert (fault.code, fault.field, fault.value) == ("amount_mismatch", f"acts[{len(acts) - 1}].amo", dated[-1].amo + cent)
        assert str(dated[-1].amo) in fault.message


@pytest.mark.parametrize(("day", "flat"), [("2018-12-31", 1800), ("2019-01-01", 2400), ("2026-04-21", 2400), ("2026-04-22", 3200)])
def test_the_flat_share_is_that_of_the_day(day: str, flat: int) -> None:
    assert not list(mismatches(invoice(*on(day, act(12540, 12540, 100, 12540 - flat, flat)))))
    assert list(mismatches(invoice(*on(day, act(12540, 12540, 100, 12540 - flat - 1, flat)))))


def test_only_heavy_acts_at_the_whole_rate_have_one() -> None:
    for base, rate in ((12000, 100), (12540, 60)):
        assert list(mismatches(invoice(*on("2026-03-10", act(base, base, rate, half_up(base, rate) - 2400, 0)))))


@given(base=st.integers(0, 10**8), rate=st.integers(0, 100))
def test_half_a_cent_goes_up(base: int, rate: int) -> None:
    share = half_up(base, rate)
    assert -50 < share * 100 - base * rate <= 50
