# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.model import LearnedLabel, Match, Order, Payer, PayerSettings, Settings
from tests.settlement.worlds import AMC, AMO, OPERATOR, PAID_ON, PAYERS, credit, line, of, order, run

REFERENCE = "262750001234"
QUOTING: dict[str, Any] = {"remittance": [f"DECOMPTE {REFERENCE}"], "references": [REFERENCE]}


def decided(orders: list[Order], *bank: BankLine, settings: Settings | None = None) -> list[Match]:
    return of(run([], orders, list(bank), settings), "B")


def amc_order(name: str = "m:1", amount: int = 900, **changes: Any) -> Order:
    return order(
        name, line(part="amc", payer=AMC, amount=amount), **({"payer": AMC, "emitter": OPERATOR, "payment_ref": "98765"} | changes)
    )


def test_a_reference_with_the_right_sum_confirms() -> None:
    [match] = decided([order()], credit(payer_name=None, label="VIR", **QUOTING))
    assert (match.status, match.rule, match.right, match.amount, match.residual) == ("confirmed", "B1", ("o:1",), 2100, 0)
    assert match.evidence.values["references"] == (REFERENCE,)


def test_orders_of_one_reference_and_several_references_are_summed() -> None:
    orders = [order("o:1"), order("o:2"), order("o:3", payment_ref="55555", payment_date="2026-09-01")]
    text = f"DECOMPTES {REFERENCE} 55555"
    [match] = decided(orders, credit(amount=6300, remittance=[text], references=[REFERENCE, "55555"]))
    assert (match.rule, match.right) == ("B1", ("o:1", "o:2", "o:3"))


def test_a_reference_of_letters_and_digits_is_found_in_the_text() -> None:
    [match] = decided([order(payment_ref="PAY12B")], credit(payer_name=None, label="VIR", remittance=["Réf pay12b."]))
    assert match.rule == "B1"


def test_one_reference_of_two_payers_is_told_by_the_payer() -> None:
    orders = [order("o:1"), order("m:1", line(part="amc", payer=AMC), payer=AMC, emitter=AMC)]
    [match] = decided(orders, credit(**QUOTING))
    assert match.right == ("o:1",)


def test_two_credits_that_quote_one_order_are_both_left() -> None:
    matches = decided([order()], credit(1, **QUOTING), credit(2, **QUOTING))
    assert [(match.status, match.right, match.evidence.why) for match in matches] == [("ambiguous", (), "wanted_twice")] * 2


def test_a_reference_that_names_another_order_beats_payer_and_amount() -> None:
    orders = [order("o:1", payment_ref="11111"), order("o:2", line(amount=5000))]
    [match] = decided(orders, credit(**QUOTING))
    assert (match.status, match.right, match.evidence.why) == ("suggested", ("o:2",), "less_than_quoted")
    [more] = decided(orders, credit(remittance=["11111 22222"], references=["11111"], amount=5000))
    assert (more.status, more.evidence.why, more.evidence.lost) == ("unmatched", "reference_with_another_sum", {
        "o:1": "another_sum", "o:2": "reference_with_another_sum",
    })  # fmt: skip


def test_an_order_that_another_credit_quotes_is_not_taken_by_payer_and_amount() -> None:
    first, second = decided([order()], credit(1), credit(2, amount=9999, **QUOTING))
    assert (first.status, second.status) == ("unmatched", "unmatched")


def test_payer_exact_amount_and_window_confirm_when_unique() -> None:
    [match] = decided([order()], credit())
    assert (match.status, match.rule, match.right) == ("confirmed", "B2", ("o:1",))
    assert match.evidence.values["window"] == ("2026-10-03", "2026-10-02")


@pytest.mark.parametrize(("days", "status"), [(-3, "unmatched"), (-2, "confirmed"), (10, "confirmed"), (11, "unmatched")])
def test_the_window_runs_from_two_days_before_to_ten_after(days: int, status: str) -> None:
    assert [match.status for match in decided([order()], credit(days=days))] == [status]


def test_another_window_is_a_setting() -> None:
    [match] = decided([order()], credit(days=30), settings=Settings(window_to=30))
    assert match.status == "confirmed"


def test_two_orders_or_two_credits_of_one_amount_are_never_paired() -> None:
    [match] = decided([order("o:1"), order("o:2", payment_ref="2")], credit())
    assert (match.status, match.rule, match.right, match.evidence.why) == ("ambiguous", "B5", (), "several_sums")
    assert (match.evidence.candidate_ids, match.evidence.solutions, match.evidence.unique) == (("o:1", "o:2"), 2, False)
    assert [(match.status, match.right) for match in decided([order()], credit(1), credit(2))] == [("ambiguous", ())] * 2


def test_equal_credits_and_as_many_equal_orders_are_offered_as_one_group() -> None:
    orders = [order("o:1"), order("o:2", payment_ref="2")]
    [group] = decided(orders, credit(1), credit(2))
    assert (group.status, group.rule, len(group.left), group.right, group.amount) == ("suggested", "B2", 2, ("o:1", "o:2"), 4200)
    assert group.evidence.why == "equal_credits_and_orders"
    assert [match.rule for match in decided(orders, credit(1), credit(2), credit(3))] == ["B5"] * 3
    named = [order("o:1"), order("o:2", payment_ref="22222")]
    found = decided(named, credit(1), credit(2), credit(3, amount=7, remittance=["22222"]))
    assert [match.status for match in found if match.amount > 7] == ["ambiguous"] * 2


def test_an_order_wanted_by_a_credit_that_hesitates_is_left() -> None:
    orders = [order("o:1"), order("o:2", payment_ref="2", payment_date="2026-10-20")]
    matches = decided(orders, credit(1, days=-1), credit(2, days=10))
    assert sorted(match.evidence.candidates for match in matches) == [1, 1]
    hesitating = decided([*orders, order("o:3", payment_ref="3")], credit(1, days=-1), credit(2, days=17))
    assert sorted(match.status for match in hesitating) == ["ambiguous", "confirmed"]


def test_a_line_with_two_candidates_blocks_the_one_that_has_only_one_of_them() -> None:
    # The first credit can only be o:1, the second o:1 or o:2: nothing says that o:1 is the first one's.
    orders = [order("o:1"), order("o:2", payment_ref="2", payment_date="2026-10-13")]
    matches = decided(orders, credit(1, days=0), credit(2, days=10))
    assert [(match.status, match.right) for match in matches] == [("suggested", ("o:1",)), ("ambiguous", ())]


def test_an_operator_pays_for_its_insurers() -> None:
    [match] = decided([amc_order()], credit(amount=900, payer_name="TIERSPAY SERVICES"))
    assert match.right == ("m:1",)
    [direct] = decided([amc_order(emitter=None)], credit(amount=900, payer_name="TIERSPAY SERVICES"))
    assert direct.right == ("m:1",)


@pytest.mark.parametrize(
    "texts",
    [
        {"payer_name": "Cpam de Albéville"},
        {"payer_name": None, "label": "VIR SEPA CPAM DE ALBEVILLE"},
        {"payer_name": None, "label": "VIREMENT RECU: CPAMDEALBEV"},
        {"payer_name": "CPAM DE ALBEVILLE COMPTABILITE"},
        {"payer_name": "CPAMDEALBSEPA", "label": ""},
    ],
)
def test_a_payer_is_known_by_its_name_however_it_is_written_or_cut(texts: dict[str, Any]) -> None:
    assert [match.status for match in decided([order()], credit(**texts))] == ["confirmed"]


@pytest.mark.parametrize("texts", [{"payer_name": "CPAMDEA", "label": "VIR"}, {"payer_name": None, "label": "REMISE 12"}])
def test_a_short_or_strange_name_tells_nobody(texts: dict[str, Any]) -> None:
    [match] = decided([order()], credit(**texts))
    assert (match.status, match.evidence.why) == ("unmatched", "payer_unknown")


def test_a_prefix_of_two_payers_proves_nobody_and_an_exact_name_wins() -> None:
    payers = [Payer(id=AMO, kind="amo", names=("CAISSE ALPHA",)), Payer(id="amo:01752", kind="amo", names=("CAISSE ALPHA SUD",))]
    for name, status in (("CAISSE ALP", "suggested"), ("CAISSE ALPHA", "confirmed")):
        result = run([], [order()], [credit(payer_name=name, label="")], payers=payers)
        assert [match.status for match in of(result, "B")] == [status]


def test_a_name_that_is_like_one_makes_a_proposal_and_no_more() -> None:
    written = credit(payer_name="CASSE PRIMAIRE BETA", label="")
    payers = [Payer(id=AMO, kind="amo", names=("CAISSE PRIMAIRE BETA",)), Payer(id="amo:01752", kind="amo", names=("CAISSE GAMMA",))]
    [match] = of(run([], [order()], [written], payers=payers), "B")
    assert (match.status, match.rule, match.right, match.evidence.why) == ("suggested", "B2", ("o:1",), "name_like")
    assert match.evidence.payers == {AMO: 97} and match.evidence.values["amount"] == (2100, 2100)
    [other] = of(run([], [order("o:1", line(amount=5000))], [written], payers=payers), "B")
    assert (other.status, other.evidence.why, other.evidence.payers) == ("unmatched", "payer_unknown", {AMO: 97})
    [stranger] = of(run([], [order()], [credit(payer_name="SOCIETE DES EAUX", label="")], payers=payers), "B")
    assert (stranger.status, stranger.evidence.payers) == ("unmatched", UNSET)


@pytest.mark.parametrize("twice", ["orders", "credits", "payers", "sure"])
def test_a_like_name_proposes_nothing_where_anything_hesitates(twice: str) -> None:
    payers = [Payer(id=AMO, kind="amo", names=("CAISSE PRIMAIRE BETA",))]
    orders, credits = [order()], [credit(1, payer_name="CASSE PRIMAIRE BETA", label="")]
    if twice == "orders":
        orders.append(order("o:2", payment_ref="55555"))
    elif twice == "credits":
        credits.append(credit(2, payer_name="CAISE PRIMAIRE BETA", label=""))
    elif twice == "payers":
        payers.append(Payer(id="amo:01752", kind="amo", names=("CAISSE PRIMAIRE ZETA",)))
        orders.append(order("o:2", line(payer="amo:01752"), payer="amo:01752", emitter="amo:01752", payment_ref="55555"))
    else:
        credits.append(credit(2, payer_name="CAISSE PRIMAIRE BETA", label=""))
    found = of(run([], orders, credits, payers=payers), "B")
    assert not [match for match in found if match.evidence.why == "name_like"]


def test_what_is_set_for_one_payer_holds_for_it_alone() -> None:
    late = credit(1, booking_date=str(PAID_ON + timedelta(15)))
    assert [match.status for match in decided([order()], late)] == ["unmatched"]
    own = Settings(per_payer={AMO: PayerSettings(window_to=20)})
    assert [match.rule for match in decided([order()], late, settings=own)] == ["B2"]
    other = Settings(per_payer={AMC: PayerSettings(window_to=20)})
    assert [match.status for match in decided([order()], late, settings=other)] == ["unmatched"]
    strict = Settings(window_to=20, per_payer={AMO: PayerSettings(window_to=0)})
    assert [match.status for match in decided([order()], late, settings=strict)] == ["unmatched"]


def test_an_only_sum_is_confirmed_for_the_payer_that_it_is_set_for() -> None:
    orders = [
        order("o:1", payment_ref="11111"),
        order("o:2", line(amount=900), payment_ref="22222", payment_date=str(PAID_ON - timedelta(1))),
    ]
    [match] = decided(orders, credit(amount=3000))
    assert (match.status, match.rule) == ("suggested", "B4")
    [match] = decided(orders, credit(amount=3000), settings=Settings(per_payer={AMO: PayerSettings(confirm_unique_sum=True)}))
    assert (match.status, match.rule) == ("confirmed", "B4")
    [match] = decided(
        orders, credit(amount=3000), settings=Settings(confirm_unique_sum=True, per_payer={AMO: PayerSettings(confirm_unique_sum=False)})
    )
    assert (match.status, match.rule) == ("suggested", "B4")


def test_recoveries_are_netted_for_as_long_as_is_set_for_their_payer() -> None:
    orders = [
        order("o:1"),
        order(
            "o:2", line(amount=-100, status="recovery"), kind="recovery", payment_ref="55555", payment_date=str(PAID_ON - timedelta(200))
        ),
    ]
    less = credit(amount=2000, **QUOTING)
    assert [match.status for match in decided(orders, less)] == ["suggested"]
    [match] = decided(orders, less, settings=Settings(per_payer={AMO: PayerSettings(recovery_days=365)}))
    assert (match.status, match.rule, match.right) == ("confirmed", "B6", ("o:1", "o:2"))


def test_the_emitters_own_name_is_known_without_a_payers_file() -> None:
    result = run([], [order(emitter_name="CAISSE BETA")], [credit(payer_name="CAISSE BETA")], payers=[])
    assert [match.status for match in of(result, "B")] == ["confirmed"]


def test_a_taught_label_tells_the_payer_or_that_it_is_none() -> None:
    account = "30002 00550 0000157845Z"
    strange = credit(payer_name=None, label="VIR PRESTA 75")
    taught = Settings(learned=(LearnedLabel(account=account, label="Vir Presta 75", payer=AMO),))
    assert [match.rule for match in decided([order()], strange, settings=taught)] == ["B2"]
    nobody = Settings(learned=(LearnedLabel(account=account, label="Vir Presta 75"),))
    [match] = decided([order()], strange, settings=nobody)
    assert (match.status, match.rule, match.evidence.why) == ("ignored", "B0", "not_a_payer")
    elsewhere = Settings(learned=(LearnedLabel(account="1", label="Vir Presta 75", payer=AMO),))
    assert [match.status for match in decided([order()], strange, settings=elsewhere)] == ["unmatched"]


@pytest.mark.parametrize(("changes", "why"), [({"amount": -2100}, "debit"), ({"amount": 0}, "debit"), ({"status": "pending"}, "pending")])
def test_debits_and_pending_lines_are_set_aside(changes: dict[str, Any], why: str) -> None:
    [match] = decided([order()], credit(**changes, **QUOTING))
    assert (match.status, match.rule, match.right, match.evidence.why) == ("ignored", "B0", (), why)


def test_a_line_that_another_file_gave_is_a_duplicate_and_the_other_still_matches() -> None:
    matches = decided([order()], credit(1, file="first"), credit(7, file="second"))
    assert sorted((match.status, match.rule) for match in matches) == [("confirmed", "B2"), ("duplicate", "B0")]
    duplicate = next(match for match in matches if match.status == "duplicate")
    confirmed = next(match for match in matches if match.status == "confirmed")
    assert duplicate.duplicate_of == confirmed.left[0]


@pytest.mark.parametrize("files", [("first", "second"), ("second", "first")])
def test_what_was_pending_and_is_booked_now_is_no_duplicate(files: tuple[str, str]) -> None:
    pending, booked = credit(1, file=files[0], status="pending"), credit(1, file=files[1])
    found = {match.left[0]: (match.status, match.rule) for match in decided([order()], pending, booked)}
    assert found == {pending.id: ("ignored", "B0"), booked.id: ("confirmed", "B2")}


def test_two_equal_lines_in_one_file_are_two_operations_and_again_two_when_imported_again() -> None:
    first = [credit(1, file="first"), credit(2, file="first")]
    again = [credit(3, file="second"), credit(4, file="second")]
    statuses = [match.status for match in decided([], *first, *again)]
    assert sorted(statuses) == ["duplicate", "duplicate", "unmatched", "unmatched"]


def test_another_currency_is_never_matched() -> None:
    [match] = decided([order()], credit(currency="CHF", **QUOTING))
    assert (match.status, match.evidence.why) == ("unmatched", "other_currency")


def test_an_order_of_rejects_expects_no_credit() -> None:
    rejects = order("o:1", line(status="rejected", amount=0), payment_ref=REFERENCE)
    [match] = decided([rejects, order("o:2")], credit(**QUOTING))
    assert match.right == ("o:2",)


def test_a_recovery_is_netted_only_where_the_reference_and_the_sum_say_so() -> None:
    recovery = order("o:2", line(status="recovery", amount=-100), payment_date=PAID_ON.isoformat())
    [match] = decided([order("o:1"), recovery], credit(amount=2000, **QUOTING))
    assert (match.rule, match.right) == ("B1", ("o:1", "o:2"))
    [unnamed] = decided([order("o:1"), recovery], credit(amount=2000))
    assert (unnamed.status, unnamed.rule, unnamed.right) == ("suggested", "B4", ("o:1", "o:2"))


def test_an_order_taken_before_is_not_paid_twice_and_its_name_still_speaks_against_others() -> None:
    taken, other = order("o:1"), order("o:2", payment_ref="55555")
    again = decide_credits([credit(**QUOTING)], [other], PAYERS, Settings(), [taken])
    assert [(match.status, match.evidence.why) for match in again] == [("unmatched", "reference_with_another_sum")]
    [unquoted] = decide_credits([credit()], [other], PAYERS, Settings(), [taken])
    assert (unquoted.rule, unquoted.right) == ("B2", ("o:2",))


def test_many_equal_orders_are_counted_by_their_dates_and_ten_are_shown() -> None:
    days = [(PAID_ON + timedelta(days=number % 40)).isoformat() for number in range(400)]
    orders = [order(f"o:{number:03d}", payment_ref=f"{number:09d}", payment_date=day) for number, day in enumerate(days)]
    matches = decided(orders, *(credit(number, days=number) for number in range(-3, 45)))
    for match in matches:
        number = int(match.left[0].partition(":")[2])
        suiting = [item.id for item in orders if -2 <= number - (item.payment_date - PAID_ON).days <= 10]
        assert match.evidence.candidates == len(suiting)
        assert len(match.evidence.candidate_ids) == min(len(suiting), 10) and set(match.evidence.candidate_ids) <= set(suiting)
        assert match.evidence.why == ("too_many_orders" if len(suiting) > 60 else "several_sums" if suiting else "no_order")
