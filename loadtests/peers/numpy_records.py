# SPDX-License-Identifier: Apache-2.0
"""NumPy as a writer of records: a matrix of bytes for each type, filled field by field. It checks nothing."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from desmos_fast.exchange.compiler import ELEMENT, WHOLE, source_of
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field
from loadtests.data.columns import Columns
from loadtests.peers.layout import RECORDS, joined, laid, totals

Bytes = npt.NDArray[np.uint8]
DAY: Final = (2, 3, 5, 6, 8, 9)
OF_ACTS: Final = frozenset({"=act_code", "=act_amc", "=prior_agreement_code"})
WIDE: Final = {"act.modifiers": 1, "act.teeth": 2}
Column = npt.NDArray[Any]


def rules(columns: Columns) -> dict[str, Column]:
    """Return the columns that are computed, those of sums left out."""
    grouping, apart, owner = columns["act.grouping"], columns["amc.separate_claim"], columns["owner"]
    return {
        "=biller": columns["biller"],
        "=split_flag": np.where(apart, b"F", b""),
        "=amc_number": columns["amc.number"],
        "=act_code": np.where(grouping != b"", grouping, columns["act.code"]),
        "=prescriber_specialty": np.where(columns["prescriber.condition"] == b"S", columns["prescriber.specialty"], b""),
        "=prior_agreement_code": columns["act.prior_agreement.code"],
        "=act_amc": np.where(apart[owner], 0, columns["act.amc"]),
    }


def writer() -> Callable[[Columns], bytes]:
    """Return the peer."""
    tables = {record_type: load_pack().tables[record_type].fields for record_type in RECORDS}
    templates = {record_type: _template(fields) for record_type, fields in tables.items()}

    def write(columns: Columns) -> bytes:
        where = laid(columns)
        columns = {**columns, "owner": where.owner}
        columns |= rules(columns) | totals(columns, where)
        parts: dict[str, Bytes] = {}
        for record_type, fields in tables.items():
            acts = where.acts.get(record_type)
            lines = np.tile(templates[record_type], (len(where.places[record_type]), 1))
            for field in fields:
                path = source_of(field.value)[0]
                if path not in columns or field.kind in ("const", "filler"):
                    continue
                column = columns[path]
                if acts is not None:
                    column = column[acts] if path.startswith("act.") or path in OF_ACTS else column[where.owner[acts]]
                _fill(lines[:, field.offset : field.offset + field.length], field, column)
            parts[record_type] = lines
        return joined(parts, where)

    return write


def _template(fields: tuple[Field, ...]) -> Bytes:
    line = bytearray(b" " * 128 + b"\n")
    for field in fields:
        text = field.value if field.kind == "const" else ""
        blank = " " if field.kind in ("alpha", "const", "filler") else "0"
        line[field.offset : field.offset + field.length] = text.ljust(field.length, blank).encode()
    return np.frombuffer(bytes(line), np.uint8)


def _fill(zone: Bytes, field: Field, column: Column) -> None:
    path, start, stop = source_of(field.value)
    if column.dtype.kind == "i":
        # No field of these records has more than nine digits, and division is faster on half the bits.
        column = column.astype(np.uint32)
        for place in range(field.length - 1, -1, -1):
            column, digit = np.divmod(column, 10)
            zone[:, place] = digit + 48
        return
    text = column.view(np.uint8).reshape(len(column), column.itemsize)
    if stop == ELEMENT:
        text = text[:, start * WIDE[path] : (start + 1) * WIDE[path]]
    elif stop != WHOLE:
        text = text[:, start:stop]
    elif field.kind == "date6":
        text = text[:, DAY]
    text = text[:, : field.length]
    there = text != 0
    np.copyto(zone[:, : text.shape[1]], text, where=there)
