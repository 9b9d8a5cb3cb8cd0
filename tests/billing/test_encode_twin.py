# SPDX-License-Identifier: Apache-2.0
"""Invoices as Structs, with anything in the place of any value: the kernel and its twin write and refuse the same."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.billing import codec
from desmos_fast.billing.kernel import encoder
from desmos_fast.billing.model import Invoice
from ext import fse
from tests.billing.odd import GOLDEN, INVOICES, NAMES, golden, odd_invoices
from tests.generators.structs import plain
from tests.oracle import fse as oracle
from tests.oracle.fse_json import encode_objects


def agree(invoices: list[Invoice], flow: int) -> None:
    runs, expected = oracle.encode([plain(invoice) for invoice in invoices], flow)
    encoded = codec.encode(invoices, flow=flow, lines=range(len(invoices)))
    told = [(fault.line, fault.code, fault.field, fault.width) for fault in encoded.faults]
    assert told == [(fault.row, fault.code, fault.field, fault.width) for fault in expected]
    assert [encoded.data[start:stop] for start, stop in zip(encoded.starts, encoded.starts[1:], strict=False)] == runs
    found: list[Any] = encoder().encode(tuple(invoices), flow)[-1]
    secret = [fse.SLOTS["insured_nir"], fse.SLOTS["beneficiary.nir"]]
    values = [tuple(fault.value) if isinstance(fault.value, list) else fault.value for fault in expected]
    assert [repr(None if slot in secret else value) for _, _, slot, _, value, _ in found] == [repr(value) for value in values]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flow", [1, 2])
def test_golden_invoices_are_encoded_as_the_twin_does(name: str, flow: int) -> None:
    agree(golden(name), flow)


@given(st.lists(odd_invoices(), max_size=3), st.sampled_from([1, 2]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_odd_invoices_are_refused_as_the_twin_does(invoices: list[Invoice], flow: int) -> None:
    agree(invoices, flow)


@pytest.mark.fuzz
@given(st.lists(odd_invoices(), max_size=6), st.sampled_from([1, 2]))
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_many_odd_invoices_are_refused_as_the_twin_does(invoices: list[Invoice], flow: int) -> None:
    agree(invoices, flow)


def test_lists_of_the_first_invoice_are_whole_when_it_is_read_the_general_way() -> None:
    """A name with an accent turns the faster ways away before they have seen an act."""
    whole = json.loads((GOLDEN / "12_maximum_widths.ndjson").read_bytes())
    accented = {**whole, "referring_doctor": {"last_name": "É"}}
    (run,), _ = encode_objects([accented], 1)
    assert codec.encode([accented]).data == codec.encode_ndjson(json.dumps(accented).encode()).data == run


def test_every_golden_invoice_in_one_call() -> None:
    agree(INVOICES, 1)
