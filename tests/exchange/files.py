# SPDX-License-Identifier: Apache-2.0
"""Golden files for these tests, ways to change one zone of them, and a strategy that damages them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from desmos_fast.exchange.codec import check
from tests.oracle.reader import TABLES

GOLDEN = Path(__file__).parents[1] / "golden"
RUNS = sorted(GOLDEN.glob("[0-9]*.b2"))
FILES = sorted((GOLDEN / "files").glob("file*.b2"))
ANSWERS = sorted((GOLDEN / "files").glob("[ar]*.b2"))
BAD = sorted([*(GOLDEN / "bad").glob("b*.b2"), *(GOLDEN / "bad").glob("f*.b2")])
LINE = 129


def name(path: Path) -> str:
    return path.stem


def run(number: int) -> bytes:
    """Return the bare run of that number."""
    return next(path for path in RUNS if path.name.startswith(f"{number:02d}_")).read_bytes()


def file(stem: str) -> bytes:
    return (GOLDEN / "files" / f"{stem}.b2").read_bytes()


def expected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    return found


def changed(data: bytes, record: int, record_type: str, **zones: str) -> bytes:
    """Put texts in zones of a record, counted from 1; a number is filled with zeros, a text with spaces."""
    lines = data.splitlines(keepends=True)
    line = bytearray(lines[record - 1])
    for zone_name, text in zones.items():
        zone = TABLES[record_type][zone_name]
        width = zone.end - zone.start
        filled = text.rjust(width, "0") if zone.kind in ("num", "amount") else text.ljust(width)
        assert len(filled) == width, "the text is wider than the zone"
        line[zone.start : zone.end] = filled.encode("ascii")
    lines[record - 1] = bytes(line)
    return b"".join(lines)


def told(data: bytes) -> list[tuple[str, int | None, str]]:
    """Return the faults as the oracle tells them."""
    return [(fault.code, fault.record, fault.field or "") for fault in check(data)]


SEEDS = [path.read_bytes() for path in (*RUNS, *FILES, *ANSWERS, *BAD) if path.stat().st_size < 8000]
CLAIMS = [path.read_bytes() for path in (*RUNS, *FILES) if path.stat().st_size < 8000]
LETTERS = st.sampled_from(b"ABEFGHIJMNOPSTZ0123456789 +-a\n\r\x00\xe9")
FILLINGS = (b"0", b" ", b"1", b"9", b"F ", b"S", b"01", b"00")


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes] = SEEDS) -> bytes:
    """A golden file, good or bad, with a few changes: bytes, zones, records, its end, its separators."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from((_byte, _zone, _zone, _copied_zone, _records)))
        data = change(draw, data) if data else data
    separator = draw(st.sampled_from((b"\n", b"\n", b"\n", b"\r\n", b"")))
    data = data.replace(b"\n", separator)
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 9 else data


def _byte(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data) - 1))
    return data[:at] + bytes([draw(LETTERS)]) + data[at + 1 :]


def _zone(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    row = draw(st.integers(0, len(lines) - 1))
    start, end = _place(draw, lines[row])
    lines[row] = lines[row][:start] + (draw(st.sampled_from(FILLINGS)) * 128)[: end - start] + lines[row][end:]
    return b"\n".join(lines)


def _copied_zone(draw: st.DrawFn, data: bytes) -> bytes:
    """The zone of another record of that letter: sound on its own, and often wrong beside the others."""
    lines = data.split(b"\n")
    row = draw(st.integers(0, len(lines) - 1))
    start, end = _place(draw, lines[row])
    source = draw(st.sampled_from([line for line in lines if line[:1] == lines[row][:1]]))
    lines[row] = lines[row][:start] + source[start:end] + lines[row][end:]
    return b"\n".join(lines)


def _place(draw: st.DrawFn, line: bytes) -> tuple[int, int]:
    tables = [TABLES[found] for found in TABLES if line[:1].decode("latin-1") == found[0]] or [TABLES["2"]]
    zone = draw(st.sampled_from(list(draw(st.sampled_from(tables)).values())))
    return zone.start, zone.end


def _records(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    row = draw(st.integers(0, len(lines) - 1))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), lines[row])
    else:
        del lines[row]
    return b"\n".join(lines)
