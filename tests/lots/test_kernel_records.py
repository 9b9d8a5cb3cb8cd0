# SPDX-License-Identifier: Apache-2.0
"""The flat writer against its twin, and under programs and values that lie."""

import string
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.exchange.compiler import compile_table
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import RECORD_WIDTH, Field
from ext import records
from tests.oracle import records as oracle
from tests.oracle.records import CONST, DATE, FILLER, MAGNITUDE, NUMBER, SIGN, TEXT, Step

DIGITS = st.text(string.digits, max_size=12)
LETTERS = st.text(string.ascii_uppercase + string.digits + " ", max_size=9)
ODD_DAYS = ["1970-01-01", "2069-12-31", "2024-02-29", "2023-02-29", "2000-02-29", "1999-13-01", "2026-1-01"]
DAYS = st.dates().map(str) | st.sampled_from(ODD_DAYS)
NUMBERS = st.integers(-(10**6), 10**6) | st.integers() | st.just(2**63) | st.just(-(2**63))
VALUES = st.one_of(st.none(), st.booleans(), NUMBERS, DIGITS, LETTERS, DAYS, st.text(max_size=12), st.floats(), st.binary(max_size=3))


@st.composite
def programs(draw: st.DrawFn) -> tuple[tuple[Step, ...], int, int]:
    """Steps that follow each other with gaps, the width of their line, and the slots they read."""
    steps: list[Step] = []
    position, slots = 0, draw(st.integers(1, 5))
    for kind in draw(st.lists(st.integers(CONST, SIGN), max_size=8)):
        position += draw(st.integers(0, 2))
        width = {DATE: 6, SIGN: 1}.get(kind) or draw(st.integers(1, 24))
        const = draw(st.binary(max_size=width)) if kind == CONST else None
        start, stop = draw(st.sampled_from([(0, -1), (0, -1), (0, 3), (2, 5), (4, 4)]))
        steps.append((position, width, kind, draw(st.booleans()), draw(st.integers(0, slots - 1)), start, stop, const))
        position += width
    return tuple(steps), max(position, 1), slots


def outcome(work: Any, *arguments: Any) -> object:
    try:
        return work(*arguments)
    except (ValueError, OverflowError) as error:
        return type(error), error.args


@settings(max_examples=200, deadline=None)
@given(program=programs(), data=st.data())
def test_the_writer_agrees_with_its_twin(program: tuple[tuple[Step, ...], int, int], data: st.DataObject) -> None:
    steps, width, slots = program
    rows = data.draw(st.lists(st.tuples(*[VALUES] * slots), max_size=3))
    assert outcome(records.write, records.Program(steps, width, slots), rows) == outcome(oracle.write, steps, width, rows)


IN_RANGE = st.dates(date(1970, 1, 1), date(2069, 12, 31)).map(str)
USUAL = {
    NUMBER: st.none() | st.integers(0, 99) | DIGITS.filter(lambda text: len(text) <= 12),
    MAGNITUDE: st.none() | st.integers(-99, 99),
    DATE: st.none() | IN_RANGE,
    TEXT: st.none() | LETTERS.map(str.strip),
    SIGN: st.integers() | st.booleans(),
}


@settings(max_examples=200, deadline=None)
@given(kinds=st.lists(st.sampled_from([NUMBER, MAGNITUDE, DATE, TEXT, SIGN]), min_size=1, max_size=8), data=st.data())
def test_values_that_fit_are_written_as_the_twin_does(kinds: list[int], data: st.DataObject) -> None:
    steps: list[Step] = []
    for slot, kind in enumerate(kinds):
        steps.append((20 * slot, {DATE: 6, SIGN: 1}.get(kind, 20), kind, False, slot, 0, -1, None))
    rows = data.draw(st.lists(st.tuples(*[USUAL[kind] for kind in kinds]), max_size=4))
    block = records.write(records.Program(tuple(steps), 20 * len(kinds), len(kinds)), rows)
    assert len(block) == len(rows) * (20 * len(kinds) + 1)
    assert block == oracle.write(tuple(steps), 20 * len(kinds), list(rows))


@pytest.mark.parametrize(
    ("kind", "width", "required", "value", "error", "reason"),
    [
        (NUMBER, 3, False, 1000, OverflowError, "overflow"),
        (NUMBER, 3, False, "0001", OverflowError, "overflow"),
        (NUMBER, 3, False, -1, ValueError, "bad_value"),
        (NUMBER, 3, False, True, ValueError, "bad_value"),
        (NUMBER, 3, False, 1.0, ValueError, "bad_value"),
        (NUMBER, 3, False, "1 ", ValueError, "bad_numeric"),
        (NUMBER, 3, False, "١", ValueError, "bad_numeric"),
        (NUMBER, 3, False, "\ud800", ValueError, "bad_numeric"),
        (NUMBER, 24, False, 2**63, OverflowError, "overflow"),
        (MAGNITUDE, 3, False, -1000, OverflowError, "overflow"),
        (TEXT, 3, False, "ABCD", OverflowError, "overflow"),
        (TEXT, 3, False, "AbC", ValueError, "bad_char"),
        (TEXT, 3, False, "É", ValueError, "bad_char"),
        (TEXT, 3, False, "\ud800", ValueError, "bad_char"),
        (TEXT, 3, False, "A\0", ValueError, "bad_char"),
        (TEXT, 3, False, " A", ValueError, "bad_value"),
        (TEXT, 3, False, 12, ValueError, "bad_value"),
        (TEXT, 3, True, "", ValueError, "missing"),
        (TEXT, 3, True, None, ValueError, "missing"),
        (DATE, 6, True, None, ValueError, "bad_date"),
        (DATE, 6, False, "2026-02-29", ValueError, "bad_date"),
        (DATE, 6, False, "1969-12-31", ValueError, "bad_date"),
        (DATE, 6, False, "2070-01-01", ValueError, "bad_date"),
        (DATE, 6, False, "2026-01-0\ud800", ValueError, "bad_date"),
        (DATE, 6, False, 20260101, ValueError, "bad_value"),
        (SIGN, 1, False, None, ValueError, "bad_value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    kind: int, width: int, required: bool, value: Any, error: type[Exception], reason: str
) -> None:
    steps: tuple[Step, ...] = ((0, 1, CONST, True, -1, 0, -1, b"T"), (1, width, kind, required, 0, 0, -1, None))
    good: Any = {NUMBER: 0, MAGNITUDE: 0, TEXT: "A", DATE: "2026-01-01", SIGN: 1}[kind]
    with pytest.raises(error) as refused:
        records.write(records.Program(steps, width + 1, 1), [(good,), (value,)])
    assert refused.value.args == (1, 1, reason)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ((-1, 2, NUMBER, False, 0, 0, -1, None), ValueError),
        ((4, 7, NUMBER, False, 0, 0, -1, None), ValueError),
        ((11, 1, NUMBER, False, 0, 0, -1, None), ValueError),
        ((0, 0, NUMBER, False, 0, 0, -1, None), ValueError),
        ((2**62, 2**62, NUMBER, False, 0, 0, -1, None), ValueError),
        ((9, 1, DATE, False, 0, 0, -1, None), ValueError),
        ((0, 2, SIGN, False, 0, 0, -1, None), ValueError),
        ((0, 2, 7, False, 0, 0, -1, None), ValueError),
        ((0, 2, NUMBER, False, 1, 0, -1, None), ValueError),
        ((0, 2, NUMBER, False, -1, 0, -1, None), ValueError),
        ((0, 2, CONST, False, -1, 0, -1, None), ValueError),
        ((0, 2, CONST, False, -1, 0, -1, b"ABC"), ValueError),
        ((0, 2, CONST, False, -1, 0, -1, "AB"), TypeError),
        ((0, 2, TEXT, False, 0, -5, 3, None), ValueError),
        ((0, 2, TEXT, False, 0, 4, 3, None), ValueError),
        ((0, 2, TEXT, False, 0, 1, -2, None), ValueError),
        ((0, 2, NUMBER), ValueError),
        (None, TypeError),
        ((2**70, 2, NUMBER, False, 0, 0, -1, None), OverflowError),
    ],
)
def test_a_step_that_could_write_or_read_elsewhere_makes_no_program(step: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        records.Program((step,), 10, 1)


def test_steps_out_of_order_make_no_program() -> None:
    first, second = (0, 3, NUMBER, False, 0, 0, -1, None), (2, 3, NUMBER, False, 0, 0, -1, None)
    with pytest.raises(ValueError):
        records.Program((first, second), 10, 1)
    with pytest.raises(OverflowError):
        records.Program(tuple((at, 1, FILLER, False, -1, 0, -1, None) for at in range(65)), 100, 1)


def test_a_program_is_never_half_made() -> None:
    with pytest.raises(TypeError):
        records.Program.__new__(records.Program)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        records.write(None, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "error"), [([(1, 2)], ValueError), ([()], ValueError), ([None], TypeError), ([[1]], TypeError), (((1,),), TypeError)]
)
def test_rows_of_another_shape_are_refused(rows: Any, error: type[Exception]) -> None:
    program = records.Program(((0, 2, NUMBER, False, 0, 0, -1, None),), 2, 1)
    assert records.write(program, [(1,)]) == b"01\n"
    with pytest.raises(error):
        records.write(program, rows)


def test_an_int_of_another_class_cannot_break_the_writer() -> None:
    class Odd(int):
        def __abs__(self) -> int:
            return -5

        def __lt__(self, other: object) -> bool:
            return False

        def __gt__(self, other: object) -> bool:
            return False

    program = records.Program(((0, 2, NUMBER, False, 0, 0, -1, None), (2, 2, MAGNITUDE, False, 0, 0, -1, None)), 4, 1)
    assert len(outcome(records.write, program, [(Odd(-3),)])) in (2, 5)  # type: ignore[arg-type]


def usual(kinds: set[str], signed: bool) -> st.SearchStrategy[Any]:
    """Values that every field with this source can hold."""
    if "date6" in kinds:
        return IN_RANGE
    if signed:
        return st.integers(-9, 9)
    return st.integers(0, 9) if kinds <= {"num", "amount"} else st.sampled_from("123")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["000", "1", "6", "999", "A1", "P1", "P9", "R1", "R2", "R3"])
def test_every_flat_layout_of_the_profile_is_written_as_the_twin_does(kind: str, data: st.DataObject) -> None:
    table = load_pack().tables[kind]
    fields: dict[str, list[Field]] = {}
    for field in table.fields:
        if field.kind not in ("const", "filler"):
            fields.setdefault(field.value.partition("[")[0], []).append(field)
    signs = {field.value for field in table.fields if field.name.endswith("_sign")}
    strategies = [usual({field.kind for field in found}, source in signs) for source, found in fields.items()]
    row = data.draw(st.tuples(*strategies))
    steps = tuple(step[:8] for step in compile_table(table, {source: slot for slot, source in enumerate(fields)}))
    program = records.Program(steps, RECORD_WIDTH, len(fields))
    assert records.write(program, [row]) == oracle.write(steps, RECORD_WIDTH, [row])
