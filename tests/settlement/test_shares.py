# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base.errors import OurBug
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.model import LineStatus
from desmos_fast.settlement.shares import MatchedLine, open_amount, share_state

PAID = MatchedLine("paid", 2100, False)
PAID_IN = MatchedLine("paid", 2100, True)
PART = MatchedLine("partial", 1000, False)
PART_IN = MatchedLine("partial", 1000, True)
REST = MatchedLine("paid", 1100, False)
REST_IN = MatchedLine("paid", 1100, True)
REJECT = MatchedLine("rejected", 0, False)
BACK = MatchedLine("recovery", -2100, False)


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([], "received"),
        ([PAID], "announced"),
        ([PAID_IN], "settled"),
        ([PART], "announced_part"),
        ([PART_IN], "settled_part"),
        ([PART, REST], "announced"),
        ([PART_IN, REST], "settled_part"),
        ([PART_IN, REST_IN], "settled"),
        ([REJECT], "rejected"),
        ([PART, REJECT], "rejected"),
        ([PART_IN, REJECT], "rejected"),
        ([PAID_IN, REJECT], "settled"),
        ([PAID_IN, PAID_IN], "settled"),
        ([PAID_IN, BACK], "indu"),
    ],
)
def test_the_state_follows_from_the_lines(lines: list[MatchedLine], state: str) -> None:
    assert share_state(2100, lines, "received") == state


ACCEPTED = MatchedLine("recovery", -600, False, True)
CLAIMED = MatchedLine("rejected", 0, False, True)


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([PAID_IN, MatchedLine("recovery", -2100, False, True)], "open"),
        ([PAID_IN, MatchedLine("recovery", -2100, True, True)], "open"),
        ([PAID_IN, ACCEPTED], "settled_part"),
        ([PAID, ACCEPTED], "announced_part"),
        ([PAID_IN, ACCEPTED, MatchedLine("paid", 600, True)], "settled"),
        ([PAID_IN, ACCEPTED, BACK], "indu"),
        ([CLAIMED], "pending"),
        ([CLAIMED, PART], "announced_part"),
        ([CLAIMED, PAID_IN], "settled"),
        ([CLAIMED, REJECT], "rejected"),
    ],
)
def test_what_a_person_answered_counts_for_its_amount_alone(lines: list[MatchedLine], state: str) -> None:
    for order in (lines, lines[::-1]):
        assert share_state(2100, order, "received") == state


def test_a_share_of_nothing_is_settled_by_its_return_alone() -> None:
    assert share_state(0, [MatchedLine("paid", 0, False)], "received") == "settled"
    assert share_state(0, [REJECT], "received") == "rejected"


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_state_is_never_left(state: str) -> None:
    assert share_state(2100, [PAID_IN], state) == state


def test_without_a_line_the_state_before_must_not_come_from_lines() -> None:
    with pytest.raises(OurBug):
        share_state(2100, [], "announced")


def test_what_is_open_is_never_below_zero() -> None:
    assert open_amount(2100, [PART]) == 1100
    assert open_amount(2100, [PAID, PAID]) == 0
    assert open_amount(2100, [PAID, BACK]) == 2100


statuses: st.SearchStrategy[LineStatus] = st.sampled_from(["paid", "partial"])
money = st.builds(MatchedLine, statuses, st.integers(0, 3000), st.booleans())
lines_of_a_share = st.lists(st.one_of(money, st.just(REJECT), st.just(BACK)), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(lines_of_a_share, st.data())
def test_any_order_of_returns_and_credits_ends_in_the_same_state(lines: list[MatchedLine], data: st.DataObject) -> None:
    # Arrival one by one, each time from the state reached so far: the end must not depend on the order.
    states = set()
    for order in (lines, data.draw(st.permutations(lines))):
        state = "sent"
        for count in range(1, len(order) + 1):
            state = share_state(2100, order[:count], state)
        states.add(state)
    assert states == {share_state(2100, lines, "sent")}
