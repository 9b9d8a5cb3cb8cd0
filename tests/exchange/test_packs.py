# SPDX-License-Identifier: Apache-2.0
"""Layout packs: what a sound one tells, and how each unsound one is refused, by file, field and what to do."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from desmos_fast.base.settings import BadSetting
from desmos_fast.exchange import rules
from desmos_fast.exchange.layouts import load_pack, read_table, shipped_pack
from desmos_fast.exchange.model import LayoutError, LayoutNotInForce
from desmos_fast.exchange.reading.tables import LISTS, TYPES
from tests.exchange.packs import SHIPPED, Rows, edit, lay_out, new_pack, put

Change = Callable[[Path], object]
LATER = ("3", "3S", "3E", "3F", "3H", "4B", "4H")


def add(file: str, **row: str) -> Change:
    return lambda pack: edit(pack / file, lambda rows: rows.append({column: row.get(column, "") for column in rows[0]}))


def field(record_type: str, name: str, **values: str) -> Change:
    return lambda pack: put(pack / f"{record_type}.csv", name, **values)


def about(key: str, value: str) -> Change:
    return lambda pack: put(pack / "pack.csv", key, value=value)


def widths(record_type: str, *order: str, **lengths: int) -> Change:
    return lambda pack: lay_out(pack, record_type, *order, **lengths)


def drop(file: str, key: str) -> Change:
    return lambda pack: edit(pack / file, lambda rows: rows.remove(next(row for row in rows if key in row.values())))


def in_pieces(record_type: str, name: str) -> Change:
    """Cut a zone into zones of one character."""

    def change(rows: Rows) -> None:
        [at] = [at for at, row in enumerate(rows) if row["field"] == name]
        row = rows[at]
        start, length = int(row["start"]), int(row["length"])
        places = range(start, start + length)
        rows[at : at + 1] = [{**row, "field": f"blank_{place}", "start": str(place), "length": "1"} for place in places]

    return lambda pack: edit(pack / f"{record_type}.csv", change)


def new_table(*names: str, letter: str = "") -> Change:
    """Add tables with a type, a letter if one is given, and blanks."""

    def change(pack: Path) -> None:
        for name in names:
            kind = name.removesuffix(letter)
            rows = [f"record_type,1,{len(kind)},const,yes,{kind},ours", f"filler,{len(name) + 1},{128 - len(name)},filler,no,,ours"]
            if letter:
                rows.insert(1, f"complement,{len(name)},1,const,yes,{letter},ours")
            (pack / f"{name}.csv").write_text("\n".join(["field,start,length,kind,required,value,source_note", *rows, ""]))

    return change


def without(file: str, name: str) -> Change:
    """Drop every row of a list."""
    return lambda pack: edit(pack / file, lambda rows: rows.__setitem__(slice(None), [row for row in rows if row["list"] != name]))


def test_the_shipped_pack_says_what_it_is() -> None:
    pack = load_pack()
    assert (pack.profile, pack.name, pack.version, pack.status) == ("essai-1", "ESSAI", "01", "test profile")
    assert (pack.valid_from, pack.valid_to) == (date(1970, 1, 1), None)
    assert pack.source and pack is load_pack()


def test_the_shipped_pack_holds_to_its_own_rules() -> None:
    assert list(rules._all_wrong(shipped_pack(), shipped_pack())) == []
    assert load_pack(SHIPPED) == shipped_pack()


def test_the_types_that_a_pack_needs_are_those_that_are_read() -> None:
    assert {name for name, table in shipped_pack().tables.items() if not table.is_later} == set(TYPES)


def test_the_codes_of_a_list_are_as_wide_as_the_zones_that_hold_them() -> None:
    """What lets the sizes of the codes alone say that no zone is narrower or wider."""
    pack = shipped_pack()
    for table in pack.tables.values():
        for zone in table.fields:
            if zone.name in LISTS and zone.is_written and not table.is_later:
                assert max(map(len, pack.lists[LISTS[zone.name][0]])) == zone.length, f"{table.record_type}.{zone.name}"


@pytest.mark.parametrize(
    "change",
    [
        widths("4", "rate", "amo", "base"),
        widths("2S", referring_last_name=31, filler_122=1),
        widths("4M", phase=16, filler_108=6),
        field("4S", "ghs_number", value="0001"),
        field("4S", "coordination_option", kind="const", value="A"),
        field("4S", "ghs_number", kind="num", value="act.units"),
        about("valid_from", ""),
        add("letters.csv", letter="Ŧ", spelling="TH"),
        add("code_lists.csv", list="regime", code="99"),
        drop("free_text.csv", "R3"),
        lambda pack: [(pack / f"{name}.csv").unlink() for name in LATER],
        new_table("7", "8"),
        field("3", "coefficient", value="00200"),
        field("3", "rate", field="taux"),
        lambda pack: (pack / "4.csv").write_bytes(b"\xef\xbb\xbf" + (pack / "4.csv").read_bytes().replace(b"\n", b"\r\n")),
    ],
)
def test_a_pack_may_differ_where_no_rule_stands_on_it(tmp_path: Path, change: Change) -> None:
    pack = new_pack(tmp_path)
    change(pack)
    loaded = load_pack(pack)
    assert (loaded.profile, loaded.name, loaded.version) == ("autre-2", "AUTRE", "02")


FILES = [
    (lambda pack: (pack / "pack.csv").unlink(), "autre-2/pack.csv: No such file"),
    (lambda pack: (pack / "letters.csv").unlink(), "autre-2/letters.csv: No such file"),
    (lambda pack: (pack / "4M.csv").unlink(), "4M.csv: the pack has no such table"),
    (lambda pack: (pack / "4.csv").write_bytes(b"\xff\xfe" + (pack / "4.csv").read_bytes()), "autre-2/4.csv: this is no CSV in UTF-8"),
    (lambda pack: (pack / "4.csv").write_text("field,start\nx,1\n"), "autre-2/4.csv: the columns are not"),
    (lambda pack: (pack / "P9.csv").write_text((pack / "P9.csv").read_text() + "x,129,1\n"), "autre-2/P9.csv: line 7 has not 7"),
    (lambda pack: (pack / "2.csv").rename(pack / "7.csv"), "2.csv: the pack has no such table"),
]
ABOUT = [
    (about("id", "Autre 2"), "pack.csv: the id is 'Autre 2'"),
    (about("id", "essai-1"), "pack.csv: the id essai-1 is that of the program's own pack"),
    (about("name", "autre"), "pack.csv: the name 'autre' cannot be written"),
    (about("status", " "), "pack.csv: status is blank"),
    (about("valid_to", "2026-13-01"), "pack.csv: valid_to is '2026-13-01'"),
    (about("valid_to", "1969-12-31"), "pack.csv: valid_to 1969-12-31 comes before valid_from 1970-01-01"),
    (drop("pack.csv", "source"), "pack.csv: its keys are not those of a pack: source"),
    (add("pack.csv", key="author", value="x"), "pack.csv: its keys are not those of a pack: author"),
    (about("version", "03"), "000.csv: field profile_version: it is const '02', and pack.csv says version '03'"),
    (field("000", "norm_name", value="ESSAI"), "000.csv: field norm_name: it is const 'ESSAI', and pack.csv says name 'AUTRE'"),
]
TABLES = [
    (field("4", "rate", start="106"), "4.csv: field rate: it starts at 106 and leaves a gap"),
    (field("4", "rate", start="104"), "4.csv: field rate: it starts at 104 and overlaps"),
    (widths("4M", filler_108=20), "4M.csv: the table covers 127 characters"),
    (field("4", "rate", kind="decimal"), "4.csv: field rate: it has the unknown kind 'decimal'"),
    (field("4", "rate", length="three"), "4.csv: field rate: its length is 'three'"),
    (field("4", "rate", length="0"), "4.csv: field rate: its length is '0'"),
    (field("4", "rate", required="maybe"), "4.csv: field rate: required is 'maybe'"),
    (field("4", "rate", source_note=""), "4.csv: field rate: it has no source_note"),
    (field("4", "rate", field="base"), "4.csv: field base: the name stands twice"),
    (field("4", "rate", field="taux"), "4.csv: field rate: the table has no such field"),
    (field("4", "record_type", value="5"), "4.csv: the table is not of the type in its name"),
    (field("4S", "complement", value="X"), "4S.csv: the table is not of the type in its name"),
    (field("4", "filler_11", value="X"), "4.csv: field filler_11: a filler has no value"),
    (in_pieces("R3", "filler_63"), "R3.csv: the table has 72 fields"),
]
SOURCES = [
    (field("4", "rate", value="act.taux"), "4.csv: field rate: nothing is known under 'act.taux'"),
    (field("2", "filler_11", kind="num", value="act.units"), "2.csv: field filler_11: nothing is known under 'act.units'"),
    (field("2", "filler_11", kind="num", value="=total_fees"), "2.csv: field filler_11: nothing is known under '=total_fees'"),
    (field("4", "filler_11", kind="num", value="1"), "4.csv: field filler_11: nothing is known under '1'"),
    (field("4", "filler_11", kind="num", value=""), "4.csv: field filler_11: nothing is known under ''"),
    (field("2S", "payee", value="7 "), "2S.csv: field payee: the constant '7 ' cannot be written"),
    (field("2S", "payee", value="éa"), "2S.csv: field payee: the constant 'éa' cannot be written"),
    (field("2S", "payee", value="123"), "2S.csv: field payee: the constant '123' is wider than its 2 characters"),
    (field("3", "coefficient", value="001000"), "3.csv: field coefficient: the constant '001000' is wider than its 5 characters"),
    (field("4", "rate", value="act.units"), "4.csv: field rate: it holds 'act.units'"),
    (field("4", "rate", kind="alpha"), "4.csv: field rate: it is alpha"),
    (field("4S", "ghs_number", kind="alpha", value="act.units"), "4S.csv: field ghs_number: it is alpha"),
    (field("4S", "ghs_number", kind="num", value="=biller"), "4S.csv: field ghs_number: it is 4 wide, and what it holds has 9 characters"),
    (field("4S", "ghs_number", kind="alpha", value="insured_nir[1:5]"), "4S.csv: field ghs_number: nothing is known under 'insured"),
    (field("2S", "filler_11", field="rank_sign", kind="alpha", value="beneficiary.rank"), "2S.csv: field rank_sign: nothing is known"),
]
SHAPES = [
    (widths("2", nir=12, filler_11=2), "2.csv: field nir: it is 12 wide, and what it holds has 13 characters"),
    (widths("2", biller=10, filler_11=0), "2.csv: field biller: it is 10 wide, and what it holds has 9 characters"),
    (widths("2", caisse=2, filler_11=2), "2.csv: field caisse: it is 2 wide, and what it holds has 3 characters"),
    (widths("4M", tooth_1=1, filler_108=22), "4M.csv: field tooth_1: it is 1 wide, and what it holds has 2 characters"),
    (widths("4S", prior_agreement_date=7, filler_56=14), "4S.csv: field prior_agreement_date: a date of 7 characters"),
    (widths("R1", paid_sign=2, filler_73=55), "R1.csv: field paid_sign: it is 2 wide, and what it holds has 1 characters"),
    (widths("R1", paid=13, filler_73=52), "R1.csv: field paid: 13 digits are more than can be added up"),
    (widths("4M", phase=17, filler_108=5), "4M.csv: field phase: 17 digits are more than can be added up"),
    (widths("999", sender_program=7, filler_101=27), "999.csv: field sender_program: it repeats the one of 000, which is 6 wide"),
    (widths("4M", "tooth_2", "tooth_1"), "4M.csv: field tooth_2: it does not follow element 0 of act.teeth"),
    (widths("4M", "modifier_1", "association", "modifier_2"), "4M.csv: field modifier_2: it does not follow element 0 of act.modifiers"),
    (widths("4", "act_code", "act_complement", "line_exoneration", "prescription_origin", "invoice_number"),
     "4.csv: field prescription_origin: character 36 may be a letter, and there 4B has the one that tells it"),
    (widths("4M", "complement", "sequence", "reserved_39", "ccam_code", "invoice_number"), "4M.csv: field ccam_code: character 36 may be"),
    (widths("4E", "prescriber_structure", "complement"), "4E.csv: field prescriber_structure: character 36 may be"),
    (new_table("7", "71"), "71.csv: a record 7 may begin like it"),
    (new_table("7S", letter="S"), "7S.csv: it completes 7, which the pack does not have"),
]  # fmt: skip
LISTED = [
    (add("code_lists.csv", list="regime", code="1"), "code_lists.csv: list regime: the code '1' does not fit its zone"),
    (add("code_lists.csv", list="nature_assurance", code="A1"), "code_lists.csv: list nature_assurance: the code 'A1' does not fit"),
    (add("code_lists.csv", list="qualifier", code="AB"), "code_lists.csv: list qualifier: the code 'AB' does not fit its zone"),
    (add("code_lists.csv", list="qualifier", code="a"), "code_lists.csv: list qualifier: the code 'a' does not fit its zone"),
    (lambda pack: edit(pack / "code_lists.csv", lambda rows: rows.extend(
        {"list": "regime", "code": f"{number:02d}", "label": "", "note": ""} for number in range(100)
    )), "code_lists.csv: list regime: it has 100 codes"),
    (without("code_lists.csv", "flow"), "code_lists.csv: list flow: the pack has no such list"),
    (add("letters.csv", letter="Œ", spelling="OE"), "letters.csv: 'Œ' cannot be spelt 'OE'"),
    (add("letters.csv", letter="A", spelling="B"), "letters.csv: 'A' cannot be spelt 'B'"),
    (add("letters.csv", letter="Ŧ", spelling="Th"), "letters.csv: 'Ŧ' cannot be spelt 'Th'"),
    (add("free_text.csv", record_type="4", field="act_code"), "free_text.csv: field act_code of 4: no free text may stand there"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), [*FILES, *ABOUT, *TABLES, *SOURCES, *SHAPES, *LISTED])
def test_an_unsound_pack_is_refused_by_file_and_field(tmp_path: Path, change: Change, told: str) -> None:
    pack = new_pack(tmp_path)
    change(pack)
    with pytest.raises(LayoutError) as refused:
        load_pack(pack)
    assert refused.value.code == "layout_invalid"
    assert refused.value.detail.startswith(told)
    assert refused.value.hint


@pytest.mark.parametrize("folder", ["nowhere", "file"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LayoutError, match="there is no such folder") as refused:
        load_pack(tmp_path / folder)
    assert "DESMOS_LAYOUTS" in refused.value.hint


def test_the_setting_chooses_the_pack_once_for_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_LAYOUTS", str(new_pack(tmp_path)))
    load_pack.cache_clear()
    try:
        chosen = load_pack()
        monkeypatch.setenv("DESMOS_LAYOUTS", "packs/relative")
        assert load_pack() is chosen and chosen.profile == "autre-2"
        load_pack.cache_clear()
        with pytest.raises(BadSetting, match="DESMOS_LAYOUTS"):
            load_pack()
    finally:
        load_pack.cache_clear()


@pytest.mark.parametrize(
    ("first", "last", "day", "fits"),
    [
        ("2026-01-01", "2026-12-31", "2026-01-01", True), ("2026-01-01", "2026-12-31", "2026-12-31", True), ("", "", "2069-12-31", True),
        ("2026-01-01", "", "2025-12-31", False), ("", "2026-12-31", "2027-01-01", False),
    ],
)  # fmt: skip
def test_a_pack_writes_no_file_of_a_day_when_it_is_not_in_force(tmp_path: Path, first: str, last: str, day: str, fits: bool) -> None:
    pack = new_pack(tmp_path)
    about("valid_from", first)(pack)
    about("valid_to", last)(pack)
    if fits:
        load_pack(pack).check_day(day)
        return
    with pytest.raises(LayoutNotInForce, match=day) as refused:
        load_pack(pack).check_day(day)
    assert refused.value.code == "layout_not_in_force" and refused.value.hint


def test_a_table_is_read_alone() -> None:
    assert read_table(SHIPPED / "2S.csv") == shipped_pack().tables["2S"]
