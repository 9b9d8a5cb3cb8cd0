# SPDX-License-Identifier: Apache-2.0
"""Changes that keep most of an input sound, so that a run gets past the first checks: zones of records, values of JSON, whole lines."""

import random
import re
from collections.abc import Callable, Sequence

from tests.oracle.reader import TABLES, Zone

Change = Callable[[random.Random, list[bytes], Sequence[bytes]], None]

FILLINGS = (b"0", b" ", b"1", b"9", b"F ", b"S", b"M", b"A", b"01", b"00", b"-", b"+")
LETTERS = b"ABEFGHIJMNOPQRSTWXYZ0123456789 +-a\r\x00\xe9"
MOST_LINES = 60
JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+|true|false|null')
ODD_VALUES = (
    b"0", b"1", b"-1", b"9", b"99", b"1000", b"99999999", b"1000000000", b"9223372036854775808", b"1e2", b"1.0", b"-0", b"null", b"true",
    b'""', b'"0"', b'"00"', b'"M"', b'"S"', b'"A B"', b'" A"', b'"\\u00c9"', b'"\\ud83d\\ude00"', b'"\\u0000"',
    '"d’Œ-ł"'.encode(), b'"2A0002689"', b'"2026-02-29"', b'"2024-02-29"', b'"2070-01-01"', b"[]", b"{}", b'["11","21"]', b'"\xff"',
    b'"255081416802538"', b"255081416802538",
)  # fmt: skip
ODD_BYTES = (b" ", b"\t", b"\r", b",", b"}", b"{", b"]", b"[", b'"', b"\\", b":", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3")


def change_records(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change a few bytes, zones or records of a file of records, and now and then its separators or its end."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    for _ in range(chance.randint(1, 3)):
        chance.choice(RECORD_CHANGES)(chance, lines, others)
    separator = chance.choice((b"\n", b"\n", b"\n", b"\n", b"\r\n", b""))
    return cut(chance, separator.join(lines))


def change_json(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change a few values, keys, bytes or lines of NDJSON."""
    lines = data.split(b"\n")
    for _ in range(chance.randint(1, 3)):
        chance.choice(JSON_CHANGES)(chance, lines, others)
    return cut(chance, b"\n".join(lines))


def cut(chance: random.Random, data: bytes) -> bytes:
    """Now and then, end an input early."""
    return data[: chance.randint(0, len(data))] if chance.randrange(20) == 0 else data


def _byte(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    row = chance.randrange(len(lines))
    if lines[row]:
        at = chance.randrange(len(lines[row]))
        lines[row] = lines[row][:at] + bytes([chance.choice(LETTERS)]) + lines[row][at + 1 :]


def _zone(chance: random.Random, line: bytes) -> Zone:
    fitting = [table for name, table in TABLES.items() if line[:1].decode("latin-1") == name[0]] or [TABLES["2"]]
    return chance.choice(list(chance.choice(fitting).values()))


def _fill(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    row = chance.randrange(len(lines))
    zone = _zone(chance, lines[row])
    lines[row] = lines[row][: zone.start] + (chance.choice(FILLINGS) * 128)[: zone.end - zone.start] + lines[row][zone.end :]


def _digit(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    """Another number in a zone: amounts, counts, dates and codes that are of the right form and wrong."""
    row = chance.randrange(len(lines))
    zone = _zone(chance, lines[row])
    at = chance.randrange(zone.start, zone.end)
    lines[row] = lines[row][:at] + b"%d" % chance.randrange(10) + lines[row][at + 1 :]


def _copied_zone(chance: random.Random, lines: list[bytes], others: Sequence[bytes]) -> None:
    """Take the zone of another record of that letter: sound on its own, and often wrong beside the rest."""
    row = chance.randrange(len(lines))
    zone = _zone(chance, lines[row])
    lines[row] = lines[row][: zone.start] + _elsewhere(chance, lines, others, row, zone) + lines[row][zone.end :]


def _copied_everywhere(chance: random.Random, lines: list[bytes], others: Sequence[bytes]) -> None:
    """Put another text in every record that repeats a zone, which keeps the file sound wherever the text is."""
    row = chance.randrange(len(lines))
    zone = _zone(chance, lines[row])
    former, new = lines[row][zone.start : zone.end], _elsewhere(chance, lines, others, row, zone)
    for place, line in enumerate(lines):
        if line[zone.start : zone.end] == former:
            lines[place] = line[: zone.start] + new + line[zone.end :]


def _elsewhere(chance: random.Random, lines: list[bytes], others: Sequence[bytes], row: int, zone: Zone) -> bytes:
    """Find the zone in a record of that letter of this input or another one."""
    pool = lines if not others or chance.randrange(2) else chance.choice(others).split(b"\n")
    source = chance.choice([line for line in pool if line[:1] == lines[row][:1]] or [lines[row]])
    return source[zone.start : zone.end]


def _lines(chance: random.Random, lines: list[bytes], others: Sequence[bytes]) -> None:
    """Repeat, drop, swap or bring in a line."""
    row, kind = chance.randrange(len(lines)), chance.randrange(4)
    if kind == 0 and len(lines) > 1:
        del lines[row]
    elif kind == 1:
        other = chance.randrange(len(lines))
        lines[row], lines[other] = lines[other], lines[row]
    elif len(lines) < MOST_LINES:
        lines.insert(row, chance.choice(lines if kind == 2 or not others else chance.choice(others).split(b"\n")))


def _value(chance: random.Random, lines: list[bytes], others: Sequence[bytes]) -> None:
    """Put another value, or a key, where one stands."""
    row = chance.randrange(len(lines))
    places = [found.span() for found in JSON_VALUE.finditer(lines[row])]
    if not places:
        return
    start, end = chance.choice(places)
    if chance.randrange(2):
        value = chance.choice(ODD_VALUES)
    else:
        value = chance.choice(JSON_VALUE.findall(chance.choice(others or lines)) or ODD_VALUES)
    lines[row] = lines[row][:start] + value + lines[row][end:]


def _character(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    """Change one digit or letter inside a value."""
    row = chance.randrange(len(lines))
    places = [found.span() for found in JSON_VALUE.finditer(lines[row])]
    if places:
        start, end = chance.choice(places)
        at = chance.randrange(start, end)
        lines[row] = lines[row][:at] + chance.choice((b"0", b"1", b"9", b"A", b"Z", b" ", b"\\u0041")) + lines[row][at + 1 :]


def _pair(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    """Drop, repeat or move a key with its value: what stands between two commas."""
    row = chance.randrange(len(lines))
    parts = lines[row].split(b",")
    at, kind = chance.randrange(len(parts)), chance.randrange(3)
    if kind == 0:
        parts.insert(chance.randrange(len(parts) + 1), parts[at])
    else:
        part = parts.pop(at)
        if kind == 1:
            parts.insert(chance.randrange(len(parts) + 1), part)
    lines[row] = b",".join(parts)


def _bytes(chance: random.Random, lines: list[bytes], _: Sequence[bytes]) -> None:
    row = chance.randrange(len(lines))
    at = chance.randint(0, len(lines[row]))
    lines[row] = lines[row][:at] + chance.choice(ODD_BYTES) + lines[row][at + chance.randrange(2) :]


RECORD_CHANGES: tuple[Change, ...] = (_byte, _fill, _digit, _copied_zone, _copied_everywhere, _lines)
JSON_CHANGES: tuple[Change, ...] = (_value, _value, _character, _pair, _bytes, _lines)
