# SPDX-License-Identifier: Apache-2.0
"""The COPY kernels beside their twin in plain Python: same bytes, same values, same refusals."""

import struct
from array import array
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ext import pgcopy, pgread
from tests.oracle import pgcopy as oracle

OFFSETS = st.one_of(
    st.just(UTC),
    st.sampled_from([ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion"), ZoneInfo("America/Cayenne")]),
    st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds))),
)
GOOD: dict[int, st.SearchStrategy[object]] = {
    oracle.UUID: st.binary(min_size=16, max_size=16),
    oracle.INT2: st.integers(-(2**15), 2**15 - 1),
    oracle.INT4: st.integers(-(2**31), 2**31 - 1),
    oracle.INT8: st.integers(-(2**63), 2**63 - 1),
    oracle.TEXT: st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
    oracle.BYTEA: st.binary(max_size=40),
    oracle.DATE: st.dates(),
    oracle.TIMESTAMPTZ: st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=OFFSETS),
    oracle.BOOL: st.booleans(),
    oracle.JSONB: st.binary(max_size=20),
}
ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=17), st.dates(), st.datetimes(),
    st.sampled_from([2**15, -(2**15) - 1, 2**31, -(2**31) - 1, 2**63, -(2**63) - 1, "a\0b", "\ud800", bytes(16), bytearray(16)]),
)  # fmt: skip
Table = tuple[tuple[int, ...], list[list[object]], int]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    types = tuple(draw(st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=6)))
    rows = draw(st.integers(0, 5))
    holes = draw(st.booleans())
    values = [st.one_of(st.none(), GOOD[kind]) if holes else GOOD[kind] for kind in types]
    return types, [draw(st.lists(value, min_size=rows, max_size=rows)) for value in values], rows


def refusal(call: Callable[[], object]) -> str:
    """Say how a call ends: its result, or the kind of refusal (a number that struct cannot pack counts as overflow)."""
    try:
        return f"result {call()!r}"
    except struct.error:
        return "overflow"
    except OverflowError:
        return "overflow"
    except TypeError:
        return "type"
    except ValueError:
        return "value"


def instant(value: object) -> object:
    """Return a time as the instant that it is: in its own zone, one that a change of clocks skips or repeats equals no other."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@settings(max_examples=200, deadline=None)
@given(table=tables())
@example(table=((oracle.TIMESTAMPTZ,), [[datetime(1999, 3, 28, 2, 0, tzinfo=ZoneInfo("Europe/Paris"))]], 1))
def test_streams_are_those_of_the_twin_and_come_back(table: Table) -> None:
    types, columns, rows = table
    stream = pgcopy.encode(types, tuple(columns), rows)  # type: ignore[arg-type]
    assert stream == oracle.encode(types, columns, rows)
    read = pgread.decode(stream, bytes(types))
    assert [list(column) for column in read] == [list(map(instant, column)) for column in columns] == oracle.decode(stream, types)
    for kind, column in zip(types, read, strict=True):
        assert isinstance(column, array) == (kind in oracle.INTEGERS and None not in column)


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(sorted(GOOD)), value=ANY)
def test_any_value_is_taken_or_refused_as_the_twin_does(kind: int, value: object) -> None:
    ours = refusal(lambda: pgcopy.encode((kind,), ([value],), 1))  # type: ignore[list-item]
    assert ours == refusal(lambda: oracle.encode((kind,), [[value]], 1))


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(sorted(GOOD)), rows=st.integers(0, 4), data=st.data())
def test_one_value_stands_for_every_row(kind: int, rows: int, data: st.DataObject) -> None:
    value = data.draw(GOOD[kind])
    expected = oracle.encode((oracle.INT8, kind), [[*range(rows)], [value] * rows], rows)
    assert pgcopy.encode((oracle.INT8, kind), (array("q", range(rows)), value), rows) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "bits"), [(oracle.INT2, 15), (oracle.INT4, 31), (oracle.INT8, 63)])
def test_integers_are_taken_to_their_bounds_and_no_further(kind: int, bits: int) -> None:
    edges = [-(2**bits), 2**bits - 1]
    assert pgcopy.encode((kind,), (array("q", edges),), 2) == oracle.encode((kind,), [list(edges)], 2)
    for wrong in (-(2**bits) - 1, 2**bits):
        with pytest.raises(OverflowError) as fault:
            pgcopy.encode((oracle.INT8, kind), ([1, 2, 3], [0, wrong, 0]), 3)
        assert fault.value.args[:2] == (1, 1) and str(wrong) not in str(fault.value)
        if bits < 63:
            with pytest.raises(OverflowError) as fault:
                pgcopy.encode((kind,), (array("q", [0, 0, wrong]),), 3)
            assert fault.value.args[:2] == (2, 0)


@pytest.mark.parametrize("first", [date.min, date(1899, 12, 20), date(1999, 12, 20), date(2024, 2, 20), date(9999, 12, 20)])
def test_days_follow_the_calendar(first: date) -> None:
    days: list[object] = [first + timedelta(days=i) for i in range(12)]
    stream = pgcopy.encode((oracle.DATE,), (days,), 12)  # type: ignore[arg-type]
    assert stream == oracle.encode((oracle.DATE,), [days], 12)
    assert pgread.decode(stream, (oracle.DATE,)) == (days,)


def test_both_hours_of_the_autumn_change_are_kept_apart() -> None:
    paris = ZoneInfo("Europe/Paris")
    hours = [datetime(2025, 10, 26, 2, 30, tzinfo=paris, fold=fold) for fold in (0, 1)]
    [read] = pgread.decode(pgcopy.encode((oracle.TIMESTAMPTZ,), (hours,), 2), (oracle.TIMESTAMPTZ,))
    assert read == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)]


def test_a_zone_that_changes_the_lists_while_asked_changes_nothing() -> None:
    texts = ["kept " * 50 for _ in range(3)]
    times: list[datetime] = []

    class Mischief(tzinfo):
        def dst(self, _when: datetime | None) -> None:
            return None

        def tzname(self, _when: datetime | None) -> str:
            return "mischief"

        def utcoffset(self, _when: datetime | None) -> timedelta:
            texts.clear()
            times.clear()
            return timedelta(hours=1)

    times.extend(datetime(2025, 1, 1, hour, tzinfo=Mischief()) for hour in range(3))
    stream = pgcopy.encode((oracle.TEXT, oracle.TIMESTAMPTZ), (texts, times), 3)
    kept, read = pgread.decode(stream, (oracle.TEXT, oracle.TIMESTAMPTZ))
    assert kept == ["kept " * 50] * 3
    assert read == [datetime(2024, 12, 31, 23, tzinfo=UTC) + timedelta(hours=hour) for hour in range(3)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [(oracle.TEXT, None), (oracle.UUID, None), (oracle.INT8, None), (oracle.INT8, array("i", [1])), (oracle.INT8, array("d", [1])),
     (oracle.DATE, array("q", [1])), (oracle.BOOL, array("q", [1])), (oracle.INT8, {1}), (oracle.TEXT, iter("a"))],
)  # fmt: skip
def test_a_column_of_another_shape_is_refused(kind: int, values: object) -> None:
    with pytest.raises(TypeError) as fault:
        pgcopy.encode((oracle.INT2, kind), ([1], values), 1)  # type: ignore[arg-type]
    assert fault.value.args[1] == 1


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_columns_of_another_length_are_refused(rows: int) -> None:
    for column in ([1, 2], array("q", [1, 2])):
        with pytest.raises(ValueError, match="rows") as fault:
            pgcopy.encode((oracle.INT2,), (column,), rows)
        assert fault.value.args[:2] == (None, 0)


@pytest.mark.parametrize("types", [(), b"", (0,), (11,), (300,), (-1,), (1.5,), [1], 3, None, "1", bytes(1) * 1601])
def test_kinds_that_do_not_exist_are_refused(types: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        pgcopy.encode(types, ([],), 0)  # type: ignore[arg-type]
    with pytest.raises((ValueError, TypeError)):
        pgread.decode(oracle.encode((), [], 0), types)  # type: ignore[arg-type]


def test_counts_must_agree() -> None:
    with pytest.raises(ValueError, match="number"):
        pgcopy.encode((1, 2), ([],), 0)
    with pytest.raises(ValueError, match="negative"):
        pgcopy.encode((2,), (5,), -1)
    with pytest.raises(TypeError):
        pgcopy.encode((2,), None, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        pgread.decode(None, (2,))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [oracle.BYTEA, oracle.JSONB])
def test_what_no_field_can_hold_is_refused(kind: int) -> None:
    huge = bytes(2**30)  # zeros that are never touched, so never mapped
    with pytest.raises(OverflowError) as fault:
        pgcopy.encode((kind,), ([b"", huge],), 2)
    assert fault.value.args[:2] == (1, 0)


def test_no_refusal_holds_the_value() -> None:
    for kind, value in (
        (oracle.TEXT, "1850799999\ud800"),
        (oracle.TEXT, "1850799999\0"),
        (oracle.UUID, b"1850799999"),
        (oracle.DATE, "1850799999"),
    ):
        with pytest.raises((ValueError, TypeError)) as fault:
            pgcopy.encode((kind,), ([value],), 1)
        assert "1850799999" not in repr(fault.value) and fault.value.__cause__ is None
    stream = oracle.encode((oracle.BYTEA,), [[b"1850799999\xff"]], 1)
    with pytest.raises(ValueError) as unread:
        pgread.decode(stream, (oracle.TEXT,))
    assert unread.value.args == (0, 0, "text is not UTF-8") and unread.value.__suppress_context__


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31), 2921940, -730120])
def test_days_beyond_the_calendar_are_refused(value: int) -> None:
    stream = oracle.encode((oracle.INT4,), [[0, value]], 2)  # infinity is one of them
    with pytest.raises(OverflowError) as fault:
        pgread.decode(stream, (oracle.DATE,))
    assert fault.value.args[:2] == (1, 0)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2921940 * 86_400_000_000, -730119 * 86_400_000_000 - 1])
def test_instants_beyond_the_calendar_are_refused(value: int) -> None:
    with pytest.raises(OverflowError) as fault:
        pgread.decode(oracle.encode((oracle.INT8,), [[value]], 1), (oracle.TIMESTAMPTZ,))
    assert fault.value.args[:2] == (0, 0)


def test_a_header_extension_is_skipped_and_flags_are_read() -> None:
    stream = oracle.encode((oracle.INT2,), [[7]], 1)
    longer = stream[:15] + struct.pack(">I", 5) + b"extra" + stream[19:]
    assert pgread.decode(longer, (oracle.INT2,)) == (array("q", [7]),)
    assert pgread.decode(stream[:11] + b"\0\0\xff\xff" + stream[15:], (oracle.INT2,)) == (array("q", [7]),)
    for flags in (b"\0\1\0\0", b"\x80\0\0\0"):
        with pytest.raises(ValueError, match="format"):
            pgread.decode(stream[:11] + flags + stream[15:], (oracle.INT2,))


def test_a_stream_cut_anywhere_or_continued_is_refused() -> None:
    types = (oracle.INT4, oracle.TEXT, oracle.JSONB)
    stream = oracle.encode(types, [[1, None], ["one", "two"], [b"{}", None]], 2)
    for end in range(len(stream)):
        with pytest.raises(ValueError):
            pgread.decode(stream[:end], types)
    with pytest.raises(ValueError, match="goes on"):
        pgread.decode(stream + b"\0", types)


FUZZED = oracle.encode(
    (oracle.UUID, oracle.INT4, oracle.TEXT, oracle.DATE, oracle.TIMESTAMPTZ, oracle.BOOL, oracle.JSONB),
    [[bytes(16)] * 2, [1, None], ["a", "é"], [date(2024, 2, 29)] * 2, [datetime(2024, 1, 1, tzinfo=UTC)] * 2, [True, None], [b"{}", b"[]"]],
    2,
)


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(FUZZED) - 1), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 40),
    data=st.binary(max_size=60),
)
@example(changes=[], cut=0, data=b"")
def test_hostile_streams_end_as_with_the_twin(changes: list[tuple[int, int]], cut: int, data: bytes) -> None:
    types = (oracle.UUID, oracle.INT4, oracle.TEXT, oracle.DATE, oracle.TIMESTAMPTZ, oracle.BOOL, oracle.JSONB)
    changed = bytearray(FUZZED)
    for place, value in changes:
        changed[place] = value
    for stream in (bytes(changed), bytes(changed[: len(changed) - cut]) + data, FUZZED[:19] + data, data):
        ours, theirs = outcome(pgread.decode, stream, types), outcome(oracle.decode, stream, types)
        assert ours == theirs


def outcome(decode: Callable[[bytes, tuple[int, ...]], object], stream: bytes, types: tuple[int, ...]) -> object:
    try:
        columns = decode(stream, types)
    except (ValueError, OverflowError, struct.error):
        return "refused"
    assert isinstance(columns, list | tuple)
    return [list(column) for column in columns]
