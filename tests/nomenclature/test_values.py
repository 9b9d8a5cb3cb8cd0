# SPDX-License-Identifier: Apache-2.0
"""Dated values: asked by key and day, one answer or none."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from desmos_fast.nomenclature.values import ValueAbsent, read_table, value


def test_a_value_flips_on_its_day() -> None:
    assert [value("forfait_heavy_act", date(2018, 12, 31)), value("forfait_heavy_act", date(2019, 1, 1))] == [1800, 2400]
    assert value("forfait_heavy_act", date(2000, 1, 1)) is None


def test_an_unknown_key_is_our_mistake() -> None:
    with pytest.raises(ValueAbsent):
        value("no_such_key", date(2026, 1, 1))


def test_rows_of_a_key_follow_one_another_without_gap_or_overlap() -> None:
    keys = {row.key for row in read_table()}
    for key in keys:
        rows = sorted((row for row in read_table() if row.key == key), key=lambda row: row.since)
        for before, row in pairwise(rows):
            assert before.until is not None and before.until + timedelta(days=1) == row.since


def test_every_row_tells_its_source(tmp_path: Path) -> None:
    table = tmp_path / "values.csv"
    table.write_text("key,since,until,value,confidence,source_note\na,2020-01-01,,5,H,why\n")
    (row,) = read_table(table)
    assert (row.key, row.since, row.until, row.value) == ("a", date(2020, 1, 1), None, 5)
    lines = (Path(read_table.__wrapped__.__code__.co_filename).parent / "data" / "values.csv").read_text().splitlines()
    assert all(len(line.split(",", 5)) == 6 and line.split(",", 5)[5] for line in lines)
