# SPDX-License-Identifier: Apache-2.0
"""Credits that pay several orders: groups, sums, netted recoveries; what is confirmed, what is only proposed, what is left."""

from typing import Any

import pytest

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Match, Order, Payer, Settings
from tests.settlement.worlds import AMC, OPERATOR, PAYERS, credit, line, of, order, run


def decided(orders: list[Order], *bank: BankLine, settings: Settings | None = None, payers: list[Payer] | None = None) -> list[Match]:
    return of(run([], orders, list(bank), settings, payers), "B")


def paying(name: str, amount: int, reference: str = "", **changes: Any) -> Order:
    status = "recovery" if amount < 0 else "paid"
    return order(name, line(status=status, amount=amount, part=None), **({"payment_ref": reference or f"9{name[2:]:>05}"} | changes))


def quoting(*references: str) -> dict[str, Any]:
    return {"remittance": [f"DECOMPTE {reference}" for reference in references], "references": list(references)}


def told(match: Match) -> tuple[str, str, tuple[str, ...], Any]:
    return match.status, match.rule, match.right, None if match.status == "confirmed" else match.evidence.why


EARLIER, LATER = {"payment_date": "2026-09-28"}, {"payment_date": "2026-10-03"}


# --- B3


def test_all_orders_of_one_day_of_a_payer_are_a_group() -> None:
    orders = [paying("o:1", 1000), paying("o:2", 700), paying("o:3", 5000, **EARLIER)]
    [match] = decided(orders, credit(amount=1700))
    assert told(match) == ("confirmed", "B3", ("o:1", "o:2"), None)
    assert match.evidence.fields == ("payer", "payment_date", "amount")
    assert match.evidence.values["payment_date"] == ("2026-10-03", "2026-10-02")
    assert (match.evidence.candidates, match.evidence.solutions, match.evidence.unique) == (2, 1, True)


def test_all_orders_of_one_reference_are_a_group_that_no_text_has_to_quote() -> None:
    orders = [paying("o:1", 1000, "77777"), paying("o:2", 700, "77777", **EARLIER), paying("o:3", 50)]
    [match] = decided(orders, credit(amount=1700))
    assert told(match) == ("confirmed", "B3", ("o:1", "o:2"), None) and match.evidence.fields == ("payer", "payment_ref", "amount")


def test_some_orders_of_a_day_are_no_group() -> None:
    [match] = decided([paying("o:1", 1000), paying("o:2", 700), paying("o:3", 50)], credit(amount=1700))
    assert told(match) == ("suggested", "B4", ("o:1", "o:2"), "unique_sum")


def test_a_group_with_a_recovery_is_none() -> None:
    [match] = decided([paying("o:1", 1000), paying("o:2", 700), paying("o:3", -200)], credit(amount=1500))
    assert told(match)[:2] == ("suggested", "B4")


def test_an_operator_pays_the_orders_of_its_insurers() -> None:
    payers = [*PAYERS[:2], Payer(id=OPERATOR, kind="operator", names=("TIERSPAY SERVICES",), pays_for=(AMC, "amc:2"))]
    orders = [paying("o:1", 1000, payer=AMC, emitter=None), paying("o:2", 700, payer="amc:2", emitter=None), paying("o:3", 30)]
    [match] = decided(orders, credit(amount=1700, payer_name="TIERSPAY SERVICES"), payers=payers)
    assert told(match) == ("confirmed", "B3", ("o:1", "o:2"), None)
    assert match.evidence.values["payer"] == (OPERATOR, AMC, "amc:2")


def test_two_groups_or_a_group_and_a_single_order_are_not_chosen_between() -> None:
    pairs = [paying("o:1", 1000), paying("o:2", 700), paying("o:3", 900, **EARLIER), paying("o:4", 800, **EARLIER)]
    assert told(decided(pairs, credit(amount=1700))[0]) == ("ambiguous", "B5", (), "several_sums")
    single = [*pairs[:2], paying("o:5", 1700, **LATER)]
    assert told(decided(single, credit(amount=1700))[0]) == ("ambiguous", "B5", (), "several_sums")


def test_a_group_is_not_given_to_one_of_two_credits() -> None:
    orders = [paying("o:1", 1000), paying("o:2", 700)]
    assert [told(match) for match in decided(orders, credit(1, 1700), credit(2, 1700))] == [("ambiguous", "B5", (), "wanted_twice")] * 2
    grouped, single = decided(orders, credit(1, 1700), credit(2, 700))
    assert "confirmed" not in (grouped.status, single.status)


@pytest.mark.parametrize("days", [-3, 11])
def test_a_group_outside_the_window_is_none(days: int) -> None:
    assert decided([paying("o:1", 1000), paying("o:2", 700)], credit(amount=1700, days=days))[0].status == "unmatched"


def test_a_text_that_names_another_order_speaks_against_a_group() -> None:
    orders = [paying("o:1", 1000), paying("o:2", 700), paying("o:3", 99, "55555", **LATER)]
    assert decided(orders, credit(amount=1700, **quoting("55555")))[0].status == "unmatched"
    assert told(decided(orders, credit(amount=1700, **quoting("900002")))[0]) == ("confirmed", "B3", ("o:1", "o:2"), None)
    grouped, other = decided(orders, credit(1, 1700), credit(2, 12, **quoting("900002")))
    assert (grouped.status, other.status) == ("unmatched", "suggested")


# --- B4, B5


THREE = [paying("o:1", 1000), paying("o:2", 700, **EARLIER), paying("o:3", 50, **LATER)]


def test_an_only_subset_is_proposed_and_never_confirmed_without_a_reference() -> None:
    [match] = decided(THREE, credit(amount=1750))
    assert told(match) == ("suggested", "B4", ("o:1", "o:2", "o:3"), "unique_sum")
    assert (match.evidence.candidates, match.evidence.solutions, match.evidence.unique) == (3, 1, True)
    [sure] = decided(THREE, credit(amount=1750), settings=Settings(confirm_unique_sum=True))
    assert told(sure) == ("confirmed", "B4", ("o:1", "o:2", "o:3"), None)


def test_an_only_subset_that_holds_a_quoted_order_is_confirmed() -> None:
    [match] = decided(THREE, credit(amount=1700, **quoting("900002")))
    assert told(match) == ("confirmed", "B4r", ("o:1", "o:2"), None)
    assert match.evidence.values["references"] == ("900002",)
    [without] = decided(THREE, credit(amount=1050, **quoting("900002")))
    assert told(without) == ("unmatched", "B9", (), "reference_with_another_sum")


def test_several_subsets_are_said_to_be_several_and_none_is_chosen() -> None:
    orders = [*THREE, paying("o:4", 650, payment_date="2026-09-30"), paying("o:5", 9999, payment_date="2026-09-30")]
    for texts in ({}, quoting("900002")):
        [match] = decided(orders, credit(amount=1700, **texts))
        assert told(match) == ("ambiguous", "B5", (), "several_sums")
        assert (match.evidence.candidates, match.evidence.solutions, match.evidence.unique) == (5, 2, False)


def test_a_recovery_of_the_last_four_months_is_netted_in_a_proposal() -> None:
    for day, status in (("2026-06-05", "suggested"), ("2026-06-04", "unmatched"), ("2026-10-04", "unmatched")):
        [match] = decided([paying("o:1", 1000), paying("o:2", -150, payment_date=day)], credit(amount=850))
        assert match.status == status
    [match] = decided(
        [paying("o:1", 1000), paying("o:2", -150, payment_date="2026-06-04")], credit(amount=850), settings=Settings(recovery_days=121)
    )
    assert match.status == "suggested"


def test_a_credit_of_nobody_known_or_of_no_sum_is_left() -> None:
    assert told(decided(THREE, credit(amount=1750, payer_name=None, label="VIR"))[0]) == ("unmatched", "B9", (), "payer_unknown")
    assert told(decided(THREE, credit(amount=1751))[0]) == ("unmatched", "B9", (), "no_order")


# --- B6


def test_a_quoted_order_less_the_only_recoveries_that_fit_is_confirmed() -> None:
    orders = [paying("o:1", 5000, "55555"), paying("o:2", -300, **EARLIER), paying("o:3", -170, **EARLIER), paying("o:4", -90, **EARLIER)]
    [match] = decided(orders, credit(amount=4530, **quoting("55555")))
    assert told(match) == ("confirmed", "B6", ("o:1", "o:2", "o:3"), None)
    assert match.evidence.values == {"references": ("55555",), "amount": (4530, 4530)}


def test_several_nettings_are_not_chosen_between() -> None:
    orders = [paying("o:1", 5000, "55555"), paying("o:2", -300, **EARLIER), paying("o:3", -300, **EARLIER)]
    [match] = decided(orders, credit(amount=4700, **quoting("55555")))
    assert told(match) == ("ambiguous", "B6", (), "several_nettings") and match.evidence.solutions == 2


def test_a_recovery_is_netted_once() -> None:
    orders = [paying("o:1", 5000, "55555"), paying("o:2", 4000, "44444"), paying("o:3", -300, **EARLIER)]
    matches = decided(orders, credit(1, 4700, **quoting("55555")), credit(2, 3700, **quoting("44444")))
    assert [told(match) for match in matches] == [("ambiguous", "B5", (), "wanted_twice")] * 2
    later = paying("o:4", -300, payment_date="2026-10-05")
    first, second = decided([*orders, later], credit(1, 4700, days=1, **quoting("55555")), credit(2, 3700, days=5, **quoting("44444")))
    assert (first.right, second.right) == (("o:1", "o:3"), ("o:2", "o:4"))


def test_a_recovery_of_another_payer_or_of_a_later_day_is_not_netted() -> None:
    for changes in ({"payer": AMC, "emitter": None}, {"payment_date": "2026-10-04"}):
        [match] = decided([paying("o:1", 5000, "55555"), paying("o:2", -300, **changes)], credit(amount=4700, **quoting("55555")))
        assert told(match) == ("suggested", "B6", ("o:1",), "less_than_quoted")


def test_what_was_held_back_without_a_word_is_proposed_with_what_is_left() -> None:
    [match] = decided([paying("o:1", 5000, "55555")], credit(amount=4700, **quoting("55555")))
    assert (match.status, match.right, match.amount, match.residual) == ("suggested", ("o:1",), 4700, -300)
    twice = decided([paying("o:1", 5000, "55555")], credit(1, 4700, **quoting("55555")), credit(2, 4600, **quoting("55555")))
    assert [match.status for match in twice] == ["unmatched", "unmatched"]


def test_the_netting_of_an_operator_takes_recoveries_of_its_insurers() -> None:
    orders = [paying("o:1", 5000, "55555", payer=AMC, emitter=None), paying("o:2", -300, payer=AMC, emitter=None, **EARLIER)]
    [match] = decided(orders, credit(amount=4700, payer_name="TIERSPAY SERVICES", **quoting("55555")))
    assert told(match) == ("confirmed", "B6", ("o:1", "o:2"), None)
    assert decided(orders, credit(amount=4700, payer_name=None, label="VIR", **quoting("55555")))[0].rule == "B6"
