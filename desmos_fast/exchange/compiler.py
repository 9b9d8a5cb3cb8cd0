# SPDX-License-Identifier: Apache-2.0
"""The table compiler: a layout table in, rows of numbers out that a kernel can follow without knowing any format.

Input, frozen: a `Table` and `slots`, the place of each source in the values that a kernel holds. A source is named by the
`value` column without its subscript: `insured_nir` for `insured_nir[0:13]`, `act.teeth` for `act.teeth[3]`, `=biller` for a rule.

Output, frozen: one `Step` for each field, in order of position:

| # | item | meaning |
|---|---|---|
| 0 | offset | first character, from 0 |
| 1 | width | number of characters |
| 2 | kind | 0 constant, 1 filler, 2 number, 3 magnitude (the sign stands in its own field), 4 date of six digits, 5 text, 6 sign |
| 3 | required | the table says `yes` |
| 4 | slot | place of the source; -1 for a constant and a filler |
| 5 | start | first character of the part to write, or the index in a list |
| 6 | stop | end of the part; -1 for the whole value; -2 when `start` is an index in a list |
| 7 | const | the bytes of a constant, else None |
| 8 | field | index of the field in the table |

A kernel that has no use for the last item takes `step[:8]`.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from desmos_fast.exchange.model import Field, LayoutError, Table

Step: TypeAlias = tuple[int, int, int, bool, int, int, int, bytes | None, int]

CONST: Final = 0
FILLER: Final = 1
NUMBER: Final = 2
MAGNITUDE: Final = 3
DATE: Final = 4
TEXT: Final = 5
SIGN: Final = 6
WHOLE: Final = -1
ELEMENT: Final = -2
NO_SLOT: Final = -1

KINDS: Final = {"const": CONST, "filler": FILLER, "num": NUMBER, "amount": NUMBER, "date6": DATE, "alpha": TEXT}
_SUBSCRIPT: Final = re.compile(r"(?P<path>[^\[\]]+)\[(?:(?P<start>\d+):(?P<stop>\d+)|(?P<index>\d+))\]")
_LITERAL: Final = re.compile(r"[A-Z0-9]+")


def source_of(value: str) -> tuple[str, int, int]:
    """Split the `value` of a field into its source, `start` and `stop`, as the steps hold them."""
    found = _SUBSCRIPT.fullmatch(value)
    if found is None:
        return value, 0, WHOLE
    if found["index"] is not None:
        return found["path"], int(found["index"]), ELEMENT
    return found["path"], int(found["start"]), int(found["stop"])


def has_own_value(field: Field) -> bool:
    """Say whether a value comes under the field's own name: the table names no source for it, or a default alone."""
    return field.is_written and (not field.value or _LITERAL.fullmatch(field.value) is not None)


def name_in_row(field: Field) -> str:
    """Return the name under which a value comes: that of the source, or the field's own when the table names none."""
    return field.name if has_own_value(field) else source_of(field.value)[0]


def compile_table(table: Table, slots: Mapping[str, int]) -> tuple[Step, ...]:
    """Compile a table into its steps; raise LayoutError for a source that has no slot or a constant too wide."""
    signed = {field.value for field in table.fields if field.name.endswith("_sign")}
    return tuple(_step(table, index, field, slots, signed) for index, field in enumerate(table.fields))


def compile_alone(table: Table) -> tuple[tuple[Step, ...], dict[str, str | None]]:
    """Compile a table that takes its values from nowhere but the rows that are given, and list their sources in order of slot.

    With each source comes what is written when there is no value.
    """
    written = [field for field in table.fields if field.is_written]
    defaults = {name_in_row(field): field.value if field.value and has_own_value(field) else None for field in written}
    return compile_table(table, {source: slot for slot, source in enumerate(defaults)}), defaults


def _step(table: Table, index: int, field: Field, slots: Mapping[str, int], signed: set[str]) -> Step:
    where = f"{table.record_type}.csv: field {field.name}"
    path, start, stop = source_of(field.value)
    if has_own_value(field) and field.name in slots:
        path = field.name
    kind = KINDS[field.kind]
    if kind == FILLER:
        return (field.offset, field.length, FILLER, field.required, NO_SLOT, 0, WHOLE, None, index)
    if kind == CONST or (path not in slots and field.value and has_own_value(field)):
        return (field.offset, field.length, CONST, field.required, NO_SLOT, 0, WHOLE, _constant(where, field, kind), index)
    if path not in slots:
        raise LayoutError(f"{where} takes {field.value!r}, which this codec does not know")
    if field.name.endswith("_sign"):
        kind = SIGN
    elif kind == NUMBER and field.value in signed:
        kind = MAGNITUDE
    return (field.offset, field.length, kind, field.required, slots[path], start, stop, None, index)


def _constant(where: str, field: Field, kind: int) -> bytes:
    """Lay a constant out on its whole width: numbers to the right, all else to the left."""
    if len(field.value) > field.length or not field.value.isascii():
        raise LayoutError(f"{where} has a constant that is wider than its {field.length} characters")
    text = field.value.rjust(field.length, "0") if kind == NUMBER else field.value.ljust(field.length)
    return text.encode("ascii")
