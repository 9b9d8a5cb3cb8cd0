# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext import join
from tests.oracle import join as oracle


def keys_of(width: int) -> st.SearchStrategy[list[bytes]]:
    # Few letters, so that equal keys are common and most differ in one byte only.
    return st.lists(st.lists(st.sampled_from(b"ab\0"), min_size=width, max_size=width).map(bytes), max_size=40)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 19).flatmap(lambda width: st.tuples(st.just(width), keys_of(width), keys_of(width))), st.booleans())
def test_the_kernel_agrees_with_plain_dictionaries(case: tuple[int, list[bytes], list[bytes]], both_ways: bool) -> None:
    width, left, right = case
    left += right[: len(right) // 2]
    found = join.match_rows(b"".join(left), b"".join(right), width, both_ways)
    assert found.typecode == "q"
    assert list(found) == oracle.match_rows(left, right, both_ways)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_order_of_either_side_changes_nothing(data: st.DataObject) -> None:
    left, right = data.draw(keys_of(3)), data.draw(keys_of(3))
    other_left, other_right = data.draw(st.permutations(left)), data.draw(st.permutations(right))

    def pairs(one: list[bytes], two: list[bytes]) -> list[tuple[bytes, int]]:
        found = join.match_rows(b"".join(one), b"".join(two), 3, True)
        return sorted((key, min(row, 0)) for key, row in zip(one, found, strict=True))

    assert pairs(left, right) == pairs(other_left, other_right)


def test_a_hundred_thousand_keys() -> None:
    chance = random.Random(11)
    right = [chance.randbytes(61) for _ in range(100_000)]
    order = list(range(100_000))
    chance.shuffle(order)
    left = [right[row] for row in order] + [chance.randbytes(61) for _ in range(1000)]
    found = join.match_rows(b"".join(left), b"".join(right), 61, True)
    assert list(found) == order + [-1] * 1000


@pytest.mark.parametrize(("left", "right", "width"), [(b"abc", b"ab", 2), (b"ab", b"abc", 2), (b"", b"", 0), (b"a", b"a", -1)])
def test_keys_that_are_not_whole_rows_are_refused(left: bytes, right: bytes, width: int) -> None:
    with pytest.raises(ValueError):
        join.match_rows(left, right, width, False)


@pytest.mark.parametrize(
    "arguments", [(None, b"", 1, False), (b"", None, 1, False), ("a", b"a", 1, False), (b"a", bytearray(b"a"), 1, False)]
)
def test_anything_but_bytes_is_refused(arguments: tuple[bytes, bytes, int, bool]) -> None:
    with pytest.raises(TypeError):
        join.match_rows(*arguments)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(-1, 300), st.booleans())
def test_random_bytes_never_crash(left: bytes, right: bytes, width: int, both_ways: bool) -> None:
    if width < 1 or len(left) % width or len(right) % width:
        with pytest.raises(ValueError):
            join.match_rows(left, right, width, both_ways)
    else:
        assert len(join.match_rows(left, right, width, both_ways)) == len(left) // width
