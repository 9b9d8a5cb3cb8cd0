# SPDX-License-Identifier: Apache-2.0
"""Who pays what of each worked example, who may sign, and the state of an invoice from that of its shares."""

import msgspec
import pytest

from desmos_fast.billing import rules
from desmos_fast.billing.model import Amc, Beneficiary, NgapAct
from desmos_fast.billing.rules import Split
from desmos_fast.exchange.faults import Fault
from tests.billing.visits import REAL_FORM, SYNTHETIC, act, invoice

CAISSE, INSURER = "amo:01751", "amc:0075912345"
AMC, APART, C2S = Amc(number="75912345"), Amc(number="0075912345", separate_claim=True), Amc(number="99999997", contract_type="89")

# (id, acts as (fees, base, rate, amo, amc), third party, insurer, split, shares as (part, payer, flow, amount)).
EXAMPLES: list[tuple[str, list[NgapAct], str, Amc | None, Split, list[tuple[str, str, int, int]]]] = [
    ("W1", [act(3000, 3000, 70, 2100, 900)], "full", AMC, Split(3000, 2100, 900, 0, 900),
     [("amo", CAISSE, 1, 2100), ("amc", INSURER, 1, 900)]),
    ("W2", [act(3000, 3000, 70, 2100, 900)], "amo", AMC, Split(3000, 2100, 0, 900, 900),
     [("amo", CAISSE, 1, 2100), ("patient", "patient", 0, 900)]),
    ("W3", [act(3000, 3000, 70, 2100, 900)], "none", AMC, Split(3000, 0, 0, 3000, 900),
     [("amo", CAISSE, 1, 0), ("patient", "patient", 0, 3000)]),
    ("W4", [act(3000, 3000, 100, 3000, 0)], "full", AMC, Split(3000, 3000, 0, 0, 0), [("amo", CAISSE, 1, 3000)]),
    ("W5", [act(3000, 3000, 70, 2100, 900)], "full", C2S, Split(3000, 2100, 900, 0, 900),
     [("amo", CAISSE, 1, 2100), ("amc", CAISSE, 1, 900)]),
    ("W6", [act(3000, 3000, 70, 2100, 900)], "full", APART, Split(3000, 2100, 900, 0, 900),
     [("amo", CAISSE, 1, 2100), ("amc", INSURER, 2, 900)]),
    ("W7", [act(3000, 3000, 30, 900, 900)], "none", APART, Split(3000, 0, 0, 3000, 900),
     [("amo", CAISSE, 1, 0), ("amc", INSURER, 2, 0), ("patient", "patient", 0, 3000)]),
    ("W8", [act(2300, 2300, 60, 1380, 920)], "full", AMC, Split(2300, 1380, 920, 0, 920),
     [("amo", CAISSE, 1, 1380), ("amc", INSURER, 1, 920)]),
    ("W9", [act(2892, 2892, 60, 1735, 1157)], "full", AMC, Split(2892, 1735, 1157, 0, 1157),
     [("amo", CAISSE, 1, 1735), ("amc", INSURER, 1, 1157)]),
    ("W10", [act(50000, 12000, 60, 7200, 42800)], "full", AMC, Split(50000, 7200, 42800, 0, 42800),
     [("amo", CAISSE, 1, 7200), ("amc", INSURER, 1, 42800)]),
    ("W11a", [act(12540, 12540, 100, 10140, 2400)], "full", APART, Split(12540, 10140, 2400, 0, 2400),
     [("amo", CAISSE, 1, 10140), ("amc", INSURER, 2, 2400)]),
    ("W11b", [act(12540, 12540, 100, 9340, 3200)], "full", APART, Split(12540, 9340, 3200, 0, 3200),
     [("amo", CAISSE, 1, 9340), ("amc", INSURER, 2, 3200)]),
    ("W12a", [act(4000, 4000, 60, 2400, 1600)], "full", AMC, Split(4000, 2400, 1600, 0, 1600),
     [("amo", CAISSE, 1, 2400), ("amc", INSURER, 1, 1600)]),
    ("W12b", [act(4000, 4000, 100, 4000, 0)], "full", None, Split(4000, 4000, 0, 0, 0), [("amo", CAISSE, 1, 4000)]),
    ("W13", [act(44000, 12000, 100, 12000, 0), act(6000, 6000, 100, 6000, 0)], "amo", None, Split(50000, 18000, 0, 32000, 0),
     [("amo", CAISSE, 1, 18000), ("patient", "patient", 0, 32000)]),
]  # fmt: skip


@pytest.mark.parametrize(("acts", "third_party", "amc", "split", "shares"), [pytest.param(*row[1:], id=row[0]) for row in EXAMPLES])
def test_a_worked_example_is_shared_as_written(
    acts: list[NgapAct], third_party: str, amc: Amc | None, split: Split, shares: list[tuple[str, str, int, int]]
) -> None:
    made = invoice(*acts, third_party=third_party, amc=amc)
    found = rules.split(made)
    assert found == split
    assert found.from_amo + found.from_amc + found.desk == found.total
    due = rules.shares(made, found)
    assert [(share.part, share.payer, share.flow, share.amount) for share in due] == shares
    assert sum(share.amount for share in due) == found.total
    assert {share.state for share in due if share.part != "patient"} == {"open"}
    assert {share.state for share in due if share.part == "patient"} <= {"due"}


def test_under_c2s_one_payer_owes_everything() -> None:
    made = invoice(amc=C2S)
    due = rules.shares(made, rules.split(made))
    assert {share.payer for share in due} == {CAISSE}
    assert sum(share.amount for share in due) == 3000


@pytest.mark.parametrize(
    ("amc", "payer"),
    [
        (None, ""),
        (Amc(number="M"), "amc:M"),
        (Amc(number="99999997", contract_type="89"), CAISSE),
        (Amc(number="0099999997", contract_type="89"), CAISSE),
        (Amc(number="1"), "amc:0000000001"),
        (Amc(number="12345678", contract_type="89", separate_claim=True), "amc:0012345678"),
    ],
)
def test_the_payer_of_the_complementary_share(amc: Amc | None, payer: str) -> None:
    assert rules.amc_payer(invoice(amc=amc)) == payer


def test_nothing_asked_of_the_insurer_is_not_claimed_apart() -> None:
    made = invoice(act(3000, 3000, 100, 3000, 0), amc=APART)
    parts = rules.split(made)
    assert not rules.is_apart(made, parts)
    assert [share.part for share in rules.shares(made, parts)] == ["amo"]


@pytest.mark.parametrize(
    ("nir", "own", "finess", "kind", "faults"),
    [
        (SYNTHETIC, None, "750000010", "test", []),
        (REAL_FORM, REAL_FORM, "750000010", "live", []),
        (REAL_FORM, None, "750000010", "test", [("wrong_key_kind", "insured_nir")]),
        (SYNTHETIC, None, "750000010", "live", [("wrong_key_kind", "insured_nir")]),
        (SYNTHETIC, REAL_FORM, "750000010", "test", [("wrong_key_kind", "beneficiary.nir")]),
        (SYNTHETIC, None, "750712184", "test", [("wrong_biller", "biller")]),
        (REAL_FORM, REAL_FORM, "750712184", "test",
         [("wrong_biller", "biller"), ("wrong_key_kind", "insured_nir"), ("wrong_key_kind", "beneficiary.nir")]),
    ],
)  # fmt: skip
def test_who_may_sign(nir: str, own: str | None, finess: str, kind: str, faults: list[tuple[str, str]]) -> None:
    made = msgspec.structs.replace(invoice(nir=nir), beneficiary=Beneficiary(birth_date="19550814", nir=own))
    found = rules.refusals(made, finess, kind)  # type: ignore[arg-type]
    assert [(fault.code, fault.field) for fault in found] == faults
    assert not any(hidden in str(found) for hidden in (SYNTHETIC[:13], REAL_FORM[:13]))


def test_an_insurer_that_is_asked_must_be_named() -> None:
    (fault,) = rules.refusals(invoice(act(3000, 3000, 70, 2100, 900)), "750000010", "test")
    assert (fault.code, fault.field) == ("B2_MISSING", "amc")
    assert rules.as_api(fault).code == "B2_MISSING"


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("acts[0].rate", 101, 101),
        ("amo.caisse", "75", "75"),
        ("insured_nir", "12", None),
        ("beneficiary.nir", "12", None),
        ("amo.caisse", SYNTHETIC, None),
        ("amo.caisse", SYNTHETIC[:13], None),
        ("number", int(SYNTHETIC), None),
    ],
)
def test_no_fault_on_the_api_holds_a_nir(field: str, value: str | int, shown: str | int | None) -> None:
    fault = rules.as_api(Fault(code="B2_OVERFLOW", field=field, value=value, message=f"it says {SYNTHETIC}"))
    assert fault.value == shown
    assert SYNTHETIC[:13] not in str(fault)


@pytest.mark.parametrize(
    ("document", "states", "flags", "expected"),
    [
        ("void", ["settled"], [], "void"),
        ("draft", [], [], "draft"),
        ("priced", [], [], "priced"),
        ("signed", ["indu", "rejected"], [], "to_review"),
        ("signed", ["settled", "refund_due"], [], "to_review"),
        ("signed", ["settled"], ["conflict"], "to_review"),
        ("signed", ["rejected", "settled"], [], "to_fix"),
        ("signed", ["file_refused", "open"], [], "to_fix"),
        ("signed", ["sent"], ["ack_missing"], "to_fix"),
        ("signed", ["settled", "settled", "paid"], [], "paid"),
        ("signed", ["not_due", "settled"], [], "paid"),
        ("signed", ["recycled", "settled"], [], "recycled"),
        ("signed", ["recycled", "written_off"], [], "recycled"),
        ("signed", ["written_off", "settled"], [], "closed_with_loss"),
        ("signed", ["time_barred", "paid"], [], "closed_with_loss"),
        ("signed", ["settled", "to_patient", "paid"], [], "paid"),
        ("signed", ["settled", "open"], [], "part_paid"),
        ("signed", ["announced", "sent"], [], "part_paid"),
        ("signed", ["announced_part"], [], "part_paid"),
        ("signed", ["settled_part", "received"], [], "part_paid"),
        ("signed", ["lotted", "paid"], [], "part_paid"),
        ("signed", ["open", "part_paid"], [], "part_paid"),
        ("signed", ["received", "lotted"], [], "in_process"),
        ("signed", ["pending", "sent"], [], "in_process"),
        ("signed", ["sent", "lotted", "due"], [], "sent"),
        ("signed", ["lotted", "open"], [], "in_lot"),
        ("signed", ["open", "due"], [], "signed"),
        ("signed", ["to_patient", "due"], [], "awaiting_patient"),
    ],
)
def test_the_state_of_an_invoice_is_the_first_rule_that_matches(
    document: str, states: list[str], flags: list[str], expected: str
) -> None:
    assert rules.document_state(document, states, flags) == expected
