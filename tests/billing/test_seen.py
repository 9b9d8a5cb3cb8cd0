# SPDX-License-Identifier: Apache-2.0
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.billing.codec import UsedNumbers, encode
from tests.billing.odd import golden

FIRST = golden("01_ngap_visit")[0]
BILLERS = ["750000010", "2A0002689"]


@given(st.lists(st.tuples(st.sampled_from(BILLERS), st.integers(1, 130) | st.integers(1, 999_999_999)), max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_number_is_new_once_for_each_biller(given_numbers: list[tuple[str, int]]) -> None:
    used = UsedNumbers()
    invoices = [msgspec.structs.replace(FIRST, biller=biller, number=number) for biller, number in given_numbers]
    refused = [fault.line for fault in encode(invoices, lines=range(len(invoices)), used=used).faults]
    assert refused == [place for place, pair in enumerate(given_numbers) if pair in given_numbers[:place]]
    assert len(used) == len(set(given_numbers))


@pytest.mark.parametrize("step", [1, 64, 997_001])
def test_numbers_are_remembered_while_the_table_grows(step: int) -> None:
    used = UsedNumbers()
    invoices = [msgspec.structs.replace(FIRST, number=1 + step * place % 999_999_999) for place in range(5_000)]
    assert encode(invoices, used=used).faults == []
    assert [fault.code for fault in encode(invoices, used=used).faults] == ["B2_DUPLICATE_NUMBER"] * 5_000
    assert len(used) == 5_000
