# SPDX-License-Identifier: Apache-2.0
"""A record written from its table alone, one text for each zone, after the kinds of the exchange format."""

from collections.abc import Mapping

from tests.oracle.reader import TABLES, Zone

Values = Mapping[str, int | str | None]


def text(zone: Zone, values: Values) -> str:
    if zone.kind == "const":
        return zone.value
    if zone.kind == "filler":
        return ""
    # No source, or a literal: the zone takes a value of its own name, and the literal when there is none.
    if zone.value == "" or zone.value.isupper() or zone.value.isdigit():
        given = values[zone.name]
        return zone.value if given is None else str(given)
    path, _, part = zone.value.partition("[")
    value = str(values[path] or "")
    first, _, last = part.rstrip("]").partition(":")
    return value[int(first) : int(last)] if part else value


def record(name: str, values: Values) -> str:
    """Write one record, line end included; dates come as AAAA-MM-JJ."""
    out = ""
    for zone in TABLES[name].values():
        width, written = zone.end - zone.start, text(zone, values)
        if zone.kind == "date6":
            written = written.replace("-", "")[2:] or "000000"
        written = written.rjust(width, "0") if zone.kind in ("num", "amount") else written.ljust(width)
        assert len(written) == width, (name, zone.name, written)
        out += written
    return out + "\n"
