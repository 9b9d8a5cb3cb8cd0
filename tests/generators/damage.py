# SPDX-License-Identifier: Apache-2.0
"""Damage to the records of a sound file: bytes, zones, whole records, the end, the separators."""

from collections.abc import Callable

from tests.generators.draw import Draw
from tests.oracle.reader import LATER, LISTS, TABLES, type_of

BYTES = b"ABEFGHIJMNOPSTZ0123456789 +-a\r\x00\xe9\xff"
FILLINGS = (b"0", b" ", b"1", b"9", b"F ", b"S", b"01", b"00", b"+", b"-", b"A B", b"A  B", b" A", b"2", b"4")
Damage = Callable[[Draw, list[bytes]], None]


def row_of(d: Draw, rows: list[bytes]) -> tuple[int, str]:
    """Choose a record, with its type: that of a claim when it has none."""
    place = d.below(len(rows))
    row = rows[place]
    name = type_of(row.decode("latin-1")) if len(row) == 128 else ""
    return place, name or "2"


def put(rows: list[bytes], place: int, start: int, text: bytes) -> None:
    rows[place] = rows[place][:start] + text + rows[place][start + len(text) :]


def one_byte(d: Draw, rows: list[bytes]) -> None:
    place, _ = row_of(d, rows)
    put(rows, place, d.below(128), BYTES[(at := d.below(len(BYTES))) : at + 1])


def filled(d: Draw, rows: list[bytes]) -> None:
    place, name = row_of(d, rows)
    zone = d.pick(list(TABLES[name].values()))
    put(rows, place, zone.start, (d.pick(FILLINGS) * 128)[: zone.end - zone.start])


def listed(d: Draw, rows: list[bytes]) -> None:
    """Another letter or digit where a code of a list stands."""
    place, name = row_of(d, rows)
    zones = [zone for zone in TABLES[name].values() if zone.name in LISTS]
    if zones:
        put(rows, place, d.pick(zones).start, d.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ").encode())


def copied(d: Draw, rows: list[bytes]) -> None:
    """The zone of another record of that type: sound alone, and often wrong beside the others."""
    place, name = row_of(d, rows)
    zone = d.pick(list(TABLES[name].values()))
    put(rows, place, zone.start, d.pick([row for row in rows if row[:1] == rows[place][:1]])[zone.start : zone.end])


def counted(d: Draw, rows: list[bytes]) -> None:
    """A number that is one too many or too few."""
    place, name = row_of(d, rows)
    zones = [zone for zone in TABLES[name].values() if zone.kind in ("num", "amount", "date6")]
    zone = d.pick(zones or list(TABLES["2"].values()))
    text = rows[place][zone.start : zone.end]
    if text.isdigit():
        width = len(text)
        put(rows, place, zone.start, f"{(int(text) + d.pick((1, -1))) % 10**width:0{width}d}".encode())


def moved(d: Draw, rows: list[bytes]) -> None:
    """A record that is lost, doubled, swapped with another or elsewhere."""
    place, kind = d.below(len(rows)), d.below(4)
    if kind == 0:
        del rows[place]
    elif kind == 1:
        rows.insert(d.below(len(rows) + 1), rows[place])
    elif kind == 2:
        other = d.below(len(rows))
        rows[place], rows[other] = rows[other], rows[place]
    else:
        rows.insert(d.below(len(rows)), rows.pop(place))


def typed(d: Draw, rows: list[bytes]) -> None:
    """A record of another type, known, kept for later or unknown."""
    place, _ = row_of(d, rows)
    name = d.pick((*sorted(LATER), *sorted(TABLES), "7", "8X", "2Z", "4Z", "X"))
    for start, text in ((0, name[:1]), (38, name[1:]), (35, name[1:])) if len(name) < 3 else ((0, name),):
        put(rows, place, start, text.encode())


def resized(d: Draw, rows: list[bytes]) -> None:
    place = d.below(len(rows))
    row = rows[place]
    rows[place] = d.pick((row[:-1], row + b" ", row[:64], b"", row + b"\r", row * 2))


def apart(d: Draw, rows: list[bytes]) -> None:
    """The two claims of an invoice, or two invoices of a lot, no longer alike."""
    heads = [place for place, row in enumerate(rows) if row[:1] in (b"1", b"2")]
    if heads:
        place = d.pick(heads)
        name = type_of(rows[place].decode("latin-1")) if len(rows[place]) == 128 else ""
        fields = ("lot_number", "security_mode", "flow", "amc_number", "centre") if name == "1" else ("centre", "split_flag", "amc_number")
        zone = TABLES[name if name in ("1", "2") else "2"].get(d.pick(fields)) or TABLES["2"]["centre"]
        others = [row for row in rows if row[:1] == rows[place][:1]]
        put(rows, place, zone.start, d.pick(others)[zone.start : zone.end])


DAMAGES: tuple[Damage, ...] = (*(one_byte, filled, copied, counted, moved) * 2, listed, typed, apart, resized)


def damaged(d: Draw, data: bytes) -> bytes:
    """Return a file with up to three damages, in any way of writing."""
    rows = data.split(b"\n")[:-1]
    for _ in range(1 + d.below(3)):
        if rows:
            d.pick(DAMAGES)(d, rows)
    kind = d.below(12)
    end = b"\r\n" if kind == 10 else b"" if kind == 11 else b"\n"
    written = end.join(rows) + (end if d.below(4) else b"")
    return written[: d.below(len(written) + 1)] if d.once_in(20) else written
