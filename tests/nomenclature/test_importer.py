# SPDX-License-Identifier: Apache-2.0
"""Files of national tables: what is read of them, and each way in which one is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from desmos_fast.nomenclature.importer import MOST_FAULTS, Refused, TableFault, TableFile, national_tables, one_a_table, read_file

SAMPLE: Final = Path(__file__).parent / "national"
NAT: Final = (SAMPLE / "IR_NAT_V.csv").read_text(encoding="utf-8")
RGM: Final = (SAMPLE / "IR_RGM_V.csv").read_text(encoding="utf-8")
CCAM: Final = (SAMPLE / "IR_CCAM_V99.csv").read_text(encoding="utf-8")


def read(name: str) -> TableFile:
    return read_file(name, (SAMPLE / name).read_bytes())


def refused(file: str, content: bytes | str) -> list[TableFault]:
    with pytest.raises(Refused) as error:
        read_file(file, content.encode() if isinstance(content, str) else content)
    return list(error.value.faults)


def only(faults: list[TableFault]) -> dict[str, Any]:
    [fault] = faults
    return {name: value for name, value in msgspec.structs.asdict(fault).items() if name not in ("file", "message") and value is not None}


def test_what_is_declared_of_a_table_is_whole() -> None:
    tables = national_tables()
    assert len(tables) == 19
    for table in tables.values():
        assert table.holds
        assert table.places("key"), table.name
        assert len(table.places("label")) <= 1
        assert {column.role for column in table.columns} <= {"key", "label", "data"}
        assert len({column.name for column in table.columns}) == len(table.columns)


def test_codes_labels_and_the_columns_that_are_not_blank() -> None:
    found = read("IR_NAT_V.csv")
    assert (found.table, found.size, len(found.rows)) == ("IR_NAT", (SAMPLE / "IR_NAT_V.csv").stat().st_size, 4)
    code, label, data = found.rows[3]
    assert (code, label) == ("9003", "MAJORATION INVENTEE DU DIMANCHE")
    assert msgspec.json.decode(data) == {
        "PRS_NAT_STA": "99", "PRS_NAT_CB2": "QQB", "NAT_SOI_TOP": "1", "TDM_NAT_AFF": "9", "PRS_NAT_TDM": "99", "NAT_CPL_ACT": "1",
        "PRN_AID_TOP": "0", "TOP_SNI": "1", "TYA_COD": "Z", "CEL_TYP": "20", "TOP_PRS_SOI": "0", "PRS_NAT_RGT": "1",
        "PRS_NAT_OBS": "même lettre; autre numéro", "TEC_COL": "0",
    }  # fmt: skip


def test_a_quoted_text_may_hold_quotes_and_go_on_over_lines() -> None:
    assert [row[:2] for row in read("IR_CCAM_V99.csv").rows] == [
        ("ZZQZ001", "Examen inventé d'un œil, sans enregistrement"),
        ("ZZQZ002", "Avulsion inventée de 2 dents"),
        ("ZZQZ003", 'Résection "en bloc" inventée,\nen deux lignes'),
    ]
    assert read("IR_ASU_V.csv").rows[2].label == '"NATURE INVENTEE > 6 MOIS"'


def test_a_code_of_two_columns_and_a_table_without_labels() -> None:
    assert [row.code for row in read("IR_RGM_V.csv").rows] == ["1/1", "2/1", "4/676"]
    assert {row.label for row in read("IR_ORG_V.csv").rows} == {""}


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, lambda text: text + "\n\n"])
def test_line_ends_of_other_systems_a_mark_of_order_and_blank_lines_change_no_row(change: Callable[[str], str]) -> None:
    assert read_file("IR_RGM_V.csv", change(RGM).encode()).rows == read("IR_RGM_V.csv").rows


@pytest.mark.parametrize("name", ["IR_ZZZ_V.csv", "ir_nat_v.csv", "IR_NAT.csv", "IR_NAT_V63.txt", "notes.csv", "IR_NAT_V٣.csv"])
def test_a_file_is_known_by_its_name(name: str) -> None:
    assert only(refused(name, NAT)) == {"code": "nomenclature_unknown_file"}


@pytest.mark.parametrize(
    ("header", "field", "value"),
    [
        (RGM.replace("RGM_LIB", "RGM_LAB", 1), "RGM_LIB", "RGM_LAB"),
        (RGM.replace(";TEC_COL", "", 1), "TEC_COL", ""),
        (RGM.replace("TEC_COL", "TEC_COL;NEW", 1), None, "NEW"),
        (RGM.replace("RGM_GRG_COD;RGM_COD", "RGM_COD;RGM_GRG_COD", 1), "RGM_GRG_COD", "RGM_COD"),
        (CCAM, "RGM_GRG_COD", "CAM_PRS_IDE_COD"),
        ("", "RGM_GRG_COD", ""),
    ],
)
def test_a_file_is_known_by_its_header(header: str, field: str | None, value: str) -> None:
    expected = {"code": "nomenclature_header", "line": 1, "field": field, "value": value}
    assert only(refused("IR_RGM_V.csv", header)) == {name: what for name, what in expected.items() if what is not None}


def test_what_is_no_utf8_is_told_with_its_line() -> None:
    content = NAT.replace("NUIT", "ÉTÉ").encode("latin-1", "replace")
    assert only(refused("IR_NAT_V.csv", content)) == {"code": "nomenclature_encoding", "line": 4, "value": r"b'\xc9'"}
    assert only(refused("IR_NAT_V.csv", NAT.replace("NUIT", "NU\0T"))) == {"code": "nomenclature_encoding", "line": 4, "value": "NUL"}


def test_every_faulty_row_is_told_with_the_line_on_which_it_begins() -> None:
    lines = CCAM + '"ZZQZ004";"un de moins"\n"";"sans code";"ATM"\n"ZZQZ002";"deux fois";"ATM"\n"ZZQZ005";"sain";"ATM";"un de trop"\n'
    faults = refused("IR_CCAM_V99.csv", lines)
    assert [(fault.code, fault.line, fault.field, fault.value) for fault in faults] == [
        ("nomenclature_columns", 7, None, 2),
        ("nomenclature_code_missing", 8, "CAM_PRS_IDE_COD", ""),
        ("nomenclature_code_twice", 9, "CAM_PRS_IDE_COD", "ZZQZ002"),
        ("nomenclature_columns", 10, None, 4),
    ]
    assert faults[2].message == "line 3 has this code too"


def test_half_a_code_is_none() -> None:
    assert only(refused("IR_RGM_V.csv", RGM + "4; ;x;;0;0\n")) == {
        "code": "nomenclature_code_missing", "line": 5, "field": "RGM_COD", "value": "",
    }  # fmt: skip


def test_a_code_is_no_novel() -> None:
    [row] = read_file("IR_CCAM_V99.csv", f"{CCAM.splitlines()[0]}\n{'Z' * 64};un;ATM\n".encode()).rows
    assert row.code == "Z" * 64
    assert only(refused("IR_CCAM_V99.csv", f"{CCAM}{'Z' * 65};deux;ATM\n")) == {
        "code": "nomenclature_code_too_long", "line": 7, "field": "CAM_PRS_IDE_COD", "value": "Z" * 65,
    }  # fmt: skip


def test_a_text_that_does_not_end_is_told_where_its_row_begins() -> None:
    assert only(refused("IR_CCAM_V99.csv", CCAM + '"ZZQZ004";"sans fin;"ATM"\n"ZZQZ005";"b";"ATM"\n')) == {
        "code": "nomenclature_quotes", "line": 7,
    }  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [(CCAM.replace('"ATM"', '"ATM"x', 1), 2), ('"CAM_PRS', 1)])
def test_what_follows_quotes_or_misses_them_is_no_csv(text: str, line: int) -> None:
    assert only(refused("IR_CCAM_V99.csv", text)) == {"code": "nomenclature_quotes", "line": line}


def test_a_table_of_nothing_would_end_all() -> None:
    assert only(refused("IR_RGM_V.csv", RGM.splitlines()[0] + "\n")) == {"code": "nomenclature_empty"}


def test_a_file_of_another_kind_is_not_told_line_by_line_for_ever() -> None:
    faults = refused("IR_RGM_V.csv", RGM + "one;two\n" * 10 * MOST_FAULTS)
    assert len(faults) == MOST_FAULTS


def test_two_files_of_one_table_are_both_refused() -> None:
    nat, first = read("IR_NAT_V.csv"), read("IR_CCAM_V99.csv")
    second = read_file("IR_CCAM_V63.csv", CCAM.encode())
    kept, faults = one_a_table([first, nat, second])
    assert kept == [nat]
    assert [(fault.code, fault.file) for fault in faults] == [
        ("nomenclature_table_twice", "IR_CCAM_V99.csv"), ("nomenclature_table_twice", "IR_CCAM_V63.csv"),
    ]  # fmt: skip
