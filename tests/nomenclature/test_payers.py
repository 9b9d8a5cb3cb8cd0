# SPDX-License-Identifier: Apache-2.0
from datetime import date
from pathlib import Path

import pytest

from desmos_fast.nomenclature.payers import TEST_TABLE, PayersInvalid, payers, read_table
from desmos_fast.simulator.world import load_payers

HEAD = "id,kind,since,until,name,pays_for,source_note\n"


def table(folder: Path, *rows: str) -> Path:
    path = folder / "payers.csv"
    path.write_text(HEAD + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_service_and_the_simulated_world_know_the_same_payers() -> None:
    known = {row.id: row.names for row in payers("test", date(2026, 11, 25))}
    assert known == {payer: (name,) for payer, name in load_payers().names().items()}
    assert len(known) > 5


def test_a_live_key_has_no_payers_yet_and_every_row_says_where_it_comes_from() -> None:
    assert payers("live", date(2026, 11, 25)) == ()
    assert all(row.source_note for row in read_table(TEST_TABLE))


def test_a_row_holds_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    old, new = read_table(
        table(
            tmp_path,
            "op:00,operator,2026-07-01,,NOUVEAU NOM,amc:0099000013 amc:0099000021,",
            "op:00,operator,2020-01-01,2026-06-30,ANCIEN NOM|ANCIEN,amc:0099000013,",
        )
    )
    assert (old.names, new.names) == (("ANCIEN NOM", "ANCIEN"), ("NOUVEAU NOM",))
    assert new.pays_for == ("amc:0099000013", "amc:0099000021")
    assert [row.in_force(date(2026, 6, 30)) for row in (old, new)] == [True, False]
    assert [row.in_force(date(2026, 7, 1)) for row in (old, new)] == [False, True]
    assert not old.in_force(date(2019, 12, 31))


@pytest.mark.parametrize(
    "rows",
    [
        ("amo:01751,caisse,2020-01-01,,A,,",),
        ("amo:01751,amo,2020-13-01,,A,,",),
        ("amo:01751,amo,2020-01-01,,A,,", "amo:01751,amo,2021-01-01,,B,,"),
        ("amo:01751,amo,2020-01-01,2021-01-01,A,,", "amo:01751,amo,2021-01-01,,B,,"),
    ],
)
def test_an_unsound_table_is_refused(tmp_path: Path, rows: tuple[str, ...]) -> None:
    with pytest.raises(PayersInvalid):
        read_table(table(tmp_path, *rows))
