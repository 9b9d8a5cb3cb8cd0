# SPDX-License-Identifier: Apache-2.0
"""The lot kernel against its twin, and under columns that lie."""

import itertools
import random
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext import lotfile, lots
from tests.oracle import lots as oracle

WIDTH = 5
NO_LIMIT = 2**63 - 1
USUAL = bytes([lots.DESTINATION, lots.FLOW, lots.AMC, lots.SECURITY])
BY_EXECUTOR = USUAL + bytes([lots.EXECUTOR])
LONG = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**62, 2**63 - 1])
Columns = tuple[Any, ...]


@st.composite
def columns(draw: st.DrawFn, *, faulty: bool) -> Columns:
    """Columns of up to thirty rows over few keys, each now and then replaced by anything when `faulty`."""
    count = draw(st.integers(0, 30))

    def longs(usual: st.SearchStrategy[int]) -> "array[int]":
        values = draw(st.lists(usual, min_size=count, max_size=count))
        if faulty and count and draw(st.integers(0, 9)) == 0:
            values[draw(st.integers(0, count - 1))] = draw(LONG)
        return array("q", values)

    def octets(usual: bytes) -> bytes:
        values = draw(st.lists(st.sampled_from(list(usual)), min_size=count, max_size=count))
        if faulty and count and draw(st.integers(0, 9)) == 0:
            values[draw(st.integers(0, count - 1))] = draw(st.integers(0, 255))
        return bytes(values)

    lines = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    starts = array("q", itertools.accumulate([0, *(WIDTH * number for number in lines)]))
    if faulty and draw(st.integers(0, 9)) == 0:
        starts[draw(st.integers(0, count))] = draw(st.integers(-300, 300))
    sums = draw(st.sampled_from([10**8, 40]))
    return (
        longs(st.sampled_from([17510000, 17510001, 17511234, 23450000, 999_999_999, 0])),
        octets(b"\x01\x01\x02"),
        longs(st.sampled_from([1, 75_912_345, 9_999_999_999])),
        octets(b"SDY"),
        longs(st.sampled_from([0, 751_234_568, 999_999_999])),
        longs(st.integers(739_000, 739_100)),
        array("q", range(count)) if draw(st.booleans()) else longs(st.integers(0, 40) | LONG),
        longs(st.integers(0, sums)),
        longs(st.integers(0, 10**8)),
        longs(st.integers(0, 10**8)),
        starts,
        WIDTH,
        draw(st.integers(0 if faulty else 1, 6)),
        draw(st.sampled_from([NO_LIMIT, 100, 10**8, 1])),
        draw(st.sampled_from([NO_LIMIT, 7 * WIDTH, WIDTH])),
        draw(plans(faulty=faulty)),
        array("q", draw(st.lists(st.integers(739_000, 739_100), max_size=4))),
        array("q", draw(st.lists(st.integers(0, sums), max_size=4))),
    )


@st.composite
def plans(draw: st.DrawFn, *, faulty: bool) -> bytes:
    """Names of fields in any order, those of a header among them unless faulty."""
    others = draw(st.sets(st.sampled_from([lots.CAISSE, lots.EXECUTOR, lots.AGE, lots.AMOUNT])))
    plan = draw(st.permutations([*lots.ALWAYS, *others]))
    if faulty and draw(st.integers(0, 19)) == 0:
        plan[draw(st.integers(0, len(plan) - 1))] = draw(st.integers(0, 255))
    return bytes(plan)


ENDS = [-(2**63), -5, -1, 0, 1, 2, 3, 5, 10, 15, 20, 2**62, 2**63 - 1]


def outcome(work: Callable[..., Any], given_columns: Columns) -> object:
    try:
        # A bytearray is written to: each call has its own.
        found = work(*(bytearray(column) if isinstance(column, bytearray) else column for column in given_columns))
    except (ValueError, OverflowError) as error:
        return type(error)
    return tuple(bytes(column) if isinstance(column, bytes) else list(column) for column in found)


@settings(max_examples=200, deadline=None)
@given(given_columns=columns(faulty=False))
def test_sound_columns_are_arranged_as_the_twin_does(given_columns: Columns) -> None:
    found = outcome(lots.arrange, given_columns)
    assert isinstance(found, tuple)
    assert found == outcome(oracle.arrange, given_columns)


@settings(max_examples=200, deadline=None)
@given(given_columns=columns(faulty=True))
def test_faulty_columns_are_refused_when_the_twin_refuses_them(given_columns: Columns) -> None:
    assert outcome(lots.arrange, given_columns) == outcome(oracle.arrange, given_columns)


def sound(count: int = 4) -> dict[str, Any]:
    starts = array("q", [WIDTH * row for row in range(count + 1)])
    zeros = array("q", [0] * count)
    return {
        "destination": array("q", [17510000] * count), "flow": b"\x01" * count, "amc": zeros, "security": b"S" * count,
        "executor": zeros, "care": zeros, "number": array("q", range(count)), "fees": zeros, "amo": zeros, "amc_share": zeros,
        "starts": starts, "width": WIDTH, "maximum": 200, "ceiling": NO_LIMIT, "room": NO_LIMIT, "plan": USUAL,
        "care_bounds": array("q"), "fee_bounds": array("q"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "row", "reason"),
    [
        ({"security": b"SSXS"}, 2, "key is out of range"),
        ({"flow": b"\x01\x03\x01\x01"}, 1, "key is out of range"),
        ({"flow": b"\x01\x01\x01\x02"}, 3, "key is out of range"),
        ({"destination": array("q", [0, -1, 0, 0])}, 1, "key is out of range"),
        ({"destination": array("q", [10**9, 0, 0, 0])}, 0, "key is out of range"),
        ({"plan": BY_EXECUTOR, "executor": array("q", [0, 0, 10**9, 0])}, 2, "key is out of range"),
        ({"flow": b"\x02" * 4, "amc": array("q", [1, 1, 1, 10**10])}, 3, "key is out of range"),
        ({"fees": array("q", [0, -1, 0, 0])}, 1, "amount is negative"),
        ({"starts": array("q", [0, 5, 5, 10, 15])}, 1, "records are not whole lines"),
        ({"starts": array("q", [0, 5, 10, 14, 20])}, 2, "records are not whole lines"),
    ],
)
def test_the_row_that_cannot_stand_is_named(change: dict[str, Any], row: int, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        lots.arrange(**(sound() | change))
    assert refused.value.args == (row, reason)


@pytest.mark.parametrize("name", ["fees", "amo", "amc_share"])
def test_a_sum_beyond_64_bits_is_an_overflow(name: str) -> None:
    with pytest.raises(OverflowError) as refused:
        lots.arrange(**(sound() | {name: array("q", [2**62] * 4)}))
    assert refused.value.args[0] == 1


def test_the_largest_numbers_are_still_numbers() -> None:
    top = 2**63 - 1
    whole = lots.arrange(**(sound(1) | {"fees": array("q", [top]), "starts": array("q", [2, top]), "maximum": top}))
    assert (list(whole[2]), list(whole[5])) == ([top], [(top - 2) // WIDTH])


@pytest.mark.parametrize(
    "name", ["destination", "flow", "amc", "security", "executor", "care", "number", "fees", "amo", "amc_share", "starts"]
)
def test_a_missing_or_shorter_column_is_refused(name: str) -> None:
    with pytest.raises(TypeError):
        lots.arrange(**(sound() | {name: None}))
    with pytest.raises(ValueError):
        lots.arrange(**(sound() | {name: sound()[name][:-1]}))


def test_keys_that_differ_in_few_bits_stay_apart_and_fast() -> None:
    """Many keys, packed as tightly as they come: a table that fills by runs would take minutes here."""
    count = 60_000
    columns_given = sound(count) | {
        "destination": array("q", [row % 300 * 10_000 for row in range(count)]),
        "executor": array("q", [row // 300 * 4 for row in range(count)]),
        "plan": BY_EXECUTOR,
    }
    order, sizes, *_ = lots.arrange(**columns_given)
    assert set(sizes) == {1}
    assert len(sizes) == count
    assert order[:3].tolist() == [0, 300, 600]


def seeded(seed: int, count: int) -> dict[str, Any]:
    """Columns of many rows over a few thousand keys, most plans and limits tried in turn."""
    chance = random.Random(seed)

    def longs(values: list[int]) -> "array[int]":
        return array("q", chance.choices(values, k=count))

    plan = [*USUAL, *chance.sample([lots.CAISSE, lots.EXECUTOR, lots.AGE, lots.AMOUNT], seed % 5)]
    if seed % 2:
        chance.shuffle(plan)
    numbers = list(range(count))
    if seed % 3:
        chance.shuffle(numbers)
    sizes = chance.choices([5, 6, 7, 8], k=count)
    return {
        "destination": longs([caisse * 10_000 + centre for caisse in chance.sample(range(100_000), 40) for centre in (0, 7)]),
        "flow": bytes(chance.choices(b"\x01\x01\x02", k=count)), "amc": longs([1, 75_912_345, 9_999_999_999]),
        "security": bytes(chance.choices(b"SSSSSSDY", k=count)), "executor": longs([751_234_568, 0, 999_999_999]),
        "care": longs(list(range(739_000, 739_100))), "number": array("q", numbers), "fees": longs([3000, 2650, 7000, 120_000]),
        "amo": longs([2100, 0]), "amc_share": longs([900, 0]),
        "starts": array("q", itertools.accumulate([0, *(WIDTH * size for size in sizes)])), "width": WIDTH,
        "maximum": chance.choice([1, 7, 200]), "ceiling": chance.choice([NO_LIMIT, 50_000]), "room": chance.choice([NO_LIMIT, 40 * WIDTH]),
        "plan": bytes(plan), "care_bounds": array("q", [739_030, 739_060]), "fee_bounds": array("q", [3000, 100_000]),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_many_rows_are_arranged_as_the_twin_does(seed: int) -> None:
    given_columns = seeded(seed, 20_000)
    found, expected = lots.arrange(**given_columns), oracle.arrange(**given_columns)
    assert [list(column) for column in found] == [*expected]


@settings(max_examples=100, deadline=None)
@given(given_columns=columns(faulty=False), turn=st.randoms(use_true_random=False))
def test_rows_in_another_order_make_the_same_lots(given_columns: Columns, turn: random.Random) -> None:
    """Every row with a number of its own: which came first does not matter."""
    count = len(given_columns[1])
    numbered = [*given_columns]
    numbered[6] = array("q", turn.sample(range(-count, count), count))
    places = list(range(count))
    turn.shuffle(places)
    other = list(numbered)
    for at in (0, 2, 4, 5, 6, 7, 8, 9):
        other[at] = array("q", [numbered[at][place] for place in places])
    for at in (1, 3):
        other[at] = bytes(numbered[at][place] for place in places)
    starts = numbered[10]
    other[10] = array("q", itertools.accumulate([0, *(starts[place + 1] - starts[place] for place in places)]))
    order, *figures = lots.arrange(*numbered)
    order_2, *figures_2 = lots.arrange(*other)
    assert (figures, list(order)) == (figures_2, [places[row] for row in order_2])


@pytest.mark.parametrize(
    "plan",
    [USUAL[1:], USUAL[:3], USUAL + bytes([lots.FLOW]), USUAL + b"\x08", b""],
    ids=["no destination", "no security", "twice", "unknown", "nothing"],
)
def test_no_plan_mixes_what_a_header_says(plan: bytes) -> None:
    with pytest.raises(ValueError, match="those of a header all"):
        lots.arrange(**(sound() | {"plan": plan}))


@pytest.mark.parametrize("name", ["care_bounds", "fee_bounds"])
def test_more_bounds_than_a_key_can_tell_are_refused(name: str) -> None:
    assert lots.arrange(**(sound() | {name: array("q", range(127)), "plan": USUAL + bytes([lots.AGE, lots.AMOUNT])}))
    with pytest.raises(ValueError, match="too many bounds"):
        lots.arrange(**(sound() | {name: array("q", range(128))}))


def test_a_row_beyond_a_limit_has_a_lot_of_its_own() -> None:
    rich = sound(5) | {"fees": array("q", [50, 101, 0, 60, 40]), "ceiling": 100}
    order, sizes, fees, *_ = lots.arrange(**rich)
    assert (order.tolist(), sizes.tolist(), fees.tolist()) == ([0, 1, 2, 3, 4], [1, 1, 3], [50, 101, 100])


def sheet(lines: list[int]) -> tuple[bytes, "array[int]"]:
    starts = array("q", itertools.accumulate([0, *(WIDTH * number for number in lines)]))
    return bytes(65 + at % 26 for at in range(starts[-1])), starts


@st.composite
def layouts(draw: st.DrawFn, *, faulty: bool) -> Columns:
    """Rows in any order cut in any lots; when `faulty`, each column may hold anything."""
    lines = draw(st.lists(st.integers(1, 4), max_size=12))
    data, starts = sheet(lines)
    mixed = draw(st.permutations(range(len(lines))))
    # The rest stands in another file.
    order = array("q", mixed[: draw(st.integers(0, len(mixed)))])
    sizes: array[int] = array("q")
    while sum(sizes) < len(order):
        sizes.append(draw(st.integers(1, len(order) - sum(sizes))))
    taken = bytearray(len(lines))
    if faulty:
        for column in (starts, order, sizes):
            for _ in range(draw(st.integers(0, 2)) if column else 0):
                column[draw(st.integers(0, len(column) - 1))] = draw(st.one_of(st.integers(-80, 80), LONG))
        data = data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data
        if taken and draw(st.integers(0, 9)) == 0:
            taken[draw(st.integers(0, len(taken) - 1))] = 1
    return data, starts, order, sizes, b"<" * WIDTH, b"(" * WIDTH * len(sizes), b")" * WIDTH * len(sizes), b">" * WIDTH, taken


@settings(max_examples=200, deadline=None)
@given(layout=layouts(faulty=False))
def test_a_sound_layout_is_assembled_as_the_twin_does(layout: Columns) -> None:
    found = outcome(lotfile.assemble, layout)
    assert isinstance(found, tuple)
    assert found == outcome(oracle.assemble, layout)


@settings(max_examples=200, deadline=None)
@given(layout=layouts(faulty=True))
def test_a_layout_that_lies_is_refused_or_is_assembled_as_the_twin_does(layout: Columns) -> None:
    found, expected = outcome(lotfile.assemble, layout), outcome(oracle.assemble, layout)
    if isinstance(expected, tuple):
        assert found == expected
    else:
        assert found in (ValueError, OverflowError)


@pytest.mark.parametrize("row", [[0, 0], [1, 1]])
def test_a_row_that_stands_twice_leaves_no_byte_unwritten(row: list[int]) -> None:
    data, starts = sheet([1, 3])
    with pytest.raises(ValueError, match="row stands twice|outside the data"):
        lotfile.assemble(
            data, starts, array("q", row), array("q", [2]), b"<" * WIDTH, b"(" * WIDTH, b")" * WIDTH, b">" * WIDTH, bytearray(2)
        )


def test_lots_that_forget_a_row_are_refused() -> None:
    data, starts = sheet([1, 1])
    with pytest.raises(ValueError, match="lots and rows disagree"):
        lotfile.assemble(
            data, starts, array("q", [0, 1]), array("q", [1]), b"<" * WIDTH, b"(" * WIDTH, b")" * WIDTH, b">" * WIDTH, bytearray(2)
        )


def test_a_row_stands_in_one_file_of_a_build() -> None:
    data, starts = sheet([1, 1])
    taken, frame = bytearray(2), (b"<" * WIDTH, b"(" * WIDTH, b")" * WIDTH, b">" * WIDTH)
    assert lotfile.assemble(data, starts, array("q", [1]), array("q", [1]), *frame, taken)[1].tolist() == [3]
    assert taken == b"\x00\x01"
    with pytest.raises(ValueError, match="row stands twice"):
        lotfile.assemble(data, starts, array("q", [1]), array("q", [1]), *frame, taken)
    with pytest.raises(ValueError, match="columns differ in length"):
        lotfile.assemble(data, starts, array("q", [0]), array("q", [1]), *frame, bytearray(1))


@pytest.mark.parametrize("place", range(9))
def test_an_argument_that_is_missing_is_refused(place: int) -> None:
    data, starts = sheet([1])
    arguments: list[Any] = [
        data,
        starts,
        array("q", [0]),
        array("q", [1]),
        *(mark * WIDTH for mark in (b"<", b"(", b")", b">")),
        bytearray(1),
    ]
    assert lotfile.assemble(*arguments)[0] == b"<<<<<(((((ABCDE)))))>>>>>"
    arguments[place] = None
    with pytest.raises(TypeError):
        lotfile.assemble(*arguments)


@pytest.mark.fuzz
def test_long_runs_of_lies_never_crash() -> None:
    chance = random.Random(7)
    for _ in range(200_000):
        starts, order, sizes = (array("q", (chance.choice(ENDS) for _ in range(chance.randint(0, 6)))) for _ in range(3))
        data, frame = bytes(chance.randrange(200)), (b"<" * WIDTH, b"(" * WIDTH * len(sizes), b")" * WIDTH * len(sizes), b">" * WIDTH)
        try:
            content, _ = lotfile.assemble(data, starts, order, sizes, *frame, bytearray(max(len(starts) - 1, 0)))
        except (ValueError, OverflowError):
            continue
        assert content.startswith(b"<") and content.endswith(b">")
