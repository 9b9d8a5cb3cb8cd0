# SPDX-License-Identifier: Apache-2.0
"""A tariff pack that is not sound is refused, with all that is wrong: file, line, key, and what to do."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.nomenclature import rules
from desmos_fast.nomenclature.model import ValueRow
from desmos_fast.nomenclature.rules import Placed
from desmos_fast.nomenclature.tables import BY_NAME, TABLES
from desmos_fast.nomenclature.tariffs import TariffsInvalid, read_tariffs
from tests.nomenclature.packs import SHIPPED, changed, small, with_line

DAY = timedelta(days=1)
FIRST = date(2020, 1, 1)


def faults(folder: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(TariffsInvalid) as caught:
        read_tariffs(folder)
    assert caught.value.code == "tariffs_invalid"
    assert all(str(fault) in caught.value.detail and fault.hint for fault in caught.value.faults)
    return [(Path(fault.file).name, fault.line, fault.key, fault.message) for fault in caught.value.faults]


def last_line(file: str) -> int:
    """Return the number of the line that a line added to a shipped table has."""
    return len((SHIPPED / file).read_text(encoding="utf-8").splitlines()) + 1


@pytest.mark.parametrize(
    ("file", "line", "key", "message"),
    [
        ("prices.csv", "G,,3100,2026-01-01,,H,x", "G", "on 2026-01-01 the row of copie-1/prices.csv, line 4 is in force too"),
        ("prices.csv", "G,,3100,2024-12-22,2024-12-22,H,x", "G", "on 2024-12-22 the row of"),
        ("acts.csv", "ccam,ADI,19,imaging,act,,,x,2020-01-01,,H,x", "ccam ADI 19", "is in force too"),
        ("rates.csv", "doctor,10,yes,40,2026-01-01,,H,x", "doctor 10 out of the pathway", "is in force too"),
        ("baskets.csv", "HBLD634,14 15,rac0,50000,,2026-01-01,,H,x", "HBLD634 14 15", "is in force too"),
        ("baskets.csv", "HBLD491,,moderated,55000,,2026-01-01,,H,x", "HBLD491", "is in force too"),
        ("acts.csv", "ngap,ABC,,no_such,act,,,x,2020-01-01,,H,x", "ngap ABC", "its category is no_such, and categories.csv has none"),
        ("rates.csv", "no_such,10,no,40,2026-01-01,,H,x", "no_such 10 in the pathway", "its category is no_such"),
        ("rates.csv", "doctor,42,no,40,2026-01-01,,H,x", "doctor 42 in the pathway", "its nature is 42"),
        ("baskets.csv", "HBLD999,,free,,HBLD000,2026-01-01,,H,x", "HBLD999", "its alternative is HBLD000"),
        ("prices.csv", "ABC,,12.50,2026-01-01,,H,x", "ABC", "unit_price is '12.50'"),
        ("prices.csv", "ABC,,-1,2026-01-01,,H,x", "ABC", "unit_price is '-1'"),
        ("prices.csv", "ABC,,10000000,2026-01-01,,H,x", "ABC", "unit_price is '10000000'"),
        ("prices.csv", f"ABC,,{'9' * 5000},2026-01-01,,H,x", "ABC", "unit_price is '9999"),
        ("prices.csv", "ABC,,٣,2026-01-01,,H,x", "ABC", "unit_price is '٣'"),
        ("prices.csv", "abc,,100,2026-01-01,,H,x", "abc", "code is 'abc'"),
        ("prices.csv", "ABC,1,100,2026-01-01,,H,x", "ABC 1", "specialty is '1'"),
        ("prices.csv", "ABC,,100,01/02/2026,,H,x", "ABC", "since is '01/02/2026'"),
        ("prices.csv", "ABC,,100,2026-02-30,,H,x", "ABC", "since is '2026-02-30'"),
        ("prices.csv", "ABC,,100,1969-12-31,,H,x", "ABC", "since is '1969-12-31'"),
        ("prices.csv", "ABC,,100,,,H,x", "ABC", "since is ''"),
        ("prices.csv", "ABC,,100,2026-01-02,2026-01-01,H,x", "ABC", "until is '2026-01-01'"),
        ("prices.csv", "ABC,,100,2026-01-01,,X,x", "ABC", "confidence is 'X'"),
        ("prices.csv", "ABC,,100,2026-01-01,,H,", "ABC", "source is ''"),
        ("categories.csv", "new,maybe,yes,no,x,2026-01-01,,H,x", "new", "heavy is 'maybe'"),
        ("categories.csv", "new,no,true,no,x,2026-01-01,,H,x", "new", "participation is 'true'"),
        ("rates.csv", "doctor,30,no,101,2026-01-01,,H,x", "doctor 30 no", "rate is '101'"),
        ("acts.csv", "lpp,ABC,,doctor,act,,,x,2020-01-01,,H,x", "lpp ABC", "kind is 'lpp'"),
        ("acts.csv", "ngap,ABC,,doctor,act,9,8,x,2020-01-01,,H,x", "ngap ABC", "age_to is '8'"),
        ("acts.csv", "ngap,ABC,,doctor,act,,,,2020-01-01,,H,x", "ngap ABC", "label is ''"),
        ("baskets.csv", "HBLD999,19,free,,,2026-01-01,,H,x", "HBLD999 19", "teeth is '19'"),
        ("baskets.csv", "HBLD999,18-21,free,,,2026-01-01,,H,x", "HBLD999 18-21", "teeth is '18-21'"),
        ("baskets.csv", "HBLD999,13-11,free,,,2026-01-01,,H,x", "HBLD999 13-11", "teeth is '13-11'"),
        ("baskets.csv", "HBLD999,11-13 12,free,,,2026-01-01,,H,x", "HBLD999 11-13 12", "teeth is '11-13 12'"),
        ("contracts.csv", "123,*,ordinary,yes,100,yes,yes,0,0,2026-01-01,,H,x", "123 *", "number is '123'"),
        ("values.csv", "no_such_key,1,2026-01-01,,H,x", "no_such_key", "key is 'no_such_key'"),
        ("exemptions.csv", "XX,full,x,2026-01-01,,H,x", "XX", "code is 'XX'"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused(tmp_path: Path, file: str, line: str, key: str, message: str) -> None:
    [(named, number, found, told)] = faults(with_line(tmp_path, file, line))
    assert (named, number, found) == (file, last_line(file), key) and message in told


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("prices.csv", lambda text: text.replace("unit_price", "price", 1), "the column unit_price is missing"),
        ("prices.csv", lambda text: text.replace("unit_price", "price", 1), "the column 'price' is unknown"),
        ("prices.csv", lambda text: text.replace("source", "code", 1), "the column 'code' stands twice"),
        ("prices.csv", lambda text: f"{text}ABC,,100,2026-01-01,,H\n", "it has not 7 columns"),
        ("prices.csv", lambda text: f"{text}ABC,,100,2026-01-01,,H,one, two\n", "it has not 7 columns"),
        ("prices.csv", lambda text: f'{text}ABC,,100,2026-01-01,,H,"one', "this is no CSV in UTF-8"),
        ("prices.csv", lambda text: "", "the column code is missing"),
        ("pack.csv", lambda text: text.splitlines()[0], "it has 0 rows"),
        ("pack.csv", lambda text: text + text.splitlines()[1], "it has 2 rows"),
        ("pack.csv", lambda text: text.replace("fr-essai-1", "Fr Essai", 1), "the name is 'Fr Essai'"),
        ("pack.csv", lambda text: text.replace(",1,", ",,", 1), "version is ''"),
        ("pack.csv", lambda text: text.replace("1,,test", "1,../evil,test", 1), "it extends '../evil'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, file: str, change: Callable[[str], str], message: str) -> None:
    found = faults(changed(tmp_path, file, change))
    assert message in [told for _, _, _, told in found] and {named for named, *_ in found} == {file}


def test_a_file_of_another_encoding_and_a_file_that_is_missing_are_told(tmp_path: Path) -> None:
    folder = with_line(tmp_path, "prices.csv", "ABC,,100,2026-01-01,,H,x")
    (folder / "prices.csv").write_bytes("ABC,,100,2026-01-01,,H,à".encode("latin-1"))
    (folder / "regimes.csv").unlink()
    found = faults(folder)
    assert [(file, told) for file, _, _, told in found] == [
        ("prices.csv", "this is no CSV in UTF-8"), ("regimes.csv", "No such file or directory"),
    ]  # fmt: skip


def test_a_table_under_a_name_that_nobody_reads_is_told(tmp_path: Path) -> None:
    folder = small(tmp_path)
    (folder / "README.md").write_text("nobody minds", encoding="utf-8")
    names = ["price.csv", "prices.CSV"]
    for name in names:
        (folder / name).write_text("code\nG\n", encoding="utf-8")
    assert [(file, told) for file, _, _, told in faults(folder)] == [(name, "no table has this name") for name in names]


def test_a_default_contract_that_is_not_always_in_force_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path, "contracts.csv", lambda text: text.replace("0,0,2011-01-01", "0,0,2020-01-01", 1))
    assert faults(folder) == [
        ("contracts.csv", 0, "* *", "no row is in force from 2011-01-01 to 2019-12-31, and one is needed on every day")
    ]


def test_a_row_that_outlasts_its_category_is_refused(tmp_path: Path) -> None:
    found = faults(small(tmp_path, categories="ebd,no,no,no,x,2011-01-01,2026-12-31,H,x"))
    assert {key for _, _, key, _ in found} >= {"ngap BDC", "ebd 10 in the pathway"}
    assert {told for *_, told in found} == {"its category is ebd, and categories.csv has none on 2027-01-01"}


def test_what_a_faulty_line_would_have_said_is_not_missed(tmp_path: Path) -> None:
    folder = changed(tmp_path, "contracts.csv", lambda text: text.replace("*,*,ordinary", "*,*,usual", 1))
    assert [told for *_, told in faults(folder)] == ["kind is 'usual'"]


@pytest.mark.parametrize("key", ["forfait_heavy_act", "participation_age", "late_care_months"])
def test_a_value_that_ends_is_refused(tmp_path: Path, key: str) -> None:
    folder = changed(tmp_path, "values.csv", lambda text: "\n".join(line for line in text.splitlines() if not line.startswith(key)))
    assert faults(folder) == [("values.csv", 0, key, "no row is in force from 2011-01-01 on, and one is needed on every day")]


def test_more_categories_than_a_day_can_hold_are_refused(tmp_path: Path) -> None:
    lines = "\n".join(f"new{number},no,no,no,x,2026-01-01,,H,x" for number in range(60))
    assert [told for *_, told in faults(with_line(tmp_path, "categories.csv", lines))] == ["there are more than 64 categories"]


def test_everything_wrong_is_told_at_once_and_nothing_that_only_follows(tmp_path: Path) -> None:
    with_line(tmp_path, "prices.csv", "ABC,,x,2026-02-30,,Q,\nG,,3100,2026-01-01,,H,x")
    with_line(tmp_path, "values.csv", "no_such_key,1,2026-01-01,,H,x")
    folder = changed(tmp_path, "categories.csv", lambda text: text.replace("doctor,no", "doctor,maybe", 1))
    found = [(file, key, told.partition(" is ")[0]) for file, _, key, told in faults(folder)]
    assert sorted(found) == sorted([
        *(("prices.csv", "ABC", column) for column in ("unit_price", "since", "confidence", "source")),
        ("prices.csv", "G", "on 2026-01-01 the row of copie-1/prices.csv, line 4"),
        ("values.csv", "no_such_key", "key"), ("categories.csv", "doctor", "heavy"),
    ])  # fmt: skip


def test_many_faults_are_counted_and_the_first_of_them_shown(tmp_path: Path) -> None:
    with pytest.raises(TariffsInvalid) as caught:
        read_tariffs(with_line(tmp_path, "prices.csv", "\n".join(f"ABC,,{number}x,2026-01-01,,H,x" for number in range(150))))
    assert len(caught.value.faults) == 150 and caught.value.detail.endswith("and 50 more")


def test_what_extends_a_pack_is_checked_together_with_it(tmp_path: Path) -> None:
    [(file, line, key, told)] = faults(small(tmp_path, prices="G,,3300,2024-06-01,,M,too early"))
    assert (file, line, key) == ("prices.csv", 4, "G") and "centre-1/prices.csv, line 2 is in force too" in told


def test_a_pack_that_extends_nothing_known_is_refused(tmp_path: Path) -> None:
    assert faults(small(tmp_path, extends="fr-essai-9")) == [("pack.csv", 2, "", "it extends 'fr-essai-9'")]


SPANS = st.lists(st.tuples(st.integers(0, 11), st.one_of(st.none(), st.integers(0, 11))), max_size=5)


@given(spans=SPANS)
def test_overlaps_and_gaps_are_those_that_a_calendar_shows(spans: list[tuple[int, int | None]]) -> None:
    days = [(FIRST + first * DAY, None if last is None else FIRST + max(first, last) * DAY) for first, last in spans]
    rows = [ValueRow(key="atd_percent", value=1, since=since, until=until, confidence="L", source="x") for since, until in days]
    tables: dict[str, list[Placed]] = {table.name: [] for table in TABLES}
    tables["values"] = [Placed(row, "values.csv", line) for line, row in enumerate(rows, 2)]
    counts = [sum(row.in_force(FIRST + day * DAY) for row in rows) for day in range(14)]
    told = [fault for fault in rules.check(tables, unread=BY_NAME) if "in force too" in fault.message]
    assert bool(told) == (max(counts) > 1)
    if not told:
        covered = [day for day, count in enumerate(counts) if count]
        assert bool(list(rules.gaps(tables))) == (covered != list(range(covered[0], covered[-1] + 1)) if covered else False)
