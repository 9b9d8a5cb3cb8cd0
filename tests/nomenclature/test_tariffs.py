# SPDX-License-Identifier: Apache-2.0
"""The shipped tariff pack is sound, holds what the worked examples need, and another takes its place or extends it."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.base.settings import BadSetting
from desmos_fast.nomenclature.model import BasketRow, Row
from desmos_fast.nomenclature.tables import TABLES
from desmos_fast.nomenclature.tariffs import DEFAULT_PACK, Tariffs, TariffsInvalid, load_tariffs, read_tariffs
from tests.nomenclature.packs import SHIPPED, held, small, with_line

PACK = read_tariffs(SHIPPED)
TODAY = date(2026, 3, 10)
RANKS = ("rac0", "moderated", "free")


@pytest.fixture
def fresh() -> Iterator[None]:
    load_tariffs.cache_clear()
    yield
    load_tariffs.cache_clear()


def teeth_of(row: BasketRow) -> tuple[str, ...]:
    return row.teeth or tuple(f"{quadrant}{place}" for quadrant in "1234" for place in "12345678")


def test_the_shipped_pack_is_sound_and_leaves_no_gap() -> None:
    assert (PACK.name, PACK.warnings) == (DEFAULT_PACK, ())


def test_no_line_of_the_files_is_lost() -> None:
    for table in TABLES:
        with (SHIPPED / table.file).open(encoding="utf-8", newline="") as lines:
            assert len(getattr(PACK, table.name)) == len(list(csv.DictReader(lines))) > 0


def test_rows_are_numbered_in_the_order_of_the_tables() -> None:
    assert [PACK.number(row) for row in PACK.rows] == list(range(1, len(PACK.rows) + 1))
    assert PACK.rows[0] is PACK.acts[0] and PACK.rows[-1] is PACK.reject_codes[-1]
    assert [PACK.table_of(PACK.number(row)) for row in (PACK.acts[-1], PACK.prices[0], PACK.values[3])] == ["acts", "prices", "values"]
    for number in (0, -1, len(PACK.rows) + 1):
        with pytest.raises(IndexError):
            PACK.table_of(number)


def test_between_two_breakpoints_nothing_changes_and_on_each_something_does() -> None:
    def in_force(day: date) -> set[Row]:
        return {row for row in PACK.rows if row.in_force(day)}

    days = PACK.breakpoints()
    assert list(days) == sorted(set(days)) and not in_force(days[0] - timedelta(days=1))
    for first, after in pairwise(days):
        assert in_force(first) == in_force(after - timedelta(days=1)) != in_force(after)


def test_the_end_of_a_row_is_a_breakpoint_too(tmp_path: Path) -> None:
    pack = read_tariffs(small(tmp_path, prices="SF,,290,2027-03-01,2027-03-31,M,a month"))
    assert {date(2027, 3, 1), date(2027, 4, 1)} <= set(pack.breakpoints())


EXAMPLES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("W1 price", "2026-03-10", "prices", {"code": "G", "specialty": ""}, {"unit_price": 3000}),
    ("W1 before", "2024-12-21", "prices", {"code": "G", "specialty": ""}, {"unit_price": 2650}),
    ("W1 act", "2026-03-10", "acts", {"kind": "ngap", "code": "G"}, {"category": "doctor", "role": "act"}),
    ("W1 rate", "2026-03-10", "rates", {"category": "doctor", "nature": 10, "off_path": False}, {"rate": 70}),
    ("W1 pf", "2026-03-10", "values", {"key": "participation_per_act"}, {"value": 200}),
    ("W1 pf before", "2024-05-14", "values", {"key": "participation_per_act"}, {"value": 100}),
    ("W1 contract", "2026-03-10", "contracts", {"number": "*", "contract_type": "*"}, {"kind": "ordinary", "tm_percent": 100}),
    ("W4 ALD", "2026-03-10", "exemptions", {"code": "4"}, {"effect": "full"}),
    ("W5 C2S", "2026-03-10", "contracts", {"contract_type": "89"}, {"kind": "c2s", "excess_percent": 0}),
    ("W6 age", "2026-03-10", "values", {"key": "participation_age"}, {"value": 18}),
    ("W7 pathway", "2026-03-10", "pathways", {"code": "S"}, {"off_path": True}),
    ("W7 rate", "2026-03-10", "rates", {"category": "doctor", "nature": 10, "off_path": True}, {"rate": 30}),
    ("W8 price", "2026-03-10", "prices", {"code": "C", "specialty": "19"}, {"unit_price": 2300}),
    ("W8 act", "2026-03-10", "acts", {"kind": "ngap", "code": "C", "specialty": "19"}, {"category": "dental_care"}),
    ("W8 rate", "2026-03-10", "rates", {"category": "dental_care", "nature": 10, "off_path": False}, {"rate": 60}),
    ("W8 off", "2026-03-10", "rates", {"category": "dental_care", "nature": 10, "off_path": True}, {"rate": 60}),
    ("W9 price", "2026-03-10", "prices", {"code": "HBJD001"}, {"unit_price": 2892}),
    ("W9 act", "2026-03-10", "acts", {"kind": "ccam", "code": "AXI"}, {"category": "dental_care"}),
    ("W10 price", "2023-11-15", "prices", {"code": "HBLD634"}, {"unit_price": 12000}),
    ("W10 act", "2023-11-15", "acts", {"kind": "ccam", "code": "PF0"}, {"category": "dental_prosthesis"}),
    ("W10 heavy", "2023-11-15", "categories", {"category": "dental_prosthesis"}, {"heavy": "no", "excess_free": True}),
    ("W10 cap", "2023-11-15", "baskets", {"code": "HBLD634"}, {"basket": "rac0", "cap": 50000}),
    ("W10 before", "2023-10-14", "rates", {"category": "dental_prosthesis", "nature": 10, "off_path": False}, {"rate": 70}),
    ("W10 after", "2023-10-15", "rates", {"category": "dental_prosthesis", "nature": 10, "off_path": False}, {"rate": 60}),
    ("W11 heavy", "2026-03-10", "categories", {"category": "technical"}, {"heavy": "forfait", "participation": True}),
    ("W11 act", "2026-03-10", "acts", {"kind": "ccam", "code": "ATM", "specialty": ""}, {"category": "technical"}),
    ("W11 threshold", "2026-03-10", "values", {"key": "heavy_act_base"}, {"value": 12000}),
    ("W11a", "2026-03-10", "values", {"key": "forfait_heavy_act"}, {"value": 2400}),
    ("W11b", "2026-05-11", "values", {"key": "forfait_heavy_act"}, {"value": 3200}),
    ("W12 act", "2025-05-05", "acts", {"code": "BDC"}, {"category": "ebd", "age_from": 3, "age_to": 24}),
    ("W12 price", "2025-05-05", "prices", {"code": "BDC"}, {"unit_price": 4000}),
    ("W12 2 X-rays", "2025-05-05", "prices", {"code": "BR2"}, {"unit_price": 5200}),
    ("W12 4 X-rays", "2025-05-05", "prices", {"code": "BR4"}, {"unit_price": 6400}),
    ("W12 rate", "2025-05-05", "rates", {"category": "ebd", "nature": 10, "off_path": False}, {"rate": 60}),
    ("W12b", "2025-05-05", "exemptions", {"code": "7"}, {"effect": "full"}),
    ("W13 nature", "2026-03-10", "natures", {"nature": 41}, {"full": True, "local": False}),
    ("W13 line", "2026-03-10", "acts", {"code": "ATD"}, {"role": "atd"}),
    ("W13 half", "2026-03-10", "values", {"key": "atd_percent"}, {"value": 50}),
    ("AME", "2026-03-10", "contracts", {"number": "0075500017"}, {"kind": "ame"}),
    ("Alsace-Moselle", "2026-03-10", "natures", {"nature": 13}, {"full": False, "local": True}),
    ("dentist's X-ray", "2026-03-10", "acts", {"code": "ADI", "specialty": "19"}, {"category": "dental_care"}),
    ("doctor's X-ray", "2026-03-10", "acts", {"code": "ADI", "specialty": ""}, {"category": "imaging"}),
]


@pytest.mark.parametrize(("day", "table", "key", "expected"), [pytest.param(*rest, id=name) for name, *rest in EXAMPLES])
def test_the_rows_of_the_worked_examples_are_there(day: str, table: str, key: dict[str, Any], expected: dict[str, Any]) -> None:
    row = held(PACK, table, date.fromisoformat(day), **key)
    assert {column: getattr(row, column) for column in expected} == expected


def test_orthodontics_has_no_rate_and_no_participation_of_dentists_is_in_force() -> None:
    assert not [row for row in PACK.rates if row.category == "orthodontics"]
    assert not [row for row in PACK.categories if row.category.startswith("dental") and row.participation]


def test_every_category_with_a_rate_has_one_for_each_nature_that_is_not_paid_whole() -> None:
    for category in {row.category for row in PACK.rates}:
        kept = {(row.nature, row.off_path) for row in PACK.rates if row.category == category and row.in_force(TODAY)}
        assert kept == {(10, False), (10, True), (13, False), (13, True)}


def test_what_is_proposed_instead_exists_on_every_tooth_and_leaves_less_to_pay() -> None:
    proposing = [row for row in PACK.baskets if row.alternative]
    for row in proposing:
        for tooth in teeth_of(row):
            [other] = [one for one in PACK.baskets if one.code == row.alternative and tooth in teeth_of(one)]
            assert RANKS.index(other.basket) < RANKS.index(row.basket) and other.in_force(row.since) and other.until is None
    assert {row.code for row in proposing} >= {"HBLD073", "HBLD158", "HBLD491", "HBLD734", "HBLD403"}


CEILINGS = {"HBLD634": 500, "HBLD680": 500, "HBLD350": 440, "HBLD158": 550, "HBLD491": 550, "HBLD073": 440, "HBLD038": 290}


def test_the_ceilings_of_crowns() -> None:
    caps = {(row.code, row.cap) for row in PACK.baskets if row.code in CEILINGS}
    assert caps == {(code, euros * 100) for code, euros in CEILINGS.items()}


def test_a_small_pack_adds_ends_and_replaces_rows(tmp_path: Path) -> None:
    pack = read_tariffs(small(
        tmp_path,
        prices="G,,3300,2027-01-01,,M,a rise\nXYZ,,1234,2026-01-01,,M,a letter of our own\nC,,2300,2011-01-01,2026-12-31,M,no longer used",
        values="forfait_heavy_act,3200,2026-04-22,2027-06-30,M,ends\nforfait_heavy_act,3600,2027-07-01,,L,guessed",
    ))  # fmt: skip
    assert (pack.name, pack.version) == ("centre-1", "7")
    assert [held(pack, "prices", day, code="G").unit_price for day in (date(2026, 12, 31), date(2027, 1, 1))] == [3000, 3300]
    assert held(pack, "prices", date(2026, 12, 31), code="G").until == date(2026, 12, 31)
    assert held(pack, "prices", TODAY, code="XYZ").source == "a letter of our own"
    assert not [row for row in pack.prices if row.code == "C" and row.specialty == "" and row.in_force(date(2027, 1, 1))]
    assert [held(pack, "values", day, key="forfait_heavy_act").value for day in (date(2027, 6, 30), date(2027, 7, 1))] == [3200, 3600]
    assert pack.acts == PACK.acts and len(pack.rows) == len(PACK.rows) + 3


def test_two_later_rows_end_the_open_one_before_the_first_of_them(tmp_path: Path) -> None:
    pack = read_tariffs(small(tmp_path, prices="G,,3300,2027-01-01,2027-12-31,M,a rise\nG,,3400,2028-01-01,,M,another"))
    assert held(pack, "prices", TODAY, code="G").until == date(2026, 12, 31)


def test_a_row_of_another_specialty_ends_nothing(tmp_path: Path) -> None:
    pack = read_tariffs(small(tmp_path, prices="G,22,3300,2027-01-01,,M,another key"))
    assert held(pack, "prices", date(2027, 1, 1), code="G", specialty="").unit_price == 3000


def test_a_price_flips_on_its_date_without_another_start(tmp_path: Path) -> None:
    pack = read_tariffs(small(tmp_path, prices="AMI,,330,2027-02-01,,M,a rise"))
    flip = date(2027, 2, 1)
    assert flip in pack.breakpoints()
    assert [held(pack, "prices", day, code="AMI").unit_price for day in (flip - timedelta(days=1), flip)] == [315, 330]


def test_a_gap_between_two_rows_of_a_key_is_warned_of(tmp_path: Path) -> None:
    folder = with_line(tmp_path, "exemptions.csv", "Z,full,essai,2020-01-01,2020-12-31,L,test\nZ,full,essai,2021-01-02,,L,test")
    assert read_tariffs(folder).warnings == ("exemptions.csv, Z: no row from 2021-01-01 to 2021-01-01",)


def test_the_setting_chooses_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    monkeypatch.delenv("DESMOS_TARIFFS", raising=False)
    assert load_tariffs().name == DEFAULT_PACK and load_tariffs() is load_tariffs()
    load_tariffs.cache_clear()
    monkeypatch.setenv("DESMOS_TARIFFS", str(small(tmp_path)))
    assert load_tariffs().name == "centre-1"


def test_a_relative_folder_and_a_folder_that_is_no_pack_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    monkeypatch.setenv("DESMOS_TARIFFS", "packs")
    with pytest.raises(BadSetting, match="DESMOS_TARIFFS"):
        load_tariffs()
    monkeypatch.setenv("DESMOS_TARIFFS", str(tmp_path))
    with pytest.raises(TariffsInvalid, match="pack.csv: No such file or directory"):
        load_tariffs()


def test_a_pack_is_made_of_rows_alone() -> None:
    assert Tariffs(name="vide", version="0").breakpoints() == ()
