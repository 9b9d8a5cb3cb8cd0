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
@given(st.integers(1, 19).flatmap(lambda width: st.tuples(st.just(width), keys_of(width), keys_of(width))))
def test_the_kernel_agrees_with_plain_dictionaries(case: tuple[int, list[bytes], list[bytes]]) -> None:
    width, left, right = case
    left += right[: len(right) // 2]
    lefts, rights = join.pairs(b"".join(left), b"".join(right), width)
    assert (lefts.typecode, rights.typecode) == ("i", "i")
    assert list(zip(lefts, rights, strict=True)) == oracle.pairs(left, right)


def test_a_hundred_thousand_keys() -> None:
    chance = random.Random(11)
    right = [chance.randbytes(61) for _ in range(100_000)]
    order = list(range(100_000))
    chance.shuffle(order)
    left = [right[row] for row in order] + [chance.randbytes(61) for _ in range(1000)]
    assert [list(rows) for rows in join.pairs(b"".join(left), b"".join(right), 61)] == [list(range(100_000)), order]


def test_keys_that_come_many_times_meet_every_one_of_the_other_side() -> None:
    right = [b"%07d" % (row % 1000) for row in range(50_000)]
    left = [b"%07d" % row for row in range(990, 1010)]
    lefts, rights = join.pairs(b"".join(left), b"".join(right), 7)
    assert list(zip(lefts, rights, strict=True)) == oracle.pairs(left, right)
    assert len(lefts) == 10 * 50


@pytest.mark.parametrize(("left", "right", "width"), [(b"abc", b"ab", 2), (b"ab", b"abc", 2), (b"", b"", 0), (b"a", b"a", -1)])
def test_keys_that_are_not_whole_rows_are_refused(left: bytes, right: bytes, width: int) -> None:
    with pytest.raises(ValueError):
        join.pairs(left, right, width)


@pytest.mark.parametrize("arguments", [(None, b"", 1), (b"", None, 1), ("a", b"a", 1), (b"a", bytearray(b"a"), 1)])
def test_anything_but_bytes_is_refused(arguments: tuple[bytes, bytes, int]) -> None:
    with pytest.raises(TypeError):
        join.pairs(*arguments)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(-1, 300))
def test_random_bytes_never_crash(left: bytes, right: bytes, width: int) -> None:
    if width < 1 or len(left) % width or len(right) % width:
        with pytest.raises(ValueError):
            join.pairs(left, right, width)
    else:
        lefts, rights = join.pairs(left, right, width)
        cut = [[side[at : at + width] for at in range(0, len(side), width)] for side in (left, right)]
        assert list(zip(lefts, rights, strict=True)) == oracle.pairs(*cut)
