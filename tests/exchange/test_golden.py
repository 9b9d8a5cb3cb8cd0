# SPDX-License-Identifier: Apache-2.0
"""Golden files: the sound ones have no fault in any way of writing them, the bad ones the fault that is told of them."""

from pathlib import Path

import msgspec
import pytest

from desmos_fast.exchange.codec import check, examine
from desmos_fast.exchange.faults import Fault
from tests.exchange.files import ANSWERS, BAD, FILES, LINE, RUNS, expected, file, name, run

SOUND = [*RUNS, *FILES, *ANSWERS]
WAYS = {
    "LF": lambda data: data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "nothing": lambda data: data.replace(b"\n", b""),
    "no last LF": lambda data: data[:-1],
    "CRLF, no last one": lambda data: data.replace(b"\n", b"\r\n")[:-2],
}


def test_the_golden_files_are_all_here() -> None:
    assert (len(RUNS), len(FILES), len(ANSWERS), len(BAD)) == (23, 2, 5, 39)


@pytest.mark.parametrize("path", SOUND, ids=name)
@pytest.mark.parametrize("way", WAYS)
def test_a_sound_file_has_no_fault(path: Path, way: str) -> None:
    assert check(WAYS[way](path.read_bytes())) == []


@pytest.mark.parametrize("path", BAD, ids=name)
def test_a_bad_file_gives_its_fault_first(path: Path) -> None:
    first = check(path.read_bytes())[0]
    assert {key: getattr(first, key) for key in expected(path)} == expected(path)
    told = {"code", "record", "offset", "record_type", "field"}
    assert set(msgspec.to_builtins(first)) & told == set(expected(path)) & told


@pytest.mark.parametrize("path", [path for path in BAD if path.stem != "b01_short_record"], ids=name)
def test_offsets_follow_the_separator(path: Path) -> None:
    """The fault is the same in any way of writing, and its offset that of the bytes given."""
    plain = check(path.read_bytes())[0]
    for way, width in (("CRLF", 130), ("nothing", 128)):
        told = check(WAYS[way](path.read_bytes()))[0]
        assert (told.code, told.record, told.field) == (plain.code, plain.record, plain.field)
        if plain.offset is None:
            assert told.offset is None
        else:
            assert told.offset == plain.offset // LINE * width + plain.offset % LINE


def test_an_empty_input_holds_no_invoice_and_no_fault() -> None:
    assert check(b"") == []


@pytest.mark.parametrize(("data", "code", "record", "offset"), [
    (b"\n", "B2_BAD_LENGTH", 1, 0),
    (b"\r\n", "B2_BAD_LENGTH", 1, 0),
    (run(1) + b"\n", "B2_BAD_LENGTH", 7, 774),
    (run(1).replace(b"\n", b"\r\r\n"), "B2_BAD_LENGTH", 1, 0),
    (run(1).replace(b"\n", b"\r"), "B2_BAD_LENGTH", 7, 768),
    (b"2", "B2_BAD_LENGTH", 1, 0),
    (b"\x00" * 128, "B2_BAD_CHAR", 1, 0),
    (b"\xff\xfe" + run(1), "B2_BAD_LENGTH", 1, 0),
    (run(1)[:189] + b"\xe9" + run(1)[190:], "B2_BAD_CHAR", 2, 189),
])  # fmt: skip
def test_what_is_no_record_is_refused(data: bytes, code: str, record: int, offset: int) -> None:
    first = check(data)[0]
    assert (first.code, first.record, first.offset) == (code, record, offset)


def test_every_length_comes_before_every_character_and_every_type() -> None:
    lines = run(3).splitlines(keepends=True)
    lines[1] = b"8" + lines[1][1:]
    lines[2] = lines[2][:50] + b"a" + lines[2][51:]
    lines[4] = lines[4][:100] + b"\n"
    assert [(fault.code, fault.record) for fault in check(b"".join(lines))[:3]] == [
        ("B2_BAD_LENGTH", 5), ("B2_BAD_CHAR", 3), ("B2_UNKNOWN_RECORD", 2),
    ]  # fmt: skip


def test_a_fault_ends_the_checks_of_its_own_invoice_alone() -> None:
    """The first of two invoices cannot be read; the wrong key of the second one is still told."""
    lines = run(4).splitlines(keepends=True)
    second = next(place for place, line in enumerate(lines) if place and line[:1] == b"2" and line[38:39] == b"1")
    lines[1] = lines[1][:-2] + b"\n"
    lines[second] = lines[second][:24] + b"99" + lines[second][26:]
    found = [(fault.code, fault.record) for fault in check(b"".join(lines))]
    assert found[0] == ("B2_BAD_LENGTH", 2)
    assert ("B2_NIR_KEY", second + 1) in found


@pytest.mark.parametrize("data", [run(7), file("file1")[: 16 * LINE]], ids=["bare run", "whole file"])
def test_a_file_torn_at_any_byte_is_refused_or_ends_between_invoices(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    ends = {0}
    for place, line in enumerate(lines):
        if line[:1] == b"5" and not data.startswith(b"000"):
            ends |= {LINE * (place + 1), LINE * (place + 1) - 1}
    for cut in range(len(data)):
        assert (check(data[:cut]) == []) == (cut in ends), cut


@pytest.mark.parametrize("path", [RUNS[0], FILES[0], *ANSWERS], ids=name)
def test_a_bit_flip_is_read_or_told_and_never_breaks_the_reader(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 3):
        for bit in (0, 6, 7):
            data[at] ^= 1 << bit
            for fault in check(bytes(data)):
                assert fault.code.startswith("B2_")
                assert fault.record is not None
                assert 1 <= fault.record <= len(data.splitlines()) + 1
            data[at] ^= 1 << bit


def test_no_fault_shows_a_nir() -> None:
    """Whatever the fault, the person's number is in no message and no value."""
    lines = run(1).splitlines(keepends=True)
    for start in range(len(lines[0]) - 1):
        spoilt = [line[:start] + (b"Z" if line[start : start + 1] != b"Z" else b"1") + line[start + 1 :] for line in lines]
        told: list[Fault] = check(b"".join(spoilt))
        assert all(fault.value is None or "2550814168025" not in str(fault.value) for fault in told)
        assert all("2550814168025" not in fault.message for fault in told)


def test_faults_are_bounded() -> None:
    """A hostile input of many records gives at most a thousand faults of each kind and pass, whatever its size."""
    sound = run(1).replace(b"\n", b"")
    assert len(check(run(1) + b"Z\n" * 50_000)) == 1000
    assert len(check(sound + b"8" * 128 * 50_000)) == 1000
    reading, faults = examine(sound + b"8" * 128 * 50_000 + b"a" * 128 * 30_000)
    assert (len(faults), reading.found) == (2000, 80_000)
    assert len(check(run(1)[:LINE] * 50_000)) <= 2001
