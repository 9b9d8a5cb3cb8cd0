# SPDX-License-Identifier: Apache-2.0
"""The twin of the flat writer: one text per field, joined, after the kinds of the exchange format."""

import re
from datetime import date

Step = tuple[int, int, int, bool, int, int, int, bytes | None]
CONST, FILLER, NUMBER, MAGNITUDE, DATE, TEXT, SIGN = range(7)
LARGEST = (1 << 63) - 1


class Refused(Exception):
    """A value that has no place in its field, with the reason."""


def number(value: object, width: int, magnitude: bool) -> str:
    if value is None:
        return "0" * width
    if isinstance(value, str):
        if re.fullmatch(r"[0-9]*", value) is None or value.endswith("\n"):
            raise Refused("bad_numeric")
    elif isinstance(value, bool) or not isinstance(value, int) or (value < 0 and not magnitude):
        raise Refused("bad_value")
    elif abs(value) > LARGEST:
        raise Refused("overflow")
    digits = value if isinstance(value, str) else str(abs(value))
    if len(digits) > width:
        raise Refused("overflow")
    return digits.rjust(width, "0")


def text(value: object, width: int, required: bool) -> str:
    if value is not None and not isinstance(value, str):
        raise Refused("bad_value")
    for character in value or "":
        if character not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ":
            raise Refused("bad_char")
    if value is None or not value.strip(" "):
        if required:
            raise Refused("missing")
        return " " * width
    if value[0] == " ":
        raise Refused("bad_value")
    if len(value) > width:
        raise Refused("overflow")
    return value.ljust(width)


def day(value: object, required: bool) -> str:
    if value is None:
        if required:
            raise Refused("bad_date")
        return "000000"
    if not isinstance(value, str):
        raise Refused("bad_value")
    if not value.isascii() or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is None or len(value) != 10:
        raise Refused("bad_date")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise Refused("bad_date") from None
    if not 1970 <= found.year <= 2069:
        raise Refused("bad_date")
    return found.strftime("%y%m%d")


def field(step: Step, value: object) -> str:
    _, width, kind, required, _, start, stop, _ = step
    if stop >= 0 and isinstance(value, str) and kind in (NUMBER, MAGNITUDE):
        value = value[start:stop]
    if kind in (NUMBER, MAGNITUDE):
        return number(value, width, kind == MAGNITUDE)
    if kind == DATE:
        return day(value, required)
    if kind == TEXT:
        if isinstance(value, str):
            if not value.isascii():
                raise Refused("bad_char")
            value = value[start:stop] if stop >= 0 else value
        return text(value, width, required)
    if not isinstance(value, int):
        raise Refused("bad_value")
    positive = value if isinstance(value, bool) else value >= 0
    return "+" if positive else "-"


def write(steps: tuple[Step, ...], width: int, rows: list[tuple[object, ...]]) -> bytes:
    """Write each row as a line; raise OverflowError or ValueError with args `(row, step, reason)`."""
    lines = []
    for at, row in enumerate(rows):
        line = [" "] * width
        for index, step in enumerate(steps):
            offset, length, kind, _, slot, _, _, const = step
            if kind == FILLER:
                continue
            if kind == CONST:
                assert const is not None
                content = const.decode("latin-1").ljust(length)
            else:
                try:
                    content = field(step, row[slot])
                except Refused as refused:
                    reason = str(refused)
                    raise (OverflowError if reason == "overflow" else ValueError)(at, index, reason) from None
            line[offset : offset + length] = content
        lines.append("".join(line) + "\n")
    return "".join(lines).encode("latin-1")
