# SPDX-License-Identifier: Apache-2.0
"""Data frames as writers of records: polars by expressions of text, and fixedwidthparser through its layouts. They check nothing.

Both begin with frames that hold texts and numbers already, one of invoices and one of acts, and both put the lines in order at the end.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np

from desmos_fast.exchange.compiler import ELEMENT, WHOLE, source_of
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field
from loadtests.data.columns import Columns
from loadtests.peers.layout import LINE, RECORDS, Laid, joined, laid, totals
from loadtests.peers.numpy_records import WIDE

SUMS: Final = ("=line_count", "=total_fees", "=total_amo", "=total_insured_share", "=total_amc")


class Frames:
    """The columns as a frame of invoices and one of acts, ready before anything is timed, and where records stand."""

    def __init__(self, columns: Columns) -> None:
        self.pl: Any = import_module("polars")
        self.columns = columns
        texts = {name: column.astype(str) if column.dtype.kind == "S" else column for name, column in columns.items()}
        self.heads = self.pl.DataFrame({name: column for name, column in texts.items() if not name.startswith("act")})
        self.acts = self.pl.DataFrame({name: column for name, column in texts.items() if name.startswith("act.")})

    def by_record(self) -> tuple[Laid, dict[str, Any]]:
        """Return a frame for each type of record, with the computed columns: this is part of the work."""
        pl, where = self.pl, laid(self.columns)
        apart, salaried = pl.col("amc.separate_claim"), pl.col("prescriber.condition") == "S"
        heads = self.heads.with_columns(
            pl.col("biller").alias("=biller"), pl.col("amc.number").alias("=amc_number"),
            pl.when(apart).then(pl.lit("F")).otherwise(pl.lit("")).alias("=split_flag"),
            pl.when(salaried).then("prescriber.specialty").otherwise(pl.lit("")).alias("=prescriber_specialty"),
            *(pl.Series(name, column) for name, column in totals(self.columns, where).items()),
        )  # fmt: skip
        acts = pl.concat([self.acts, heads.drop(SUMS)[where.owner]], how="horizontal").with_columns(
            pl.when(pl.col("act.grouping") != "").then("act.grouping").otherwise("act.code").alias("=act_code"),
            pl.when(apart).then(0).otherwise("act.amc").alias("=act_amc"),
            pl.col("act.prior_agreement.code").alias("=prior_agreement_code"),
        )
        frames = {"2": heads, "2S": heads, "5": heads}
        return where, frames | {name: acts if len(rows) == len(acts) else acts[rows] for name, rows in where.acts.items()}

    def value(self, field: Field, known: set[str]) -> Any:
        """Return the expression of what a field holds, not yet of its width; a literal for what no column has."""
        path, start, stop = source_of(field.value)
        if field.kind in ("const", "filler") or path not in known:
            return self.pl.lit(field.value if field.kind == "const" else "")
        column = self.pl.col(path)
        if stop == ELEMENT:
            return column.str.slice(start * WIDE[path], WIDE[path])
        if stop != WHOLE:
            return column.str.slice(start, stop - start)
        if field.kind == "date6":
            return self.pl.concat_str(column.str.slice(2, 2), column.str.slice(5, 2), column.str.slice(8, 2))
        return column


def polars_writer(columns: Columns) -> Callable[[], bytes]:
    """Return polars as a writer: each line is one expression."""
    frames = Frames(columns)
    pl, tables = frames.pl, {record_type: load_pack().tables[record_type].fields for record_type in RECORDS}

    def padded(field: Field, known: set[str]) -> Any:
        value = frames.value(field, known)
        if field.kind in ("alpha", "const", "filler"):
            return value.str.pad_end(field.length)
        return value.cast(pl.String).str.zfill(field.length)

    def write() -> bytes:
        where, parts = frames.by_record()
        lines = []
        for record_type, fields in tables.items():
            known = {*parts[record_type].columns}
            line = pl.concat_str([padded(field, known) for field in fields]).alias("line")
            lines.append(parts[record_type].select(line).with_columns(pl.Series("place", where.places[record_type])))
        whole: str = pl.concat(lines).sort("place")["line"].str.join("\n")[0]
        return whole.encode() + b"\n"

    return write


def fixed_width_writer(columns: Columns) -> Callable[[], bytes]:
    """Return fixedwidthparser as a writer: it lays the lines of each type out in one thread, NumPy puts them where they stand."""
    fw: Any = import_module("fixedwidth")
    frames, tables = Frames(columns), {record_type: load_pack().tables[record_type].fields for record_type in RECORDS}
    one_thread = fw.WriteOptions(degree_of_parallelism=1)

    def column(field: Field, number: bool) -> Any:
        padded = {} if field.kind in ("alpha", "const", "filler") else {"padding": "0", "alignment": fw.Alignment.RIGHT}
        return fw.Column(field.name, field.offset, field.length, fw.Int64 if number else fw.String, **padded)

    def write() -> bytes:
        where, records = frames.by_record()
        parts = {}
        for record_type, fields in tables.items():
            written = [field for field in fields if field.kind != "filler"]
            frame = records[record_type]
            known = {*frame.columns}
            ready = frame.select(frames.value(field, known).alias(field.name) for field in written)
            layout = fw.Layout(
                [column(field, ready[field.name].dtype.is_integer()) for field in written], fw.LayoutOptions(line_length=128)
            )
            parts[record_type] = np.frombuffer(fw.write_bytes(ready, layout, one_thread), np.uint8).reshape(-1, LINE)
        return joined(parts, where)

    return write
