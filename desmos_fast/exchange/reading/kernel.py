# SPDX-License-Identifier: Apache-2.0
"""The reader's kernels made ready with the tables of a profile."""

import functools

from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.reading.columns import column_rows
from desmos_fast.exchange.reading.grammar import grammar_row
from desmos_fast.exchange.reading.tables import CODE, TYPES, layout_row, type_rows
from desmos_fast.exchange.reserved import C2S_CONTRACT, C2S_NUMBER
from ext.claims import ZONES, Claims
from ext.columns import READS, Columns
from ext.reader import Grammar, Scan, Types
from ext.rules import rules
from ext.sums import Sums
from ext.zones import OPS, Zones

__all__ = ["ZONES", "Scan", "Sums", "claims", "columns", "grammar", "rules", "types", "zones"]


@functools.cache
def types() -> Types:
    """Return how the types of the test profile are told."""
    return Types(tuple(tuple(row) for row in type_rows(load_pack())))


@functools.cache
def zones() -> Zones:
    """Return the checks of the test profile."""
    layouts = []
    for name in TYPES:
        row = layout_row(load_pack(), name)
        layouts.append((row.reference, row.template, tuple((OPS.index(check.op), *check[1:]) for check in row.checks)))
    return Zones(tuple(layouts))


@functools.cache
def grammar(kind: str) -> Grammar:
    """Return the order of records of a kind of file; "" is a bare run."""
    return Grammar(*grammar_row(kind))


@functools.cache
def columns(name: str) -> Columns:
    """Return what is read of a record type."""
    return Columns(tuple((READS.index(read), *place) for read, place in column_rows(load_pack(), name)))


@functools.cache
def claims() -> Claims:
    """Return the places of the zones of claims that bind each other."""
    pack = load_pack()
    places = [pack.tables[name].field(field) for name, _, field in (zone.partition(".") for zone in ZONES)]
    codes = (CODE["1"], CODE["6"], CODE["4E"], CODE["4M"])
    return Claims(tuple((place.offset, place.length) for place in places), codes, C2S_NUMBER.zfill(10).encode(), C2S_CONTRACT.encode())
