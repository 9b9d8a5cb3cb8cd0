# SPDX-License-Identifier: Apache-2.0
"""What users of other tools complain of, each as what must hold of matching here."""

import random

import pytest

from desmos_fast.settlement.shares import MatchedLine, open_amount, share_state
from ext import subset
from tests.generators.labelled import labelled
from tests.settlement.worlds import credit, invoice, line, of, order, run

# --- rounding drift blocks a match (tests/test_money.py looks for floats)


def test_a_million_sums_split_into_cents_are_found_again_to_the_cent() -> None:
    chance, explain = random.Random(8), subset.explain
    draw = chance.random
    for _ in range(1_000_000):
        first, second = int(draw() * 90_000), int(draw() * 90_000)
        assert explain((first, second, 7), first + second + 7)[0]


# --- matched although the reference said otherwise


def test_a_reference_that_names_another_order_beats_payer_and_amount() -> None:
    orders = [order("o:1", payment_ref="11111"), order("o:2", line(amount=9000), payment_ref="22222")]
    [match] = of(run([], orders, [credit(references=["22222"])]), "B")
    assert match.status != "confirmed" and "o:1" not in match.right


# --- an amount and a few days destroyed another transaction


def test_a_guess_is_a_proposal_and_each_line_and_credit_keeps_its_one_record() -> None:
    orders = [order("o:1", line(amount=1000), payment_ref="1"), order("o:2", line(amount=1100), payment_ref="2", payment_date="2026-09-28")]
    before = [item.id for item in orders]
    result = run([invoice()], orders, [credit(1, days=8), credit(2, 1000, days=1)])
    assert [item.id for item in orders] == before
    # `run` counts the records; the sum of both orders is only proposed, for a credit of one of them is certain.
    assert {match.amount: (match.status, match.right) for match in of(result, "B")} == {
        2100: ("unmatched", ()),
        1000: ("confirmed", ("o:1",)),
    }


# --- a partial payment was marked as paid


def test_a_partial_payment_leaves_the_rest_open() -> None:
    [match] = of(run([invoice()], [order("o:1", line(amount=1000, status="partial"))]), "A")
    assert (match.outcome, match.evidence.values["amount"]) == ("partial", (1000, 2100))
    lines = [MatchedLine("partial", 1000, True)]
    assert (open_amount(2100, lines), share_state(2100, lines, "received")) == (1100, "settled_part")


# --- identical operations were dropped


def test_two_equal_operations_of_one_day_are_two_and_again_two_in_another_file() -> None:
    lines = [credit(number, file=name) for name in ("first", "again") for number in (1, 2)]
    statuses = sorted(match.status for match in of(run([], [order("o:1"), order("o:2", payment_ref="5")], lines), "B"))
    assert statuses == ["duplicate", "duplicate", "suggested"]


# --- two lines were matched to one entry; nobody could say why


@pytest.mark.parametrize("level", ["none", "medium", "high"])
def test_an_order_is_used_once_and_every_confirmed_record_says_why(level: str) -> None:
    world = labelled(4, 500, level)  # type: ignore[arg-type]
    result = run(world.invoices, world.orders, world.bank, payers=world.payers)
    confirmed = [match for match in result.matches if match.status == "confirmed"]
    used = [name for match in confirmed if match.problem == "B" for name in match.right]
    assert len(used) == len(set(used)) > 100
    for match in confirmed:
        evidence = match.evidence
        assert set(evidence.fields) <= evidence.values.keys() | {"window"} and evidence.fields and evidence.settings
        assert evidence.unique and evidence.solutions == 1 and evidence.candidates >= 1
        assert set(match.right) <= set(evidence.candidate_ids) or len(match.right) > 10 or evidence.candidates > 10
    for match in result.matches:
        if match.status in ("unmatched", "ambiguous", "suggested", "parked", "ignored"):
            assert match.evidence.why
