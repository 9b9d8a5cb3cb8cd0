# SPDX-License-Identifier: Apache-2.0
"""The table of rejects: what a code means, for whom it is work, from when to when, and that no code blocks anything."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from desmos_fast.nomenclature.rejects import OWNERS_FR, RejectTable, table_of
from desmos_fast.nomenclature.tariffs import PACKS, TariffsInvalid, load_tariffs, read_tariffs
from tests.nomenclature.packs import changed, small

DAY = date(2026, 11, 24)
BEFORE = DAY - timedelta(days=1)
CODES = """\
9100001,amo,rights,Ancien motif,,,2026-01-01,2026-11-23,L,essai
9100001,amo,coding,Nouveau motif,practitioner,Corriger,2026-11-24,,L,essai
9100001,any,contract,Motif de la mutuelle,,,2011-01-01,,L,essai
9100002,amc,duplicate,Déjà payée par la mutuelle,biller,,2011-01-01,,L,essai"""


def table(folder: Path, codes: str = CODES, classes: str = "") -> RejectTable:
    return table_of(read_tariffs(small(folder, reject_codes=codes, **({"reject_classes": classes} if classes else {}))))


@pytest.mark.parametrize(
    ("code", "name", "owner"),
    [
        ("2900005", "duplicate", "tp_manager"), ("0250050", "identity", "secretariat"), ("0450072", "rights", "secretariat"),
        ("0317051", "coding", "practitioner"), ("0460053", "prescriber", "biller"), ("0470049", "prescriber", "biller"),
    ],
)  # fmt: skip
def test_each_code_of_the_program_has_a_class_an_owner_and_words_in_french(code: str, name: str, owner: str) -> None:
    found = table_of(load_tariffs()).find(code, "amo:01751", DAY)
    assert (found.name, found.owner, found.known) == (name, owner, True) and found.label and found.action
    assert found.recycle is (name != "duplicate")


def test_every_class_of_the_field_is_there() -> None:
    shipped = table_of(load_tariffs())
    assert {row.name for row in shipped.classes} == {
        "rights", "identity", "contract", "prescriber", "coding", "duplicate", "late", "document", "technical", "unknown",
    }  # fmt: skip
    assert {row.name for row in shipped.classes if not row.recycle} == {"duplicate"}
    assert {row.owner for row in shipped.classes} == set(OWNERS_FR)


@pytest.mark.parametrize("code", ["", "7777777", "X", "999999999999", "é"])
@pytest.mark.parametrize("day", [date(1990, 1, 1), DAY, date(2069, 12, 31)])
def test_a_code_that_nobody_knows_blocks_nothing(code: str, day: date) -> None:
    found = table_of(load_tariffs()).find(code, "amc:0099000013", day)
    assert (found.code, found.name, found.known, found.recycle) == (code, "unknown", False, True) and found.owner and found.action


@pytest.mark.parametrize(
    ("code", "payer", "day", "said"),
    [
        ("9100001", "amo:01751", BEFORE, ("rights", "secretariat", "Ancien motif")),
        ("9100001", "amo:01751", DAY, ("coding", "practitioner", "Nouveau motif")),
        ("9100001", "amo:01751", date(2025, 12, 31), ("contract", "secretariat", "Motif de la mutuelle")),
        ("9100001", "amc:0099000013", DAY, ("contract", "secretariat", "Motif de la mutuelle")),
        ("9100001", "op:00", DAY, ("contract", "secretariat", "Motif de la mutuelle")),
        ("9100002", "amc:0099000013", DAY, ("duplicate", "biller", "Déjà payée par la mutuelle")),
        ("9100002", "amo:01751", DAY, ("unknown", "tp_manager", "Motif absent de la table")),
        ("2900005", "amo:01751", DAY, ("duplicate", "tp_manager", "Facture déjà payée")),
    ],
)
def test_a_code_means_what_its_row_says_on_the_day_for_the_kind_of_payer(
    tmp_path: Path, code: str, payer: str, day: date, said: tuple[str, str, str]
) -> None:
    found = table(tmp_path).find(code, payer, day)
    assert (found.name, found.owner, found.label) == said


def test_what_a_code_does_not_say_its_class_does(tmp_path: Path) -> None:
    found = table(tmp_path)
    assert found.find("9100001", "amo:01751", DAY).action == "Corriger"
    assert found.find("9100002", "amc:0099000013", DAY).action == found.kind("duplicate", DAY).action


def test_a_centre_gives_a_class_to_another_owner_from_a_day_on(tmp_path: Path) -> None:
    found = table(tmp_path, classes="identity,Identité,biller,Corriger,yes,2026-11-24,,L,essai")
    assert [found.find("0250050", "amo:01751", day).owner for day in (BEFORE, DAY)] == ["secretariat", "biller"]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("9100003,any,nothing,Motif,,,2026-01-01,,L,essai", "reject_classes.csv has none"),
        ("9100003,mutuelle,rights,Motif,,,2026-01-01,,L,essai", "payer_kind is 'mutuelle'"),
        ("9100003,any,rights,Motif,moi,,2026-01-01,,L,essai", "owner is 'moi'"),
        ("91-003,any,rights,Motif,,,2026-01-01,,L,essai", "code is '91-003'"),
        ("9100003,any,rights,,,,2026-01-01,,L,essai", "label is ''"),
        ("9100003,any,rights,Motif,,,hier,,L,essai", "since is 'hier'"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, line: str, column: str) -> None:
    with pytest.raises(TariffsInvalid, match="not sound") as refused:
        table(tmp_path, line)
    assert column in str(refused.value)


def test_two_rows_of_a_code_do_not_hold_on_one_day(tmp_path: Path) -> None:
    with pytest.raises(TariffsInvalid, match="is in force too"):
        table(tmp_path, "9100003,any,rights,Un,,,2026-01-01,,L,essai\n9100003,any,coding,Deux,,,2026-06-01,,L,essai")


def test_a_pack_that_stands_alone_without_the_tables_has_those_of_the_program(tmp_path: Path) -> None:
    folder = changed(tmp_path, "pack.csv", lambda text: text.replace(",1,", ",2,"))
    for name in ("reject_classes.csv", "reject_codes.csv"):
        (folder / name).unlink()
    assert read_tariffs(folder).reject_codes == load_tariffs().reject_codes


def test_a_table_without_the_class_of_unknown_codes_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path, "reject_classes.csv", lambda text: "".join(x for x in text.splitlines(True) if not x.startswith("unknown")))
    with pytest.raises(TariffsInvalid, match="unknown: no row is in force"):
        read_tariffs(folder)


def test_the_tables_of_the_program_say_where_each_row_comes_from() -> None:
    shipped = read_tariffs(PACKS / "fr-essai-1")
    assert all(row.source and row.confidence in ("M", "L") for row in (*shipped.reject_classes, *shipped.reject_codes))
