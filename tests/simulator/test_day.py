# SPDX-License-Identifier: Apache-2.0
import datetime
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.identifiers import finess_is_valid, luhn_sum_is_zero, nir_is_synthetic, nir_is_valid
from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.pricing import kernel
from desmos_fast.simulator.day import DEFAULT_DAY, NAMED_OUTCOMES, Day, line, price
from desmos_fast.simulator.world import DESK_ORDERS, REFUSED_ORDER, World

COUNT = 1500


def day_bytes(seed: int, count: int) -> bytes:
    return b"".join(map(line, Day(World(seed)).invoices(count)))


@pytest.fixture(scope="module")
def invoices() -> list[Invoice]:
    return list(Day(World(11)).invoices(COUNT, 400))


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert day_bytes(3, 80) == day_bytes(3, 80)
    assert day_bytes(3, 80) != day_bytes(4, 80)


def test_a_longer_day_begins_like_a_shorter_one() -> None:
    assert day_bytes(3, 90).startswith(day_bytes(3, 60))


@given(seed=st.integers(0, 2**63))
@settings(max_examples=50, deadline=None)
def test_every_seed_gives_a_centre_and_practitioners_with_valid_numbers(seed: int) -> None:
    world = World(seed)
    assert finess_is_valid(world.centre.finess)
    assert len(world.practitioners) == 20
    for field in ("am", "rpps"):
        numbers = [getattr(one, field) for one in world.practitioners]
        assert len(set(numbers)) == len(numbers)
        assert all(luhn_sum_is_zero(number) for number in numbers)
    assert {len(one.am) for one in world.practitioners} == {9}
    assert {len(one.rpps) for one in world.practitioners} == {11}
    assert world.doctors and world.dentists


def test_a_given_centre_bills_and_a_wrong_one_is_refused() -> None:
    assert next(Day(World(1, finess="750000010")).invoices(1)).biller == "750000010"
    with pytest.raises(InvalidInput):
        World(1, finess="750000018")


@pytest.mark.parametrize("biller", ["2A0002689", "2B0000020"])
def test_a_corsican_centre_has_practitioners_whose_numbers_can_be_written(biller: str) -> None:
    world = World(3, finess=biller)
    found = list(Day(world).invoices(40))
    assert encode(found).faults == []
    assert {invoice.biller for invoice in found} == {biller}


def test_people_are_synthetic_with_a_valid_key(invoices: list[Invoice]) -> None:
    for invoice in invoices:
        assert nir_is_valid(invoice.insured_nir)
        assert nir_is_synthetic(invoice.insured_nir)


def test_the_same_person_comes_back_unchanged() -> None:
    world = World(5)
    assert world.person(2, 1961, 4, 417) == world.person(2, 1961, 4, 417)
    assert world.person(2, 1961, 4, 417) != World(6).person(2, 1961, 4, 417)


def test_amounts_of_each_line_and_invoice_add_up(invoices: list[Invoice]) -> None:
    for invoice in invoices:
        for act in invoice.acts:
            assert act.amo == (act.base * act.rate + 50) // 100
            assert act.amc >= 0
            assert act.amo + act.amc <= act.fees
            assert act.unit_price <= act.fees
        if invoice.amc is None:
            assert sum(act.amc for act in invoice.acts) == 0
        if invoice.third_party == "none":
            assert invoice.amc is None
        if invoice.amc is not None and invoice.amc.contract_type == "89":
            assert sum(act.amo + act.amc for act in invoice.acts) == sum(act.fees for act in invoice.acts)


@pytest.mark.parametrize(
    ("act", "flags", "amo", "amc"),
    [
        ("visit", {}, 2100, 900),
        ("visit", {"exempt": True}, 3000, 0),
        ("visit", {"off_path": True}, 900, 900),
        ("visit", {"covered": False}, 2100, 0),
        ("dental_visit", {}, 1380, 920),
        ("scaling", {}, 1735, 1157),
        ("crown", {}, 7200, 42800),
        ("crown", {"c2s": True}, 7200, 4800),
        ("crown", {"exempt": True}, 12000, 0),
    ],
)
def test_prices_are_those_worked_by_hand(act: str, flags: dict[str, bool], amo: int, amc: int) -> None:
    given_flags = {"exempt": False, "off_path": False, "covered": True, "c2s": False} | flags
    share = price(World(0).acts[act], **given_flags)
    assert (share.amo, share.amc) == (amo, amc)


@pytest.mark.parametrize("day", [datetime.date(2024, 12, 22), DEFAULT_DAY, datetime.date(2031, 7, 1)])
def test_the_rules_of_pricing_find_what_a_day_says(day: datetime.date) -> None:
    invoices = list(Day(World(5), day).invoices(COUNT))
    assert kernel.price(invoices).faults == []
    act = invoices[0].acts[0]
    wrong = msgspec.structs.replace(invoices[0], acts=(msgspec.structs.replace(act, amo=act.amo - 1),))
    assert [(fault.field, fault.expected) for fault in kernel.price([wrong]).faults] == [("amo", act.amo)]


def test_a_day_holds_every_case(invoices: list[Invoice]) -> None:
    orders = Counter(int(invoice.insured_nir[10:13]) for invoice in invoices)
    assert set(NAMED_OUTCOMES) <= set(orders)
    assert orders[REFUSED_ORDER] == 1
    for invoice in invoices:
        assert (invoice.third_party == "none") == (int(invoice.insured_nir[10:13]) in DESK_ORDERS)
    assert {invoice.third_party for invoice in invoices} == {"full", "amo", "none"}
    assert {invoice.security for invoice in invoices} == {"secured", "degraded", "desynchronised"}
    assert any(invoice.amc and invoice.amc.separate_claim for invoice in invoices)
    assert any(invoice.amc and invoice.amc.contract_type == "89" for invoice in invoices)
    assert any(invoice.amo.exemption == "4" for invoice in invoices)
    assert any(invoice.prescriber for invoice in invoices)
    assert any(invoice.referring_doctor for invoice in invoices)
    assert any(len(invoice.acts) == 2 for invoice in invoices)
    assert {act.code for invoice in invoices for act in invoice.acts} == {"G", "C", "HBJD001", "HBLD634"}


def test_numbers_follow_each_other(invoices: list[Invoice]) -> None:
    assert [invoice.number for invoice in invoices] == list(range(400, 400 + COUNT))


def test_a_line_reads_back_as_its_invoice(invoices: list[Invoice]) -> None:
    decoder = msgspec.json.Decoder(Invoice)
    assert [decoder.decode(line(invoice)) for invoice in invoices[:200]] == invoices[:200]


def test_numbers_and_days_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Day(World(1)).invoices(2, 999_999_999)
    with pytest.raises(InvalidInput):
        Day(World(1)).invoices(2, 0)
    with pytest.raises(InvalidInput):
        Day(World(1), datetime.date(2020, 1, 1))
