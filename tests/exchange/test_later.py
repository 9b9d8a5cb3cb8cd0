# SPDX-License-Identifier: Apache-2.0
"""Records kept for later: their tables make programs that write, as their twin does; a reader refuses each by name."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.exchange.codec import check
from desmos_fast.exchange.compiler import compile_table, has_own_value, name_in_row
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.kernel import write
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field, LayoutError
from tests.oracle import later as oracle

GOLDEN = Path(__file__).parents[1] / "golden"
LATER = ("3", "3S", "3E", "3F", "3H", "4B", "4H")
OWN = [(name, field) for name in LATER for field in load_pack().tables[name].fields if field.is_written and has_own_value(field)]
DEFAULTED = [(name, field) for name, field in OWN if field.value]


def values(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "records" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def label(case: object) -> str:
    return case.name if isinstance(case, Field) else str(case)


def test_these_are_the_records_kept_for_later() -> None:
    assert {name for name, table in load_pack().tables.items() if table.is_later} == set(LATER)
    assert len(DEFAULTED) == 18


@pytest.mark.parametrize("name", LATER)
def test_each_is_written_byte_for_byte(name: str) -> None:
    golden = (GOLDEN / "records" / f"{name}.b2").read_bytes()
    assert write(name, [values(name)]) == golden == oracle.record(name, values(name)).encode("ascii")
    assert write(name, [values(name)] * 3) == golden * 3


def any_value(field: Field) -> st.SearchStrategy[int | str | None]:
    if field.kind == "date6":
        dates = st.dates(date(1970, 1, 1), date(2069, 12, 31)).map(str)
        return dates if field.required else st.none() | dates
    if field.kind == "alpha":
        words = st.text("ABCXYZ0189", min_size=1, max_size=field.length)
        return words if field.required else st.none() | st.just("") | words
    return st.none() | st.integers(0, 10**field.length - 1) | st.text("0123456789", min_size=1, max_size=field.length)


@pytest.mark.parametrize("name", LATER)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_values_are_written_as_the_twin_does(name: str, data: st.DataObject) -> None:
    row = values(name) | {field.name: data.draw(any_value(field), label=field.name) for found, field in OWN if found == name}
    assert write(name, [row]) == oracle.record(name, row).encode("ascii")


@pytest.mark.parametrize(("name", "field"), DEFAULTED, ids=label)
def test_a_literal_is_what_stands_where_no_value_is_given(name: str, field: Field) -> None:
    def zone(value: str | None) -> str:
        line = write(name, [values(name) | {field.name: value}]).decode("ascii")
        return line[field.offset : field.offset + field.length]

    assert zone(None) == field.value.zfill(field.length)
    assert zone("7") == "7".zfill(field.length)


@pytest.mark.parametrize(("name", "field"), OWN, ids=label)
def test_a_value_that_does_not_fit_is_told_by_its_zone(name: str, field: Field) -> None:
    wide = "2026-02-30" if field.kind == "date6" else "9" * (field.length + 1)
    with pytest.raises(FaultyInput) as refused:
        write(name, [values(name), values(name) | {field.name: wide}])
    [fault] = refused.value.faults
    code, width = ("B2_BAD_DATE", None) if field.kind == "date6" else ("B2_OVERFLOW", field.length)
    assert (fault.code, fault.record_type, fault.field, fault.value, fault.width) == (code, name, field.name, wide, width)


@pytest.mark.parametrize("name", LATER)
def test_no_fault_shows_a_nir(name: str) -> None:
    with pytest.raises(FaultyInput) as refused:
        write(name, [values(name) | {"insured_nir": "x55089999901283"}])
    assert (refused.value.faults[0].field, refused.value.faults[0].value) == ("nir", None)


@pytest.mark.parametrize("name", LATER)
def test_a_reader_refuses_each_by_its_type(name: str) -> None:
    later = (GOLDEN / "records" / f"{name}.b2").read_bytes()
    whole = (GOLDEN / "01_ngap_visit.b2").read_bytes()
    for place in (0, 2, len(whole) // 129):
        found = check(whole[: 129 * place] + later + whole[129 * place :])
        assert (found[0].code, found[0].record) == ("B2_UNSUPPORTED_RECORD", place + 1)


def test_a_zone_without_a_source_is_no_zone_of_a_codec_that_has_none_of_its_name() -> None:
    table = load_pack().tables["3"]
    sources = {name_in_row(field): 0 for field in table.fields if field.is_written and not has_own_value(field)}
    with pytest.raises(LayoutError, match="3.csv: field start_date takes ''"):
        compile_table(table, sources)
