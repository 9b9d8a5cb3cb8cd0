# SPDX-License-Identifier: Apache-2.0
"""The flat writer under its meaning: records of one type from their table, whatever the type."""

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from desmos_fast.exchange.compiler import compile_alone, name_in_row
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import RECORD_WIDTH
from ext import records

if TYPE_CHECKING:
    from ext.records import Value

REASONS: Final = {
    "overflow": ("B2_OVERFLOW", "is wider than its field"),
    "bad_numeric": ("B2_BAD_NUMERIC", "is not made of digits"),
    "bad_char": ("B2_BAD_CHAR", "holds a character other than A-Z, 0-9 and space"),
    "missing": ("B2_MISSING", "is blank"),
    "bad_date": ("B2_BAD_DATE", "is not a day from 1970 to 2069"),
    "bad_value": ("B2_BAD_VALUE", "is not allowed"),
}


class Layout(NamedTuple):
    """The program of a record type, the sources of its slots in order, and what stands for a value that is None."""

    program: records.Program
    sources: tuple[str, ...]
    defaults: tuple[str | None, ...]


@functools.cache
def layout(record_type: str) -> Layout:
    """Return the compiled layout of a record type of the pack in use."""
    steps, defaults = compile_alone(load_pack().tables[record_type])
    program = records.Program(tuple(step[:8] for step in steps), RECORD_WIDTH, len(defaults))
    return Layout(program, tuple(defaults), tuple(defaults.values()))


def write(record_type: str, rows: "Sequence[Mapping[str, Value]]") -> bytes:
    """Write records of one type, line ends included; each row gives a value, or None, for every source of the table.

    Raises FaultyInput for a value that cannot be written.
    """
    program, sources, defaults = layout(record_type)
    slots = tuple(zip(sources, defaults, strict=True))
    try:
        return records.write(
            program, [tuple(default if row[source] is None else row[source] for source, default in slots) for row in rows]
        )
    except (OverflowError, ValueError) as error:
        raise FaultyInput([_fault(record_type, rows, *error.args)]) from error


def _fault(record_type: str, rows: "Sequence[Mapping[str, Value]]", row: int, step: int, reason: str) -> Fault:
    field = load_pack().tables[record_type].fields[step]
    code, what = REASONS[reason]
    source = name_in_row(field)
    return Fault(
        code=code,
        message=f"{field.name} of record {record_type} {what}",
        record_type=record_type,
        field=field.name,
        value=None if source.endswith("nir") else rows[row][source],
        width=field.length if reason == "overflow" else None,
    )
