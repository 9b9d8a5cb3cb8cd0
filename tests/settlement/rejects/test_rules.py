# SPDX-License-Identifier: Apache-2.0
"""What is billed again: corrections merged as RFC 7396 says, the rejected parts alone, never what was paid."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.types import Cents
from desmos_fast.billing import rules as billing
from desmos_fast.billing.model import Invoice
from desmos_fast.settlement.dunning.model import AGES as DASHBOARD_AGES
from desmos_fast.settlement.rejects import rules
from desmos_fast.settlement.rejects.model import (
    BilledPart,
    ClaimedPart,
    RecycleAmountDiffers,
    RecycleParts,
    RecycleRequest,
    RejectRequestInvalid,
)
from tests.api.conftest import GOLDEN

ALONE: tuple[ClaimedPart, ...] = ("amc",)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3), max_leaves=8,
)  # fmt: skip


def golden(name: str) -> Invoice:
    return msgspec.json.decode((GOLDEN / f"{name}.ndjson").read_bytes().splitlines()[0], type=Invoice)


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}), ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}), ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}), ({"a": ["b"]}, {"a": "c"}, {"a": "c"}), ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}), ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]), ({"a": "b"}, ["c"], ["c"]), ({"a": "foo"}, None, None), ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}), ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)  # fmt: skip
def test_corrections_are_merged_as_the_rfc_says(target: Any, patch: Any, result: Any) -> None:
    assert rules.merged(target, patch) == result


@given(target=JSON, patch=JSON)
def test_merging_twice_is_merging_once_and_changes_nothing_given(target: Any, patch: Any) -> None:
    before = msgspec.json.encode((target, patch))
    once = rules.merged(target, patch)
    assert rules.merged(once, patch) == once and msgspec.json.encode((target, patch)) == before


@pytest.mark.parametrize("field", ["number", "biller", "created_on"])
def test_what_the_program_says_is_not_corrected(field: str) -> None:
    with pytest.raises(RejectRequestInvalid, match=field):
        rules.corrected(msgspec.to_builtins(golden("07_amc_apart")), {field: None})


def test_what_is_asked_of_payers_is_told_anew_and_the_rest_stays() -> None:
    wire = msgspec.to_builtins(golden("07_amc_apart"))
    again = rules.corrected(wire, {"amo": {"exemption": "4"}})
    assert not {"number", "created_on"} & again.keys() and again["biller"] == wire["biller"]
    assert again["amo"] == wire["amo"] | {"exemption": "4"}
    for act, before in zip(again["acts"], wire["acts"], strict=True):
        assert before.keys() - act.keys() == {"rate", "amo", "amc"} and act.items() <= before.items()


def test_corrections_are_named_and_never_told() -> None:
    patch = {"insured_nir": "255089999901299", "amo": {"caisse": "752", "centre": None}, "acts": [{"code": "G"}], "amc": {}}
    assert sorted(rules.paths(patch)) == ["acts", "amc", "amo.caisse", "amo.centre", "insured_nir"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [("01_ngap_visit", ("amo",)),
     *((name, parts) for name in ("02_dental_ccam", "07_amc_apart", "08_c2s") for parts in (("amo",), ("amc",), ("amo", "amc")))],
)  # fmt: skip
def test_an_invoice_for_parts_asks_them_for_what_the_whole_did_and_nobody_else(name: str, parts: tuple[ClaimedPart, ...]) -> None:
    whole = golden(name)
    split, alone = billing.split(whole), billing.for_parts(whole, parts)
    again = billing.of_parts(billing.split(alone), parts)
    assert (again.from_amo, again.from_amc, again.desk) == (
        split.from_amo if "amo" in parts else 0, split.from_amc if "amc" in parts else 0, 0,
    )  # fmt: skip
    assert again.total == again.from_amo + again.from_amc
    assert [act.fees for act in alone.acts] == [act.fees for act in whole.acts]
    assert billing.is_apart(alone, again) == ("amc" in parts and (parts == ("amc",) or billing.is_apart(whole, split)))


@pytest.mark.parametrize(
    ("opened", "billed", "paid", "may", "refused"),
    [
        (2800, 2800, 0, False, False), (2800, 2801, 0, False, True), (2800, 2799, 0, False, True), (2800, 4000, 0, True, False),
        (2800, 0, 0, True, False), (700, 700, 2100, False, False), (700, 701, 2100, True, True), (700, 600, 2100, True, False),
        (700, 600, 2100, False, True), (0, 0, 0, False, False),
    ],
)  # fmt: skip
def test_another_amount_is_a_persons_word_and_what_was_paid_nobodys(opened: int, billed: int, paid: int, may: bool, refused: bool) -> None:
    found = [BilledPart(part="amo", payer="amo:01751", open=Cents(opened), billed=Cents(billed))]
    if refused:
        with pytest.raises(RecycleAmountDiffers, match=str(billed)):
            rules.check_amounts(found, {"amo": paid}, may_change=may)
    else:
        rules.check_amounts(found, {"amo": paid}, may_change=may)


@pytest.mark.parametrize(
    ("parts", "part", "taken"), [((), "amc", ("amc",)), (("amc", "amo"), "amo", ("amo", "amc")), (("amo", "amo"), "amo", ("amo",))]
)
def test_parts_stand_in_their_order_once(parts: tuple[ClaimedPart, ...], part: ClaimedPart, taken: tuple[str, ...]) -> None:
    assert rules.parts_of(RecycleRequest(why="essai", parts=parts), part) == taken


def test_the_part_of_the_path_is_one_of_the_parts() -> None:
    with pytest.raises(RecycleParts, match="amc"):
        rules.parts_of(RecycleRequest(why="essai", parts=("amo",)), "amc")


def test_c2s_is_billed_whole_and_no_insurer_is_not_billed() -> None:
    with pytest.raises(RecycleParts, match="C2S"):
        rules.check_payer(golden("08_c2s"), ALONE)
    rules.check_payer(golden("08_c2s"), ("amo", "amc"))
    with pytest.raises(RecycleParts, match="no complementary insurer"):
        rules.check_payer(golden("01_ngap_visit"), ALONE)


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, "0-7"), (7, "0-7"), (8, "8-30"), (30, "8-30"), (31, "31-60"), (60, "31-60"), (90, "61-90"), (91, ">90"), (9999, ">90")],
)
def test_ages_are_those_of_the_dashboard(days: int, age: str) -> None:
    assert rules.age_of(days) == age and tuple(name for name, _, _ in rules.AGES) == DASHBOARD_AGES
