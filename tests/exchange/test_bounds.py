# SPDX-License-Identifier: Apache-2.0
"""Long and hostile input: time that grows with the size alone, a bounded number of faults, other threads that go on."""

import threading
import time
from array import array
from collections.abc import Callable

import pytest

from desmos_fast.billing.reading.kernel import wire
from desmos_fast.exchange.codec import check
from desmos_fast.exchange.reading.kernel import claims, columns, grammar, zones
from desmos_fast.exchange.reading.reading import FAULTS_KEPT, Reading
from ext.claims import ZONES, Claims
from ext.columns import Columns
from ext.reader import Grammar, Scan, Types
from ext.rules import rules
from ext.sums import Sums
from ext.wire import Wire
from ext.zones import Zones
from tests.exchange.files import changed, file, run

FILE = file("file1").splitlines(keepends=True)
ORDER = file("rsp3_no_invoice").splitlines(keepends=True)
ONE = run(1).splitlines(keepends=True)
ARL = changed(file("arl1_positive"), 2, "A1", verdict_sign="-").splitlines(keepends=True)

# What each holds, and its first fault. Work that grew with the square of these would take minutes.
LONG: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "orders": (lambda: ORDER[0] + b"".join(ORDER[1:5]) * 60_000 + ORDER[-1], "B2_COUNT_MISMATCH", 240_002),
    "ends": (lambda: b"".join(ORDER) + ORDER[-1] * 100_000, "B2_BAD_ORDER", 10),
    "lots of one number": (lambda: FILE[0] + b"".join(FILE[1:9]) * 20_000 + FILE[-1], "B2_DUPLICATE_LOT", 10),
    "openings": (lambda: ONE[0] * 200_000, "B2_BAD_ORDER", 2),
    "one number": (lambda: b"".join(ONE) * 40_000, "B2_DUPLICATE_NUMBER", 7),
    "one invoice": (lambda: b"".join([*ONE[:2], *ONE[2:5] * 70_000, *ONE[5:]]), "B2_BAD_ORDER", 65_537),
    "verdicts": (lambda: ARL[0] + ARL[1] * 100_000 + ARL[-1], "B2_BAD_OUTCOME", 2),
    "line ends": (lambda: b"\n" * 20_000_000, "B2_BAD_LENGTH", 1),
    "letters": (lambda: b"A" * 20_000_000, "B2_UNKNOWN_RECORD", 1),
    "nothing": (lambda: bytes(20_000_000), "B2_BAD_CHAR", 1),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", LONG)
def test_long_input_is_read_in_time_and_gives_a_bounded_number_of_faults(kind: str) -> None:
    make, code, record = LONG[kind]
    faults = check(make())
    assert (faults[0].code, faults[0].record) == (code, record)
    assert len(faults) <= 4 * FAULTS_KEPT


@pytest.mark.alone
def test_other_threads_go_on_while_the_kernels_work() -> None:
    data = b"".join(ONE) * 60_000
    done = threading.Event()
    longest = 0.0

    def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while not done.is_set():
            now = time.perf_counter()
            longest = max(longest, now - before)
            before = now
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    assert check(data, max_faults=1) != []
    whole = time.perf_counter() - start
    done.set()
    watcher.join()
    assert longest < whole / 3


def reading(data: bytes = file("file1")) -> Reading:
    found = Reading(b"\n" in data)
    found.feed(data, final=True)
    return found


def test_units_that_are_not_of_the_buffer_are_refused() -> None:
    found = reading()
    for firsts, stops in (
        (found.firsts[:2], found.stops), (array("q", [0] * 6), found.stops), (found.stops, found.firsts),
        (array("q", [44]), array("q", [48])), (array("q", [-5]), array("q", [3])),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="invoice"):
            rules(claims(), found.scan, firsts, stops, 10)
        with pytest.raises(ValueError, match="invoice"):
            Sums(claims(), False).check(found.scan, firsts, stops, 10)


def test_records_that_could_not_be_read_are_in_no_unit() -> None:
    """A short record at the end of the buffer: a zone of it would lie outside."""
    found = reading(run(1)[:-100])
    firsts, stops = array("q", [0]), array("q", [6])
    for work in (
        lambda: rules(claims(), found.scan, firsts, stops, 10),
        lambda: Sums(claims(), True).check(found.scan, firsts, stops, 10),
        lambda: wire().lines(claims(), found.scan, firsts, stops, Sums(claims(), True).apart, 0, 1),
    ):
        with pytest.raises(ValueError, match="invoice"):
            work()


def test_units_that_hold_other_records_give_faults_and_break_nothing() -> None:
    """Whatever stands in the records of an invoice that the order did not find, nothing outside the buffer is read."""
    found = reading()
    firsts, stops = array("q", range(0, 45, 5)), array("q", range(5, 48, 5))
    rules(claims(), found.scan, firsts, stops, 1000)
    sums = Sums(claims(), False)
    sums.check(found.scan, firsts, stops, 1000)
    wire().lines(claims(), found.scan, firsts, stops, sums.apart, 0, len(firsts))


@pytest.mark.parametrize("limit", [-1, 1_000_001])
def test_a_pass_keeps_a_bounded_number_of_faults(limit: int) -> None:
    found = reading()
    for work in (
        lambda: found.scan.faults(limit), lambda: found.scan.order(grammar("TR"), limit), lambda: zones().check(found.scan, limit),
        lambda: rules(claims(), found.scan, found.firsts, found.stops, limit),
        lambda: Sums(claims(), False).check(found.scan, found.firsts, found.stops, limit), lambda: check(b"", max_faults=limit),
        lambda: check(b"", max_faults=0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="1000000"):
            work()


def test_faults_beyond_the_limit_are_left_out() -> None:
    found = reading(b"".join(ONE) * 9)
    faults, count = Sums(claims(), True).check(found.scan, found.firsts, found.stops, 3)
    assert (len(faults), count) == (3, 8)


def places(change: int, offset: int, width: int) -> tuple[tuple[int, int], ...]:
    """The places of the profile, with another one for one zone (-1: none)."""
    from desmos_fast.exchange.layouts import load_pack

    found = [load_pack().tables[name].field(field) for name, _, field in (zone.partition(".") for zone in ZONES)]
    return tuple((offset, width) if place == change else (zone.offset, zone.length) for place, zone in enumerate(found))


C2S = (b"0099999997", b"89")
CODES = (2, 3, 8, 9)


@pytest.mark.parametrize("work", [
    lambda: Claims((), CODES, *C2S),
    lambda: Claims(places(0, 128, 9), CODES, *C2S),
    lambda: Claims(places(0, -1, 9), CODES, *C2S),
    lambda: Claims(places(0, 1, 8), CODES, *C2S),
    lambda: Claims(places(1, 1, 19), CODES, *C2S),
    lambda: Claims(places(-1, 0, 0), CODES, b"0099999997", b"8"),
    lambda: Claims(places(-1, 0, 0), CODES, b"99999997", b"89"),
    lambda: Claims(places(-1, 0, 0), (2, 3, 8, 32), *C2S),
    lambda: Types(((1, True, b"", ()),)),
    lambda: Types(((1, True, b"2", ((128, b""),)),)),
    lambda: Types(((33, True, b"2", ()),)),
    lambda: Grammar(b"\x01", b"\xff", b"\x00", b"\x00", 0),
    lambda: Grammar(b"\xff\xff", b"\xff", b"\x00", b"\x00", 0),
    lambda: Zones(((-1, b" " * 127, ()),)),
    lambda: Zones(((2, b" " * 128, ()),)),
    lambda: Zones(((-1, b" " * 128, ((3, 127, 2, False, 0, 0, 0, ()),)),)),
    lambda: Zones(((-1, b" " * 128, ((4, 0, 5, False, 0, 0, 0, ()),)),)),
    lambda: Zones(((-1, b" " * 128, ((16, 0, 5, False, 0, 127, 2, (b"01",)),)),)),
    lambda: Zones(((-1, b" " * 128, ((16, 0, 5, False, 0, 0, 2, (b"1",)),)),)),
    lambda: Columns(((0, 127, 2, 0),)),
    lambda: Columns(((0, 0, 19, 0),)),
    lambda: Columns(((4, 0, 8, 0),)),
    lambda: Wire(((b"", 1, 0, 127, 2, 0, ()),), (), ()),
    lambda: Wire(((b"", 99, 0, 0, 2, 0, ()),), (), ()),
    lambda: Wire(((b"", 1, 8, 0, 2, 0, ()),), (), ()),
    lambda: Wire(((b"", 11, 0, 120, 2, 5, ()),), (), ()),
    lambda: Wire(((b"", 6, 0, 0, 8, 0, ()),), (), ()),
    lambda: Wire(((b"", 8, 0, 0, 6, 127, ()),), (), ()),
    lambda: Wire(((b"", 9, 0, 0, 1, 0, ((65, b"seventeen letters"),)),), (), ()),
    lambda: Wire(((b"", 1, 0, 0, 1, 0, ()),) * 65, (), ()),
], ids=range(30))  # fmt: skip
def test_tables_that_do_not_fit_a_record_are_refused(work: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="."):
        work()


def test_records_that_are_not_there_are_refused() -> None:
    scan = reading().scan
    for work in (
        lambda: scan.start(47), lambda: scan.start(-1), lambda: scan.is_dead(0, 48), lambda: scan.is_dead(2, 1),
        lambda: columns("1").rows(scan, 2, 0, 48), lambda: columns("1").rows(scan, 2, -1, 3),
    ):  # fmt: skip
        with pytest.raises(IndexError, match="no such record"):
            work()


def test_nothing_is_read_of_a_zone_of_another_kind() -> None:
    found = reading(run(1))
    with pytest.raises(ValueError, match="digits"):
        Columns(((0, 10, 2, 0),)).rows(found.scan, 4, 0, 1)
    assert isinstance(found.scan, Scan)
